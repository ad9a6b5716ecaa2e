//! The second half of a run: rows go out in lanes. What touches one customer goes in order, different customers in
//! parallel.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use futures::future::{join, join_all};
use rowbill_connector::Problem;
use tokio::sync::mpsc;

use super::customer::Customers;
use super::drive::Driver;
use super::engine::Engine;
use super::groups::GroupPlan;
use super::index::{Class, Entry};
use super::invoice::Invoices;
use super::lines::{GroupTask, Line};
use super::members::invoiced;
use super::records::blank;
use super::report::{Fate, Report, RowProblem, placed};
use super::row::{RowTask, Rows, Settled};
use super::spool::{NOWHERE, Spool};
use super::survey::{Scope, Spooled, Survey};
use crate::config::{Action, Connection};
use crate::ledger::RowId;
use crate::mapping::identity::Owner;
use crate::mapping::object::ObjectName;

/// So many lanes; the account's rate limit is what slows them.
const LANES: usize = 32;
/// So many tasks are made ready at once.
const CHUNK: usize = 200;

/// Sends everything that a survey found to do, and counts what became of it.
pub struct Sending<'a> {
    /// What all runs share.
    pub engine: &'a Engine,
    /// The connection.
    pub connection: &'a Connection,
    /// How operations are driven.
    pub driver: &'a Driver,
    /// Whom they belong to.
    pub owner: &'a Owner,
    /// How the survey was made.
    pub scope: &'a Scope<'a>,
    /// Where results go.
    pub report: &'a Mutex<&'a mut Report>,
    /// Where the rows are, for messages.
    pub origin: &'a str,
}

enum Task {
    Row(Box<RowTask>),
    Group(Box<GroupTask>, Vec<u32>),
}

impl Sending<'_> {
    /// Sends rows.
    pub async fn rows(&self, survey: &mut Survey, limit: Option<u64>) -> Result<(), Problem> {
        let is_wanted =
            |entry: &Entry| matches!(entry.class, Class::Create | Class::Update | Class::Resume) || asks(entry);
        let mut wanted: Vec<u32> = (0..u32::try_from(survey.entries.len()).unwrap_or(u32::MAX)).collect();
        wanted.retain(|at| is_wanted(&survey.entries[*at as usize]) && !survey.entries[*at as usize].follower);
        // A question to a person is not a send, and so not limited.
        let (questions, mut wanted): (Vec<u32>, Vec<u32>) =
            wanted.into_iter().partition(|at| asks(&survey.entries[*at as usize]));
        for at in wanted.split_off(most(limit).min(wanted.len())) {
            let entry = survey.entries[at as usize];
            let spooled: Spooled = survey.spool.get(entry.spool)?;
            let followers = survey.doubles.followers.get(&entry.id).copied().unwrap_or(0);
            let numbers = vec![entry.number; 1 + usize::try_from(followers).unwrap_or(0)];
            self.count(beyond_limit(), &spooled.key, &numbers)?;
        }
        wanted.extend(questions);
        self.engine.progress.start(wanted.len() as u64);
        let Survey { spool, doubles, entries, .. } = survey;
        self.lanes(async |lanes| {
            for chunk in wanted.chunks(CHUNK) {
                let chunk: Vec<Entry> = chunk.iter().map(|at| entries[*at as usize]).collect();
                for (task, lane) in self.row_tasks(&chunk, spool, &doubles.followers).await? {
                    lanes.send(lane, Task::Row(Box::new(task))).await;
                }
            }
            Ok(())
        })
        .await
    }

    /// Sends groups.
    pub async fn groups(&self, survey: &mut Survey, limit: Option<u64>) -> Result<(), Problem> {
        let mut wanted: Vec<usize> = (0..survey.groups.len()).collect();
        wanted.retain(|at| matches!(survey.groups[*at].class, Class::Create | Class::Resume));
        for at in wanted.split_off(most(limit).min(wanted.len())) {
            let group = &survey.groups[at];
            let numbers: Vec<u32> = group.rows.iter().map(|at| survey.entries[*at as usize].number).collect();
            let spooled: Spooled = survey.spool.get(survey.entries[group.rows[0] as usize].spool)?;
            self.count(beyond_limit(), &spooled.key, &numbers)?;
        }
        self.engine.progress.start(wanted.iter().map(|at| survey.groups[*at].rows.len() as u64).sum());
        let Survey { spool, entries, groups, .. } = survey;
        self.lanes(async |lanes| {
            for chunk in wanted.chunks(CHUNK) {
                let ids: Vec<RowId> = chunk.iter().map(|at| RowId(groups[*at].id)).collect();
                let records = self.driver.ledger.rows(&self.connection.name, &ids).await?;
                for (at, record) in chunk.iter().zip(records) {
                    let group = &groups[*at];
                    let (task, lane) = self.group_task(group, record, entries, spool)?;
                    let numbers = group.rows.iter().map(|at| entries[*at as usize].number).collect();
                    lanes.send(lane, Task::Group(Box::new(task), numbers)).await;
                }
            }
            Ok(())
        })
        .await
    }

    async fn row_tasks(
        &self,
        chunk: &[Entry],
        spool: &mut Spool,
        followers: &std::collections::HashMap<[u8; 16], u64>,
    ) -> Result<Vec<(RowTask, u64)>, Problem> {
        let spooled: Vec<Spooled> = chunk.iter().map(|entry| spool.get(entry.spool)).collect::<Result<_, _>>()?;
        let ids: Vec<RowId> = chunk.iter().map(|entry| RowId(entry.id)).collect();
        let step = self.connection.action.name();
        let operations: Vec<_> = spooled.iter().map(|row| self.owner.operation(step, &row.key)).collect();
        let records = self.driver.ledger.rows(&self.connection.name, &ids).await?;
        let stored = self.driver.ledger.operations(&operations).await?;
        let tasks = chunk.iter().zip(spooled).zip(records.into_iter().zip(stored));
        Ok(tasks
            .map(|((entry, spooled), (record, stored))| {
                let lane = lane_of(&spooled, entry);
                let record = record.unwrap_or_else(|| blank(self.connection, &spooled.key, self.scope));
                let followers = followers.get(&entry.id).copied().unwrap_or(0);
                (RowTask { spooled, class: entry.class, number: entry.number, followers, record, stored }, lane)
            })
            .collect())
    }

    fn group_task(
        &self,
        group: &GroupPlan,
        record: Option<crate::ledger::RowRecord>,
        entries: &[Entry],
        spool: &mut Spool,
    ) -> Result<(GroupTask, u64), Problem> {
        let mut lines = Vec::with_capacity(group.rows.len());
        let mut head = None;
        let mut key = Vec::new();
        for at in &group.rows {
            let entry = &entries[*at as usize];
            let mut spooled: Spooled = spool.get(entry.spool)?;
            head = head.or(spooled.head.take());
            key.clone_from(&spooled.key);
            lines.push(Line::of(entry.content, spooled));
        }
        let mut record = record.unwrap_or_else(|| blank(self.connection, &key, self.scope));
        let before = invoiced(&record.members).to_vec();
        record.members = group.rows.iter().map(|at| entries[*at as usize].content).collect();
        record.members.sort_unstable();
        let lane = head.as_ref().and_then(|head| head.about.as_ref()).map_or_else(|| hashed(&key), hashed_name);
        Ok((GroupTask { head, key, lines, record, before, retry: group.retry }, lane))
    }

    /// Runs the lanes while `feed` gives them work. The first error of a lane stops them all.
    async fn lanes(&self, feed: impl AsyncFnOnce(&Lanes) -> Result<(), Problem>) -> Result<(), Problem> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..LANES).map(|_| mpsc::channel(4)).unzip();
        let customers = Customers::new(self.driver, self.owner, &self.engine.project);
        let failed: Mutex<Option<Problem>> = Mutex::new(None);
        let work = join_all(receivers.into_iter().map(|receiver| self.lane(receiver, &customers, &failed)));
        let lanes = Lanes { senders };
        let feeding = async {
            let outcome = feed(&lanes).await;
            drop(lanes);
            outcome
        };
        let (outcome, _) = join(feeding, work).await;
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(problem) => Err(problem),
            None => outcome,
        }
    }

    async fn lane(&self, mut tasks: mpsc::Receiver<Task>, customers: &Customers<'_>, failed: &Mutex<Option<Problem>>) {
        while let Some(task) = tasks.recv().await {
            let is_broken = failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            if is_broken {
                continue;
            }
            if let Err(problem) = self.settle(task, customers).await {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
            }
        }
    }

    async fn settle(&self, task: Task, customers: &Customers<'_>) -> Result<(), Problem> {
        let idle = self.idle();
        match task {
            Task::Row(task) => {
                let (connection, driver, owner, engine) = (self.connection, self.driver, self.owner, self.engine);
                let rows = Rows { connection, driver, owner, customers, engine };
                let (key, number, count) = (task.spooled.key.clone(), task.number, 1 + task.followers);
                let settled = match (idle, task.class) {
                    (_, Class::NeedsReview) => self.review(rows, *task).await?,
                    (Some(problem), _) => Settled::not(Fate::Deferred, problem),
                    (None, _) => rows.settle(*task).await?,
                };
                self.count(settled, &key, &vec![number; usize::try_from(count).unwrap_or(1)])
            }
            Task::Group(task, numbers) => {
                let Action::CreateInvoice(invoice) = &self.connection.action else { return Ok(()) };
                let key = task.key.clone();
                let (connection, driver, owner) = (self.connection, self.driver, self.owner);
                let invoices = Invoices { connection, invoice, driver, owner, customers };
                let settled = match idle {
                    Some(problem) => Settled::not(Fate::Deferred, problem),
                    None => invoices.settle(*task).await?,
                };
                if settled.fate == Fate::Done {
                    self.report.lock().unwrap_or_else(PoisonError::into_inner).groups += 1;
                }
                self.count(settled, &key, &numbers)
            }
        }
    }

    /// A row that waits for a person: for one that was edited, what exactly is asked is written down.
    async fn review(&self, rows: Rows<'_>, task: RowTask) -> Result<Settled, Problem> {
        match task.spooled.problem.clone() {
            Some(problem) => Ok(Settled::not(Fate::NeedsReview, problem)),
            None => rows.ask(task).await,
        }
    }

    fn idle(&self) -> Option<Problem> {
        if self.engine.stop.asked() {
            return Some(
                Problem::new("run.stopped", "the run was stopped before this was sent").advise("run it again"),
            );
        }
        self.driver.line.halted()
    }

    fn count(&self, settled: Settled, key: &[String], numbers: &[u32]) -> Result<(), Problem> {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.tally.add(settled.fate, numbers.len() as u64);
        if let Some(minor) = &settled.amount {
            report.amounts.add(&minor.currency, minor.amount);
        }
        if let Some(problem) = settled.problem {
            for number in numbers {
                let problem = placed(problem.clone(), self.origin, u64::from(*number));
                report.problems.push(RowProblem { key: key.to_vec(), state: settled.fate, problem })?;
            }
        }
        drop(report);
        self.engine.progress.settled(numbers.len() as u64);
        Ok(())
    }
}

/// An edited row is put to a person: that is written down like a result.
pub fn asks(entry: &Entry) -> bool {
    entry.class == Class::NeedsReview && (entry.spool != NOWHERE || entry.follower)
}

fn most(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn beyond_limit() -> Settled {
    let problem = Problem::new("run.limit", "it is beyond --limit of this run");
    Settled::not(Fate::Deferred, problem.advise("run again to send more"))
}

struct Lanes {
    senders: Vec<mpsc::Sender<Task>>,
}

impl Lanes {
    async fn send(&self, lane: u64, task: Task) {
        let at = usize::try_from(lane % self.senders.len() as u64).unwrap_or(0);
        // A lane ends only when nobody can send to it any more.
        let _ = self.senders[at].send(task).await;
    }
}

/// Rows of one customer share a lane; a row that makes a customer goes by its e-mail, so that two of them meet.
fn lane_of(spooled: &Spooled, entry: &Entry) -> u64 {
    let Some(prepared) = &spooled.prepared else { return hashed(&entry.id) };
    match (&prepared.about, prepared.params.get("email")) {
        (Some(name), _) => hashed_name(name),
        (None, Some(rowbill_connector::Param::Text(email))) => hashed(&email.to_lowercase()),
        _ => hashed(&entry.id),
    }
}

fn hashed_name(name: &ObjectName) -> u64 {
    match name {
        ObjectName::Id(id) => hashed(id),
        ObjectName::From { connection, key } => hashed(&(connection, key)),
        ObjectName::ByEmail { email, .. } => hashed(&email.to_lowercase()),
    }
}

fn hashed<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
