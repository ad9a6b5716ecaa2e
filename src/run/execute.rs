//! A run or a plan from its first step to its last.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rowbill_connector::{Problem, SendError, Source};

use super::adopt::adopt_once;
use super::amounts::foreseen;
use super::drive::Driver;
use super::engine::Engine;
use super::follow::showing_of;
use super::guard;
use super::history;
use super::index::{Class, Entry};
use super::leftovers::{leftovers, record_failures, settle_leftovers};
use super::notes::{notes, orphans};
use super::report::{Amounts, Ending, Fate, Origin, ProblemLog, Report, RowProblem, Tally, Would, placed};
use super::row::same_key;
use super::send::Sending;
use super::spool::NOWHERE;
use super::survey::{Scope, Spooled, Survey, survey};
use super::write_back::write_back;
use crate::config::{Action, Connection, FirstRun};
use crate::ledger::Change;
use crate::mapping::object::ObjectExpr;

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Only the row or group with this key.
    pub only: Option<Vec<String>>,
    /// At most so many rows or groups are sent.
    pub limit: Option<u64>,
    /// What started it.
    pub origin: Origin,
    /// Its id, where it has one already.
    pub run: Option<String>,
    /// What was read at most this long ago may be taken for the source's content.
    pub max_age: Duration,
}

impl Order {
    /// What a person asks of a run.
    pub fn by_hand(only: Option<Vec<String>>, limit: Option<u64>) -> Self {
        Self { only, limit, origin: Origin::cli(), ..Self::default() }
    }

    /// Whether some of the rows may be left out: such a run says nothing about the others.
    pub fn is_partial(&self) -> bool {
        self.only.is_some() || self.limit.is_some()
    }
}

/// What a run would do. Nothing is sent, and nothing is written.
pub async fn plan(engine: &Engine, connection: &Connection, order: &Order) -> Result<Report, Vec<Problem>> {
    let mut report = blank(engine, connection, order, None).map_err(|problem| vec![problem])?;
    report.ending = Ending::Plan;
    let source = (engine.make_source)(connection, order.max_age).map_err(|problem| vec![problem])?;
    let scope = scope(engine, connection, order, true, "").await.map_err(|problem| vec![problem])?;
    let mut survey = survey(engine, connection, source.as_ref(), &scope).await?;
    let expected = foresee(&mut survey, order.limit).map_err(|problem| vec![problem])?;
    tell(&mut survey, &mut report, |_| false).map_err(|problem| vec![problem])?;
    report.would = would(&survey);
    report.groups = survey.groups.iter().filter(|group| group.class == Class::Create).count() as u64;
    if let Err(problem) = expected.within(engine, connection) {
        report.stopped_by = Some(problem);
    }
    report.notes = notes(engine, &survey);
    report.notes.extend(orphans(engine, connection, &survey).await.map_err(|problem| vec![problem])?);
    report.amounts = expected.amounts;
    report.tally.read = survey.entries.len() as u64;
    report.finished = engine.clock.now();
    Ok(report)
}

/// Runs a connection. Problems of configuration, source and ledger come back as errors before anything was sent;
/// everything else is in the report. Either way the run is in the history, unless the ledger itself fails.
pub async fn run(engine: &Engine, connection: &Connection, order: &Order) -> Result<Report, Vec<Problem>> {
    let run = order.run.clone().unwrap_or_else(history::next_id);
    let mut report = match blank(engine, connection, order, Some(run.clone())) {
        Ok(report) => report,
        Err(problem) => {
            let record = history::refused(&run, &connection.name, &order.origin, &problem, engine.clock.now());
            let kept = async { engine.ledger()?.commit(vec![Change::Run(record)]).await };
            return Err(vec![kept.await.err().unwrap_or(problem)]);
        }
    };
    let ran = attempt(engine, connection, order, &mut report).await;
    let kept = keep(engine, &mut report, order).await;
    ran.and(kept.map_err(|problem| vec![problem]))?;
    Ok(report)
}

/// Writes the state of all rows back into their source, and does nothing else: payments change without a run.
pub async fn refresh(engine: &Engine, connection: &Connection) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    let order = Order::default();
    let source = (engine.make_source)(connection, order.max_age).map_err(one)?;
    let scope = scope(engine, connection, &order, true, "").await.map_err(one)?;
    let mut survey = survey(engine, connection, source.as_ref(), &scope).await?;
    write_back(engine, connection, source.as_ref(), &mut survey).await.map(drop).map_err(one)
}

/// Reads, maps and guards; what goes wrong here refuses the run. Then sends.
async fn attempt(
    engine: &Engine,
    connection: &Connection,
    order: &Order,
    report: &mut Report,
) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    let run = report.run.clone().unwrap_or_default();
    let made = async {
        let source = (engine.make_source)(connection, order.max_age).map_err(one)?;
        let scope = scope(engine, connection, order, false, &run).await.map_err(one)?;
        let mut survey = survey(engine, connection, source.as_ref(), &scope).await?;
        report.tally.read = survey.entries.len() as u64;
        let expected = foresee(&mut survey, order.limit).map_err(one)?;
        expected.within(engine, connection).map_err(one)?;
        Ok((source, scope, survey))
    };
    let (source, scope, mut survey) = match made.await {
        Ok(made) => made,
        Err(problems) => {
            let problems: Vec<Problem> = problems;
            report.ending = Ending::Refused;
            report.stopped_by = problems.first().cloned();
            // Nothing became of the rows: there is no equation to keep.
            report.tally = Tally::default();
            return Err(problems);
        }
    };
    let began = history::begun(&run, &connection.name, &report.origin, report.started);
    engine.ledger().map_err(one)?.commit(vec![Change::Run(began)]).await.map_err(one)?;
    record_failures(engine, connection, &scope, &mut survey).await.map_err(one)?;
    let sent = send(engine, connection, order, &scope, &mut survey, report).await;
    let written = match order.only {
        // The marks of one row would be taken for those of all: the next whole run writes them.
        Some(_) => Ok(()),
        None => finish(engine, connection, source.as_ref(), &mut survey, report).await,
    };
    show_payments(engine, connection, report).await;
    sent.and(written).map_err(one)
}

/// What was done to invoices shows where they come from.
async fn show_payments(engine: &Engine, connection: &Connection, report: &mut Report) {
    if !matches!(connection.action, Action::OnInvoice(_)) || report.tally.done == 0 {
        return;
    }
    let of_account = engine.project.connections.iter().filter(|other| other.account == connection.account);
    let made = match connection.recipe.about.as_ref().and_then(ObjectExpr::from) {
        Some(maker) => vec![maker],
        None => of_account.map(|other| other.name.as_str()).collect(),
    };
    for other in showing_of(engine, &made) {
        match &engine.shows {
            Some(shows) => drop(shows.lock().unwrap_or_else(PoisonError::into_inner).insert(other.name.clone())),
            None => report.notes.extend(refresh(engine, other).await.err().unwrap_or_default()),
        }
    }
}

fn blank(engine: &Engine, connection: &Connection, order: &Order, run: Option<String>) -> Result<Report, Problem> {
    let now = engine.clock.now();
    Ok(Report {
        run,
        connection: connection.name.clone(),
        account: connection.account.clone(),
        live: engine.is_live(connection),
        origin: order.origin.clone(),
        started: now,
        finished: now,
        ending: Ending::Ok,
        tally: Tally::default(),
        would: Would::default(),
        amounts: Amounts::default(),
        groups: 0,
        notes: Vec::new(),
        stopped_by: None,
        problems: ProblemLog::new()?,
    })
}

async fn scope<'a>(
    engine: &Engine,
    connection: &Connection,
    order: &'a Order,
    dry: bool,
    run: &'a str,
) -> Result<Scope<'a>, Problem> {
    let only_new = connection.first_run == FirstRun::OnlyNew && history::is_first(engine, connection).await?;
    Ok(Scope { dry, only_new, only: order.only.as_deref(), run, now: engine.clock.now() })
}

/// What would be newly sent: so many rows, for so much, and whether some of it costs what only the target knows.
#[derive(Default)]
struct Foreseen {
    rows: u64,
    amounts: Amounts,
    is_unknown: bool,
}

impl Foreseen {
    fn within(&self, engine: &Engine, connection: &Connection) -> Result<(), Problem> {
        let is_money = connection.action.is_money();
        if is_money && self.is_unknown && !connection.limits.amount.is_empty() {
            let message = "`limits: amount` is set, but what some rows cost is known only to Stripe; nothing was sent";
            return Err(
                Problem::new("guard.amount_unknown", message).advise("use `limits: new_rows`, or amounts in the rows")
            );
        }
        guard::limits(connection, self.rows, &self.amounts, &engine.catalog.currencies)
    }
}

/// Foresees exactly what a run with this limit would newly send.
fn foresee(survey: &mut Survey, limit: Option<u64>) -> Result<Foreseen, Problem> {
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut sum = Foreseen::default();
    for group in survey.groups.iter().filter(|group| group.class == Class::Create).take(most) {
        sum.rows += group.rows.len() as u64;
        sum.is_unknown |= group.amounts.0.is_empty();
        for (code, minor) in &group.amounts.0 {
            sum.amounts.add(code, *minor);
        }
    }
    let is_new = |entry: &&Entry| entry.class == Class::Create && entry.spool != NOWHERE;
    if survey.groups.is_empty() {
        for entry in survey.entries.iter().filter(is_new).take(most) {
            sum.rows += 1 + survey.doubles.followers.get(&entry.id).copied().unwrap_or(0);
            let spooled: Spooled = survey.spool.get(entry.spool)?;
            match spooled.prepared.and_then(|prepared| foreseen(&prepared.params)) {
                Some(minor) => sum.amounts.add(&minor.currency, minor.amount),
                None => sum.is_unknown = true,
            }
        }
    }
    Ok(sum)
}

fn would(survey: &Survey) -> Would {
    let mut would = Would::default();
    for entry in &survey.entries {
        match entry.class {
            Class::Create | Class::Resume => would.create += 1,
            Class::Update => would.update += 1,
            Class::AlreadyDone | Class::WouldDiffer => would.already_done += 1,
            Class::Skipped => would.skipped += 1,
            Class::Failed => would.failed += 1,
            Class::NeedsReview => would.needs_review += 1,
            Class::Deferred => would.deferred += 1,
        }
    }
    would
}

/// Counts and tells the rows that are settled without a request.
fn tell(survey: &mut Survey, report: &mut Report, later: impl Fn(&Entry) -> bool) -> Result<(), Problem> {
    let origin = survey.origin.clone();
    let mut in_group = std::collections::HashMap::new();
    for (index, group) in survey.groups.iter().enumerate() {
        in_group.extend(group.rows.iter().map(|at| (*at, index)));
    }
    for at in 0..survey.entries.len() {
        let entry = survey.entries[at];
        let Some(fate) = fate(&entry).filter(|_| !later(&entry)) else { continue };
        report.tally.add(fate, 1);
        if !matches!(fate, Fate::Failed | Fate::NeedsReview | Fate::Deferred) {
            continue;
        }
        let spooled: Spooled =
            if entry.spool == NOWHERE { Spooled::default() } else { survey.spool.get(entry.spool)? };
        let group = u32::try_from(at).ok().and_then(|at| in_group.get(&at)).map(|index| &survey.groups[*index]);
        let of_group =
            group.and_then(|group| group.row_problems.get(&entry.number).cloned().or_else(|| group.problem.clone()));
        let problem = same_key(entry.number, &survey.doubles)
            .or(of_group)
            .or(spooled.problem)
            .unwrap_or_else(|| super::classify::edited_problem(&[]));
        let problem = placed(problem, &origin, u64::from(entry.number));
        report.problems.push(RowProblem { key: spooled.key, state: fate, problem })?;
    }
    Ok(())
}

/// What becomes of a row without a request; none for a row that is to be sent.
fn fate(entry: &Entry) -> Option<Fate> {
    match entry.class {
        Class::AlreadyDone | Class::WouldDiffer => Some(Fate::AlreadyDone),
        Class::Skipped => Some(Fate::Skipped),
        Class::Failed => Some(Fate::Failed),
        Class::NeedsReview => Some(Fate::NeedsReview),
        Class::Deferred => Some(Fate::Deferred),
        Class::Create | Class::Update | Class::Resume => None,
    }
}

async fn send(
    engine: &Engine,
    connection: &Connection,
    order: &Order,
    scope: &Scope<'_>,
    survey: &mut Survey,
    report: &mut Report,
) -> Result<(), Problem> {
    let asks = connection.action.invoice().is_none();
    // Edited rows are put to a person on the way of sending, which writes the question down.
    let edited = |entry: &Entry| asks && super::send::asks(entry);
    let nothing = !survey.entries.iter().any(|entry| fate(entry).is_none() || edited(entry));
    tell(survey, report, edited)?;
    if nothing && !leftovers(engine, connection).await? {
        return Ok(());
    }
    let line = engine.line(connection)?;
    let owner = engine.owner(connection);
    let driver = Driver::new(engine, connection, scope.run)?;
    if let Err(error) = adopt_once(engine, connection, scope.run).await {
        let problem = unreachable(&error);
        if problem.code.starts_with("ledger.") {
            return Err(problem);
        }
        line.halt(problem);
    }
    let origin = survey.origin.clone();
    let shared = Mutex::new(&mut *report);
    let sending =
        Sending { engine, connection, driver: &driver, owner: &owner, scope, report: &shared, origin: &origin };
    let sent = match connection.action {
        Action::CreateInvoice(_) => sending.groups(survey, order.limit).await,
        _ => sending.rows(survey, order.limit).await,
    };
    engine.progress.end();
    report.stopped_by = line.halted();
    sent?;
    settle_leftovers(engine, connection, &driver, survey).await
}

fn unreachable(error: &SendError) -> Problem {
    let problem = error.problem().clone();
    match error {
        SendError::Halt(_) => problem,
        _ => Problem {
            message: format!("what was made lately could not be looked up, so nothing is sent: {}", problem.message),
            ..problem
        },
    }
}

async fn finish(
    engine: &Engine,
    connection: &Connection,
    source: &dyn Source,
    survey: &mut Survey,
    report: &mut Report,
) -> Result<(), Problem> {
    if let Err(problem) = write_back(engine, connection, source, survey).await {
        if problem.code.starts_with("ledger.") {
            return Err(problem);
        }
        report.notes.push(problem);
    }
    Ok(())
}

/// Writes the report into the run's history.
async fn keep(engine: &Engine, report: &mut Report, order: &Order) -> Result<(), Problem> {
    report.finished = engine.clock.now();
    if engine.stop.asked() && report.ending != Ending::Refused {
        report.ending = Ending::Stopped;
    }
    report.settle();
    let Some(id) = report.run.clone() else { return Ok(()) };
    engine.ledger()?.commit(vec![Change::Run(history::ended(report, id, order))]).await
}
