//! Rows that make invoices together: which groups are to be made, which wait, and which came too late.

use std::collections::{BTreeSet, HashMap};

use rowbill_connector::Problem;

use super::amounts::foreseen;
use super::engine::Engine;
use super::index::{Class, Entry};
use super::members::{invoiced, joined_late, with_question};
use super::records::{blank, group_digest};
use super::report::Amounts;
use super::row::mixed;
use super::spool::{NOWHERE, Spool};
use super::survey::{Scope, Spooled};
use crate::config::{Connection, Finish, OnChange};
use crate::ledger::{Change, OperationRecord, RowId, RowRecord, RowState};
use crate::mapping::identity::Digest;

/// The most lines that an invoice takes (docs.stripe.com/api/invoiceitems).
pub const MOST_LINES: usize = 250;
const CHUNK: usize = 500;

/// A group of rows: one invoice.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Its id.
    pub id: Digest,
    /// Which entries are its rows, in the order of the source; those that are left out are not among them.
    pub rows: Vec<u32>,
    /// What is to happen with it.
    pub class: Class,
    /// Why it is not to be made.
    pub problem: Option<Problem>,
    /// Why single rows of it are not as the others, by row number.
    pub row_problems: HashMap<u32, Problem>,
    /// What it comes to.
    pub amounts: Amounts,
    /// Where the record with its head is.
    pub head: u64,
    /// A person asked for another try.
    pub retry: bool,
}

/// Groups the entries and gives every row the class that its group leads to.
pub async fn plan(
    engine: &Engine,
    connection: &Connection,
    scope: &Scope<'_>,
    entries: &mut [Entry],
    spool: &mut Spool,
) -> Result<Vec<GroupPlan>, Problem> {
    let mut order: Vec<u32> = (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
    order.retain(|at| entries[*at as usize].id != Digest::default() && entries[*at as usize].class != Class::Skipped);
    order.sort_unstable_by_key(|at| (entries[*at as usize].id, entries[*at as usize].number));
    let grouped: Vec<Vec<u32>> =
        order.chunk_by(|a, b| entries[*a as usize].id == entries[*b as usize].id).map(<[u32]>::to_vec).collect();
    drop(order);
    let mut planner = Planner { connection, scope, entries, spool, touched: Vec::new() };
    let mut groups = Vec::with_capacity(grouped.len());
    for chunk in grouped.chunks(CHUNK) {
        let ids: Vec<RowId> = chunk.iter().map(|rows| RowId(planner.entries[rows[0] as usize].id)).collect();
        let records = match &engine.ledger {
            Some(ledger) => ledger.rows(&connection.name, &ids).await?,
            None => vec![None; ids.len()],
        };
        for (rows, record) in chunk.iter().zip(records) {
            let draft = planner.draft(engine, rows, record.as_ref()).await?;
            let group = planner.group(rows, record, draft.as_deref())?;
            // What is done and asks nothing is told by its entries alone.
            if group.class != Class::AlreadyDone || !group.row_problems.is_empty() {
                groups.push(group);
            }
        }
    }
    if let (false, Some(ledger)) = (scope.dry, &engine.ledger) {
        for chunk in planner.touched.chunks(CHUNK) {
            ledger.commit(chunk.iter().cloned().map(Change::Row).collect()).await?;
        }
    }
    groups.sort_by_key(|group| group.rows.first().copied());
    Ok(groups)
}

struct Planner<'a> {
    connection: &'a Connection,
    scope: &'a Scope<'a>,
    entries: &'a mut [Entry],
    spool: &'a mut Spool,
    touched: Vec<RowRecord>,
}

impl Planner<'_> {
    /// The group's own invoice, as far as it is made: by its record, or for a ledger that was lost by its operation.
    async fn draft(
        &mut self,
        engine: &Engine,
        rows: &[u32],
        record: Option<&RowRecord>,
    ) -> Result<Option<String>, Problem> {
        let objects = record.into_iter().flat_map(|record| &record.objects);
        if let Some(object) = objects.into_iter().find(|object| object.step == "create_invoice") {
            return Ok(Some(object.id.clone()));
        }
        // Only items of another connection can be on an invoice before this one makes it.
        if self.connection.action.invoice().is_none_or(|invoice| invoice.items_from.is_none()) {
            return Ok(None);
        }
        let spooled = self.read(rows)?;
        let is_bound = |row: &Spooled| row.item.as_ref().is_some_and(|item| item.bound.is_some());
        let (Some(ledger), true) = (&engine.ledger, spooled.iter().any(is_bound)) else { return Ok(None) };
        let id = engine.owner(self.connection).operation("create_invoice", &spooled[0].key);
        let stored = ledger.operation(&id).await?;
        Ok(stored.as_ref().and_then(OperationRecord::object).map(str::to_owned))
    }

    fn group(&mut self, rows: &[u32], record: Option<RowRecord>, draft: Option<&str>) -> Result<GroupPlan, Problem> {
        let mut group = GroupPlan {
            id: self.entries[rows[0] as usize].id,
            rows: rows.to_vec(),
            class: Class::Create,
            problem: None,
            row_problems: HashMap::new(),
            amounts: Amounts::default(),
            head: NOWHERE,
            retry: record.as_ref().is_some_and(is_retry),
        };
        match record {
            Some(record) if is_made(&record) => self.made(&mut group, record),
            Some(record) if record.state == RowState::Skipped => self.all(&mut group, Class::Skipped, None),
            Some(record) if is_open(&record) => self.resume(&mut group, record)?,
            Some(record) if self.sticks(&mut group, &record)? => {
                let class = if record.state == RowState::Failed { Class::Failed } else { Class::NeedsReview };
                self.all(&mut group, class, record.problem);
            }
            record => {
                self.fresh(&mut group, draft)?;
                self.remember(&group, record.as_ref())?;
            }
        }
        Ok(group)
    }

    /// A group that fails or waits before anything was sent for it is put on record, so that people can look at it.
    fn remember(&mut self, group: &GroupPlan, record: Option<&RowRecord>) -> Result<(), Problem> {
        let state = match group.class {
            Class::Failed => RowState::Failed,
            Class::Deferred => RowState::Deferred,
            _ => return Ok(()),
        };
        if self.scope.only_new || record.is_some_and(|record| !record.objects.is_empty() || is_retry(record)) {
            return Ok(());
        }
        let first = group.row_problems.iter().min_by_key(|(number, _)| **number).map(|(_, problem)| problem.clone());
        let key = self.read(&group.rows[..1])?.remove(0).key;
        let members = self.members(&group.rows);
        let problem = first.or_else(|| group.problem.clone());
        self.touched.push(RowRecord { state, problem, members, ..blank(self.connection, &key, self.scope) });
        Ok(())
    }

    /// What the target refused stays refused until a row or the mapping changes; what a person must decide stays with
    /// the person.
    fn sticks(&mut self, group: &mut GroupPlan, record: &RowRecord) -> Result<bool, Problem> {
        let Some(problem) = &record.problem else { return Ok(false) };
        let is_same = self.members(&group.rows) == record.members;
        Ok(match record.state {
            RowState::NeedsReview => problem.code == "row.unsure" || problem.code.starts_with("row.check"),
            RowState::Failed if problem.code.starts_with("stripe.") && is_same => {
                let lines = self.read(&group.rows)?;
                let head = lines.iter().find_map(|line| line.head.as_ref());
                group_digest(head, lines.iter().map(|line| line.prepared.as_ref())) == record.request
            }
            _ => false,
        })
    }

    /// Whether the last step of its invoice is done: what the rows are now does not matter to it any more.
    fn is_finished(&self, record: &RowRecord) -> bool {
        let last = match self.connection.action.invoice().map(|invoice| invoice.finish) {
            Some(Finish::Send) => "send",
            Some(Finish::Finalize) => "finalize",
            _ => return false,
        };
        record.objects.iter().any(|object| object.step == last)
    }

    fn members(&self, rows: &[u32]) -> Vec<Digest> {
        let mut members: Vec<Digest> = rows.iter().map(|at| self.entries[*at as usize].content).collect();
        members.sort_unstable();
        members
    }

    fn all(&mut self, group: &mut GroupPlan, class: Class, problem: Option<Problem>) {
        for at in &group.rows {
            self.entries[*at as usize].class = class;
        }
        group.class = class;
        group.problem = problem;
    }

    /// The invoice exists. Rows that were not there when it was made are a person's decision.
    fn made(&mut self, group: &mut GroupPlan, record: RowRecord) {
        let mut left: HashMap<Digest, u32> = HashMap::new();
        let members = invoiced(&record.members).to_vec();
        for member in &members {
            *left.entry(*member).or_default() += 1;
        }
        self.all(group, Class::AlreadyDone, None);
        let invoice = record.objects.iter().find(|object| object.step == "create_invoice");
        let invoice = invoice
            .map_or("the group was there before the first run".to_owned(), |object| format!("invoice {}", object.id));
        for at in group.rows.clone() {
            let entry = self.entries[at as usize];
            let known = left.get_mut(&entry.content).filter(|count| **count > 0);
            if let Some(count) = known {
                *count -= 1;
            } else if self.connection.on_change != OnChange::Ignore {
                self.entries[at as usize].class = Class::NeedsReview;
                let problem = joined_late(&invoice);
                group.row_problems.insert(entry.number, problem);
            }
        }
        self.ask(group, record, members);
    }

    /// Rows that came too late are a question about the whole group; it is written down with what is asked, and taken
    /// back when the rows are gone again.
    fn ask(&mut self, group: &GroupPlan, mut record: RowRecord, members: Vec<Digest>) {
        let problem = group.row_problems.iter().min_by_key(|(number, _)| **number).map(|(_, problem)| problem.clone());
        let is_settled = matches!(record.state, RowState::Done | RowState::There);
        if problem.is_none() && record.problem.is_none() && is_settled {
            return;
        }
        let state = if record.objects.is_empty() { RowState::There } else { RowState::Done };
        record.state = if problem.is_some() { RowState::NeedsReview } else { state };
        record.members = if problem.is_some() { with_question(members, &self.members(&group.rows)) } else { members };
        record.problem = problem;
        self.touched.push(record);
    }

    fn resume(&mut self, group: &mut GroupPlan, mut record: RowRecord) -> Result<(), Problem> {
        if self.members(&group.rows) == record.members {
            self.head(group)?;
            self.all(group, Class::Resume, None);
            return Ok(());
        }
        if self.is_finished(&record) {
            self.made(group, record);
            return Ok(());
        }
        let problem = Problem::new(MIDWAY, "rows of this group changed while its invoice was being made").advise(
            "undo the edit and run again; or delete the draft in Stripe and ask for a new try: rowbill rows retry NAME KEY",
        );
        self.all(group, Class::NeedsReview, Some(problem.clone()));
        record.state = RowState::NeedsReview;
        record.problem = Some(problem);
        self.touched.push(record);
        Ok(())
    }

    /// `own` is the group's own draft, when an earlier run made it.
    fn fresh(&mut self, group: &mut GroupPlan, own: Option<&str>) -> Result<(), Problem> {
        let spooled = self.read(&group.rows)?;
        self.head(group)?;
        if self.scope.only_new && own.is_none() {
            let members = self.members(&group.rows);
            let record =
                RowRecord { members, state: RowState::There, ..blank(self.connection, &spooled[0].key, self.scope) };
            self.touched.push(record);
        }
        if let Some(problem) = self.bad_rows(group, &spooled, own) {
            group.problem = Some(problem);
            return Ok(());
        }
        let head_problem = spooled.iter().find(|row| row.head.is_none()).and_then(|row| row.problem.clone());
        if let Some(problem) = head_problem.or_else(|| too_much(&spooled)) {
            self.all(group, Class::Failed, Some(problem));
            return Ok(());
        }
        for row in &spooled {
            match (&row.item, row.prepared.as_ref().and_then(|prepared| foreseen(&prepared.params))) {
                (Some(item), _) => {
                    if let (Some(currency), Some(amount)) = (&item.currency, item.amount) {
                        group.amounts.add(currency, amount);
                    }
                }
                (None, Some(minor)) => group.amounts.add(&minor.currency, minor.amount),
                (None, None) => {}
            }
        }
        if self.scope.only_new {
            self.all(group, Class::AlreadyDone, None);
        }
        Ok(())
    }

    /// One row that failed or waits holds up its whole group; an item that is on another invoice is no line of this.
    fn bad_rows(&mut self, group: &mut GroupPlan, spooled: &[Spooled], own: Option<&str>) -> Option<Problem> {
        let elsewhere = |row: &Spooled| {
            let bound = row.item.as_ref().and_then(|item| item.bound.clone());
            bound.filter(|invoice| Some(invoice.as_str()) != own)
        };
        let class_of = |at: &u32| self.entries[*at as usize].class;
        let bad = group.rows.iter().position(|at| class_of(at) != Class::Create);
        let taken = spooled.iter().position(|row| elsewhere(row).is_some());
        let first = bad.or(taken)?;
        let number = self.entries[group.rows[first] as usize].number;
        for (at, row) in group.rows.iter().zip(spooled) {
            let entry = &mut self.entries[*at as usize];
            let bound = elsewhere(row);
            if let (Some(invoice), Class::Create) = (bound, entry.class) {
                entry.class = Class::NeedsReview;
                let message = format!("its item is on invoice {invoice} already, which was made for another group");
                let problem =
                    Problem::new("row.item_on_other_invoice", message).advise("undo the edit of the group's columns");
                group.row_problems.insert(entry.number, problem);
            } else if entry.class == Class::Create {
                entry.class = Class::Deferred;
            } else if let Some(problem) = &row.problem {
                group.row_problems.insert(entry.number, problem.clone());
            }
        }
        group.class = Class::Deferred;
        Some(
            Problem::new(
                "row.group_waits",
                format!("row {number} of this group is not ready, and an invoice is made of all its rows"),
            )
            .advise("mend that row; the group is taken up by itself"),
        )
    }

    fn read(&mut self, rows: &[u32]) -> Result<Vec<Spooled>, Problem> {
        rows.iter().map(|at| self.spool.get(self.entries[*at as usize].spool)).collect()
    }

    fn head(&mut self, group: &mut GroupPlan) -> Result<(), Problem> {
        for at in &group.rows {
            let offset = self.entries[*at as usize].spool;
            let spooled: Spooled = self.spool.get(offset)?;
            if spooled.head.is_some() {
                group.head = offset;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Its invoice exists, or it was there before the first run.
fn is_made(record: &RowRecord) -> bool {
    matches!(record.state, RowState::Done | RowState::There)
        || record.problem.as_ref().is_some_and(|problem| problem.code == "row.joined_after_invoice")
}

/// The code of a group whose rows changed while its invoice was being made.
const MIDWAY: &str = "row.group_changed_midway";

/// Operations of it are under way: also of one that waits for its rows to be as they were.
fn is_open(record: &RowRecord) -> bool {
    record.state == RowState::Sending
        || (record.state == RowState::NeedsReview
            && record.problem.as_ref().is_some_and(|problem| problem.code == MIDWAY))
}

fn is_retry(record: &RowRecord) -> bool {
    record.problem.as_ref().is_some_and(|problem| problem.code == "row.retry")
}

/// What no invoice can be made of.
fn too_much(spooled: &[Spooled]) -> Option<Problem> {
    if spooled.len() > MOST_LINES {
        let message =
            format!("the group has {} rows; Stripe takes at most {MOST_LINES} lines on an invoice", spooled.len());
        return Some(Problem::new("row.group_too_large", message).advise("group by one column more"));
    }
    let currencies: BTreeSet<String> = spooled.iter().filter_map(currency_of).collect();
    if currencies.len() > 1 {
        return Some(mixed(&currencies));
    }
    None
}

fn currency_of(row: &Spooled) -> Option<String> {
    match (&row.item, &row.prepared) {
        (Some(item), _) => item.currency.clone(),
        (None, Some(prepared)) => match prepared.params.get("currency") {
            Some(rowbill_connector::Param::Text(code)) => Some(code.clone()),
            _ => None,
        },
        _ => None,
    }
}
