//! What a run reports: one equation, amounts, and a problem for each row that is not settled.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rowbill_connector::{Place, Problem};
use serde::{Deserialize, Serialize};

use super::spool::Spool;
use crate::protocol::Time;

/// `read = done + already_done + skipped + failed + needs_review + deferred`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that the source gave.
    pub read: u64,
    /// Created, updated or adopted by this run.
    pub done: u64,
    /// Done by an earlier run.
    pub already_done: u64,
    /// Left out by a rule or a person.
    pub skipped: u64,
    /// A person must change row or mapping.
    pub failed: u64,
    /// Only a person can decide.
    pub needs_review: u64,
    /// Taken up again by itself.
    pub deferred: u64,
}

/// What became of a row in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Created, updated or adopted by this run.
    Done,
    /// Done by an earlier run.
    AlreadyDone,
    /// Left out.
    Skipped,
    /// A person must change row or mapping.
    Failed,
    /// Only a person can decide.
    NeedsReview,
    /// Taken up again by itself.
    Deferred,
}

impl Tally {
    /// Counts rows.
    pub fn add(&mut self, fate: Fate, rows: u64) {
        *match fate {
            Fate::Done => &mut self.done,
            Fate::AlreadyDone => &mut self.already_done,
            Fate::Skipped => &mut self.skipped,
            Fate::Failed => &mut self.failed,
            Fate::NeedsReview => &mut self.needs_review,
            Fate::Deferred => &mut self.deferred,
        } += rows;
    }

    /// The equation for people: `128 rows = 40 done + 88 already done`.
    pub fn equation(&self) -> String {
        let parts = [
            (self.done, "done"),
            (self.already_done, "already done"),
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.needs_review, "need you"),
            (self.deferred, "wait"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        format!("{} rows = {}", self.read, if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") })
    }

    /// Whether every row is accounted for.
    pub fn holds(&self) -> bool {
        self.read == self.done + self.already_done + self.skipped + self.failed + self.needs_review + self.deferred
    }
}

/// Minor units by lower-case currency code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(pub BTreeMap<String, i64>);

impl Amounts {
    /// Adds an amount.
    pub fn add(&mut self, currency: &str, minor: i64) {
        *self.0.entry(currency.to_owned()).or_default() += minor;
    }
}

/// What a row that is not settled says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowProblem {
    /// The row's key; empty when it has none.
    pub key: Vec<String>,
    /// What became of it.
    pub state: Fate,
    /// Why.
    #[serde(flatten)]
    pub problem: Problem,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every row is settled.
    Ok,
    /// Some rows failed.
    OkWithFailures,
    /// Some rows need a person.
    NeedsPerson,
    /// None failed, some wait.
    Deferred,
    /// Nothing was sent: a mistake or a guard.
    Refused,
    /// It was interrupted.
    Stopped,
    /// It was a plan.
    Plan,
}

/// What a plan says a run would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Would {
    /// Rows whose objects would be created.
    pub create: u64,
    /// Rows whose objects would be updated.
    pub update: u64,
    /// Rows that are done.
    pub already_done: u64,
    /// Rows left out.
    pub skipped: u64,
    /// Rows that cannot be sent.
    pub failed: u64,
    /// Rows that need a person.
    pub needs_review: u64,
    /// Rows that wait for something.
    pub deferred: u64,
}

/// Everything that is told of one run, or of a plan.
pub struct Report {
    /// The run's id; none for a plan.
    pub run: Option<String>,
    /// The connection.
    pub connection: String,
    /// The account.
    pub account: String,
    /// Real money.
    pub live: bool,
    /// What started it.
    pub origin: Origin,
    /// When it started (seconds, UTC).
    pub started: Time,
    /// When it ended.
    pub finished: Time,
    /// How it ended.
    pub ending: Ending,
    /// The equation.
    pub tally: Tally,
    /// What a plan would do.
    pub would: Would,
    /// What was newly billed, or would be.
    pub amounts: Amounts,
    /// Invoices of this run, or of a plan.
    pub groups: u64,
    /// Things worth knowing that are no row's problem.
    pub notes: Vec<Problem>,
    /// What stopped it, if something did.
    pub stopped_by: Option<Problem>,
    /// Problems of rows.
    pub problems: ProblemLog,
}

/// What started a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `cli`, `schedule`, `after` or `retry`.
    pub trigger: Cow<'static, str>,
    /// The tick of the clock that it was begun for: `2026-11-22T07:14:02Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// How long after that it began, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_seconds: Option<i64>,
    /// The runs of other connections that it was begun after, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
    /// The run that it makes up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
}

impl Origin {
    /// A person at the command line.
    pub fn cli() -> Self {
        Self { trigger: Cow::Borrowed("cli"), ..Self::default() }
    }
}

/// Problems of rows: the first few in memory, all of them on disk.
pub struct ProblemLog {
    spool: Spool,
    first: Vec<RowProblem>,
    /// How many there are.
    pub count: u64,
}

/// So many problems are shown on a screen.
const SHOWN: usize = 20;

impl ProblemLog {
    /// An empty log.
    pub fn new() -> Result<Self, Problem> {
        Ok(Self { spool: Spool::new()?, first: Vec::new(), count: 0 })
    }

    /// Adds one.
    pub fn push(&mut self, problem: RowProblem) -> Result<(), Problem> {
        self.spool.push(&problem)?;
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(problem);
        }
        Ok(())
    }

    /// The first few.
    pub fn first(&self) -> &[RowProblem] {
        &self.first
    }

    /// All of them.
    pub fn each(&mut self, take: impl FnMut(RowProblem)) -> Result<(), Problem> {
        self.spool.each(take)
    }
}

impl Report {
    /// How the equation reads as an ending.
    pub fn settle(&mut self) {
        self.ending = match (&self.tally, self.ending) {
            (_, Ending::Stopped | Ending::Refused | Ending::Plan) => self.ending,
            (tally, _) if tally.needs_review > 0 => Ending::NeedsPerson,
            (tally, _) if tally.failed > 0 => Ending::OkWithFailures,
            (tally, _) if tally.deferred > 0 => Ending::Deferred,
            _ => Ending::Ok,
        };
    }
}

/// Where a row stands, for problems that have no place of their own.
pub fn placed(problem: Problem, source: &str, row: u64) -> Problem {
    if problem.place.is_some() || row == 0 {
        return problem;
    }
    problem.at(Place { source: Some(source.to_owned()), row: Some(row), ..Place::default() })
}
