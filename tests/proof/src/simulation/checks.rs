//! What must be true after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rowbill::ledger::memory::Book;
use rowbill::ledger::{Ledger, RowFilter, RowRecord};
use rowbill::run::report_json;
use rowbill::run::{Fate, Report};
use rowbill_stripe_sandbox::{Entry, RequestEntry};

use super::business::{ACCOUNTS, CANARY, NAMES, key_of, table_of};
use super::process::Ran;
use super::table::{cell, cells, key};
use super::world::{World, hold};
use crate::invariants;

/// So many seconds the sandbox keeps a key.
const KEYS_KEPT: i64 = 24 * 60 * 60;

/// What is remembered between steps.
#[derive(Default)]
pub struct Watch {
    /// The journals as far as they were read.
    pub journals: BTreeMap<&'static str, Vec<Entry>>,
    /// Where the last reading began.
    marks: BTreeMap<&'static str, u64>,
    /// What was made: the object by connection, key and step.
    done: BTreeMap<(String, Vec<String>, String), String>,
}

/// One violation, in words that begin with its invariant.
pub type Check = Result<(), String>;

impl Watch {
    /// Reads on in the journals. Answers may have come since, so the last step's entries are read again.
    pub fn read(&mut self, world: &World) {
        for account in ACCOUNTS {
            let mark = self.marks.entry(account).or_default();
            let journal = self.journals.entry(account).or_default();
            let length = journal.len();
            journal.truncate(usize::try_from(*mark).unwrap_or_default());
            journal.extend(world.stripe[account].journal_since(*mark));
            *mark = length as u64;
        }
    }

    /// Checks the journals, the wires and the ledger.
    pub async fn world(&mut self, world: &World) -> Check {
        self.read(world);
        for (account, entries) in &self.journals {
            invariants::at_most_one_object(entries)?;
            invariants::requests_are_stamped(entries)?;
            invariants::invoices_are_their_items(entries)?;
            if let Some(again) = invariants::sent_again(entries).first() {
                return Err(format!("mails: {}", again.told(entries)));
            }
            let reused = invariants::keys_reused(entries);
            if let Some(reuse) = reused.iter().find(|reuse| !is_excused(world, account, reuse)) {
                return Err(reuse.told());
            }
        }
        wires(world)?;
        self.monotone(world).await?;
        self.marks(world)
    }

    /// What was written back stands at the right keys.
    fn marks(&self, world: &World) -> Check {
        let (tables, deleted) = (hold(&world.tables), hold(&world.deleted));
        for (name, table) in &*tables {
            for line in &table.rows {
                let (mark, own) = (cell(name, line, "Stripe"), key(name, line));
                let place = ((*name).to_owned(), own.clone());
                if mark.is_empty() || own.iter().any(String::is_empty) || deleted.contains(&place) {
                    continue;
                }
                let (name, own) = place;
                let is_own = self.made(&name, &own).any(|(_, id)| id == mark);
                if !is_own {
                    return Err(format!("marks: {name} {own:?} is marked with {mark}, which is not its own"));
                }
            }
        }
        Ok(())
    }

    /// I6: what was done keeps its object.
    async fn monotone(&mut self, world: &World) -> Check {
        for name in NAMES {
            for row in rows(world, name).await? {
                let is_remade = hold(&world.deleted).contains(&(name.to_owned(), row.key.clone()));
                for object in row.objects.iter().filter(|_| !is_remade) {
                    let place = (name.to_owned(), row.key.clone(), object.step.clone());
                    let was = self.done.entry(place).or_insert_with(|| object.id.clone());
                    if *was != object.id {
                        return Err(format!("I6: {name} {:?} was {was} and is {object:?}", row.key));
                    }
                }
            }
        }
        Ok(())
    }

    /// What was made for a key, in this ledger or an earlier one: steps and ids.
    pub fn made(&self, name: &str, key: &[String]) -> impl Iterator<Item = (&str, &str)> {
        let (name, key) = (name.to_owned(), key.to_vec());
        let from = self.done.range((name.clone(), key.clone(), String::new())..);
        let own = from.take_while(move |((of, other, _), _)| *of == name && *other == key);
        own.map(|((_, _, step), id)| (step.as_str(), id.as_str()))
    }

    /// All keys of a connection for which something was made.
    pub fn keys(&self, name: &str) -> impl Iterator<Item = Vec<String>> {
        self.done.keys().filter(move |(of, ..)| of == name).map(|(_, key, _)| key.clone())
    }
}

/// Whether requests of a connection have left since so many had. What arrives only now was another run's.
fn has_sent(world: &World, name: &str, since: usize) -> bool {
    let Ok(connection) = world.project.connection(name) else { return false };
    let tag = format!("rowbill-1-{}", world.project.owner(connection).tag());
    hold(&world.wires).keys[since..].iter().any(|key| key.starts_with(&tag))
}

/// A ledger that was lost or put back cannot know which bytes its keys stand for already. Stripe refuses the other ones,
/// and what was made under the key is looked up; once it has forgotten the key, that stands for nothing any more.
fn is_excused(world: &World, account: &str, reuse: &invariants::Reuse<'_>) -> bool {
    let forgotten = hold(&world.forgotten);
    let mut losses = forgotten.get(account).into_iter().flatten();
    let is_between = losses.any(|at| (reuse.first.seq..reuse.other.seq).contains(at));
    let has_effect = |request: &RequestEntry| request.status == Some(200);
    let is_forgotten = reuse.other.at - reuse.first.at >= KEYS_KEPT;
    is_between && (is_forgotten || !(has_effect(reuse.first) && has_effect(reuse.other)))
}

/// All of the ledger's rows of a connection.
pub async fn rows(world: &World, name: &str) -> Result<Vec<RowRecord>, String> {
    let filter = RowFilter { limit: 10_000, ..RowFilter::default() };
    world.ledger().list_rows(name, &filter).await.map_err(|problem| problem.message)
}

/// I7: no POST after the key was refused, and no more requests than the account's rate.
fn wires(world: &World) -> Check {
    for ((process, account), line) in &mut hold(&world.wires).lines {
        if let Some(what) = &line.after_refusal {
            return Err(format!("I7: process {process} sent {what} to {account} after its key was refused"));
        }
        let Some(rate) = world.shape.rate.filter(|_| *account == ACCOUNTS[1]) else { continue };
        // A tenth of a second's worth may leave at once.
        let most = rate as usize + rate.div_ceil(10) as usize + 1;
        let too_fast = |window: &[tokio::time::Instant]| window[most] - window[0] < Duration::from_millis(999);
        if line.left.windows(most + 1).any(too_fast) {
            return Err(format!("I7: process {process} sent more than {rate} requests a second to {account}"));
        }
        let kept = line.left.len().saturating_sub(most);
        line.left.drain(..kept);
    }
    Ok(())
}

/// A run that was begun.
pub struct Begun {
    /// Its connection.
    pub name: &'static str,
    /// Its id.
    pub run: String,
    /// All rows are asked for.
    pub whole: bool,
    /// How many requests had left before.
    pub since: usize,
}

/// I3, I10, I14: what a run says of itself.
pub fn report(world: &World, begun: &Begun, ran: &mut Ran) -> Check {
    let Begun { name, since, .. } = begun;
    match ran {
        Ok(report) => {
            equation(world, begun, report)?;
            let mut text = Vec::new();
            report_json::write(&mut text, report, rowbill::connectors::catalog()).map_err(|problem| problem.message)?;
            secret(&String::from_utf8_lossy(&text))
        }
        Err(problems) => {
            secret(&format!("{problems:?}"))?;
            // A ledger that fails stops a run in its middle; any other refusal comes before its first request.
            let is_refusal = !problems.iter().any(|problem| problem.code.starts_with("ledger."));
            if is_refusal && has_sent(world, name, *since) {
                return Err(format!("I14: {name} was refused and has sent: {problems:#?}"));
            }
            Ok(())
        }
    }
}

fn equation(world: &World, begun: &Begun, report: &mut Report) -> Check {
    let Begun { name, run, whole, .. } = begun;
    let tally = report.tally;
    if !tally.holds() {
        return Err(format!("I3: the equation of {name} does not hold: {tally:?}"));
    }
    let readings = hold(&world.readings);
    let rows = readings.get(run).map(Vec::as_slice).unwrap_or_default();
    let mut told: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    let mut fates = [0; 3];
    let mut silent = false;
    let each = report.problems.each(|problem| {
        silent |= problem.problem.message.is_empty() || problem.problem.code.is_empty();
        match problem.state {
            Fate::Failed => fates[0] += 1,
            Fate::NeedsReview => fates[1] += 1,
            Fate::Deferred => fates[2] += 1,
            _ => silent = true,
        }
        *told.entry(problem.key.clone()).or_default() += 1;
    });
    each.map_err(|problem| problem.message)?;
    if silent || fates != [tally.failed, tally.needs_review, tally.deferred] {
        return Err(format!("I3: not every row of {name} has its reason: {tally:?} {fates:?}"));
    }
    if tally.read > rows.len() as u64 || (*whole && tally.read < rows.len() as u64) {
        return Err(format!("I3: {name} read {} rows of {}", tally.read, rows.len()));
    }
    let mut here: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for row in rows {
        let key = cells(table_of(name), row, key_of(name));
        *here.entry(key.iter().map(|part| part.to_lowercase()).collect()).or_default() += 1;
    }
    for (key, times) in told {
        let folded: Vec<String> = key.iter().map(|part| part.to_lowercase()).collect();
        let is_blank = folded.iter().any(String::is_empty);
        if !is_blank && here.get(&folded).copied().unwrap_or_default() < times {
            return Err(format!("I3: {name} tells of {key:?} {times} times"));
        }
    }
    Ok(())
}

/// I10: no secret anywhere.
pub fn secret(text: &str) -> Check {
    let Some(at) = text.find(CANARY) else { return Ok(()) };
    let from = text.floor_char_boundary(at.saturating_sub(200));
    Err(format!("I10: the key is in: {}", &text[from..at + CANARY.len()]))
}

/// I10 for everything that is on the disk.
pub fn disk(book: &Book) -> Check {
    secret(&format!("{book:?}"))
}

/// The keys of a table as they stand now.
pub fn keys(world: &World, name: &str) -> BTreeSet<Vec<String>> {
    let tables = hold(&world.tables);
    tables[table_of(name)].rows.iter().map(|row| cells(table_of(name), row, key_of(name))).collect()
}
