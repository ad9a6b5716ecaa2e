//! A run or a plan from its first step to its last.

use std::sync::{Arc, Mutex};

use rowbill_connector::{Problem, SendError, Source};

use super::clock::Clock;
use super::drive::Driver;
use super::engine::Engine;
use super::guard;
use super::index::{Class, Entry};
use super::reconcile::reconcile;
use super::report::{Amounts, Ending, Fate, ProblemLog, Report, RowProblem, Tally, Would, placed};
use super::row::{amount_of, same_key};
use super::send::Sending;
use super::spool::NOWHERE;
use super::survey::{Scope, Spooled, Survey, survey};
use super::write_back::write_back;
use crate::config::{Action, Connection, FirstRun};
use crate::ledger::{Change, RowFilter, RowRecord, RowState, RunRecord};

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Only the row or group with this key.
    pub only: Option<Vec<String>>,
    /// At most so many rows or groups are sent.
    pub limit: Option<u64>,
    /// What started it: `cli`, `schedule`, …
    pub trigger: &'static str,
}

/// What a run would do. Nothing is sent, and nothing is written.
pub async fn plan(engine: &Engine, connection: &Connection, order: &Order) -> Result<Report, Vec<Problem>> {
    let mut report = blank(engine, connection, order, None).map_err(|problem| vec![problem])?;
    report.ending = Ending::Plan;
    let source = (engine.make_source)(connection).map_err(|problem| vec![problem])?;
    let scope = scope(engine, connection, order, true, "").await.map_err(|problem| vec![problem])?;
    let mut survey = survey(engine, connection, source.as_ref(), &scope).await?;
    let foreseen = foresee(&mut survey).map_err(|problem| vec![problem])?;
    tell(&mut survey, &mut report, |_| false).map_err(|problem| vec![problem])?;
    report.would = would(&survey);
    report.groups = survey.groups.iter().filter(|group| group.class == Class::Create).count() as u64;
    if let Err(problem) = guard::limits(connection, report.would.create, &foreseen, &engine.catalog.currencies) {
        report.stopped_by = Some(problem);
    }
    report.notes = notes(engine, &survey);
    report.notes.extend(orphans(engine, connection, &survey).await.map_err(|problem| vec![problem])?);
    report.amounts = foreseen;
    report.tally.read = survey.entries.len() as u64;
    report.finished = engine.clock.now();
    Ok(report)
}

/// Runs a connection. Problems of configuration, source and ledger come back as errors before anything was sent;
/// everything else is in the report.
pub async fn run(engine: &Engine, connection: &Connection, order: &Order) -> Result<Report, Vec<Problem>> {
    let run = ulid::Ulid::generate().to_string();
    let one = |problem| vec![problem];
    let mut report = blank(engine, connection, order, Some(run.clone())).map_err(one)?;
    let source = (engine.make_source)(connection).map_err(one)?;
    let ledger = engine.ledger().map_err(one)?;
    let scope = scope(engine, connection, order, false, &run).await.map_err(one)?;
    let mut survey = match survey(engine, connection, source.as_ref(), &scope).await {
        Ok(survey) => survey,
        Err(problems) => {
            report.ending = Ending::Refused;
            report.stopped_by = problems.first().cloned();
            keep(engine, &mut report).await.map_err(one)?;
            return Err(problems);
        }
    };
    report.tally.read = survey.entries.len() as u64;
    let foreseen = foresee(&mut survey).map_err(one)?;
    let new_rows = limited(&survey, order.limit);
    if let Err(problem) = guard::limits(connection, new_rows, &foreseen, &engine.catalog.currencies) {
        report.ending = Ending::Refused;
        report.stopped_by = Some(problem.clone());
        keep(engine, &mut report).await.map_err(one)?;
        return Err(vec![problem]);
    }
    let started = RunRecord {
        id: run.clone(),
        connection: connection.name.clone(),
        started: report.started,
        finished: None,
        report: String::new(),
    };
    ledger.commit(vec![Change::Run(started)]).await.map_err(one)?;
    record_failures(engine, connection, &scope, &mut survey).await.map_err(one)?;
    let sent = send(engine, connection, order, &scope, &mut survey, &mut report).await;
    let written = match order.only {
        // The marks of one row would be taken for those of all: the next whole run writes them.
        Some(_) => Ok(()),
        None => finish(engine, connection, source.as_ref(), &mut survey, &mut report).await,
    };
    keep(engine, &mut report).await.map_err(one)?;
    sent.and(written).map_err(one)?;
    Ok(report)
}

fn blank(engine: &Engine, connection: &Connection, order: &Order, run: Option<String>) -> Result<Report, Problem> {
    let now = engine.clock.now();
    Ok(Report {
        run,
        connection: connection.name.clone(),
        account: connection.account.clone(),
        live: engine.is_live(connection),
        trigger: order.trigger,
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
    let only_new = connection.first_run == FirstRun::OnlyNew && is_first(engine, connection).await?;
    Ok(Scope { dry, only_new, only: order.only.as_deref(), run, now: engine.clock.now() })
}

/// A run is the first until one has read its source to the end and kept its report.
async fn is_first(engine: &Engine, connection: &Connection) -> Result<bool, Problem> {
    let Some(ledger) = &engine.ledger else { return Ok(true) };
    let runs = ledger.runs(Some(&connection.name), 1000).await?;
    Ok(!runs.iter().any(|run| run.finished.is_some() && !run.report.contains("\"result\":\"refused\"")))
}

/// The amounts that would be newly billed.
fn foresee(survey: &mut Survey) -> Result<Amounts, Problem> {
    let mut amounts = Amounts::default();
    for group in survey.groups.iter().filter(|group| group.class == Class::Create) {
        for (code, minor) in &group.amounts.0 {
            amounts.add(code, *minor);
        }
    }
    if survey.groups.is_empty() {
        for entry in survey.entries.iter().filter(|entry| entry.class == Class::Create && entry.spool != NOWHERE) {
            let spooled: Spooled = survey.spool.get(entry.spool)?;
            if let Some(minor) = spooled.prepared.and_then(|prepared| amount_of(&prepared.params)) {
                amounts.add(&minor.currency, minor.amount);
            }
        }
    }
    Ok(amounts)
}

fn limited(survey: &Survey, limit: Option<u64>) -> u64 {
    let new = survey.entries.iter().filter(|entry| entry.class == Class::Create).count() as u64;
    limit.map_or(new, |limit| limit.min(new))
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
        let problem = same_key(entry.number, &survey.doubles.failed)
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

/// Rows that failed before anything was sent are remembered, so that people can look at them.
async fn record_failures(
    engine: &Engine,
    connection: &Connection,
    scope: &Scope<'_>,
    survey: &mut Survey,
) -> Result<(), Problem> {
    if connection.action.invoice().is_some() {
        return Ok(());
    }
    let ledger = engine.ledger()?;
    let failed: Vec<Entry> = survey
        .entries
        .iter()
        .filter(|entry| entry.class == Class::Failed && entry.spool != NOWHERE && entry.id != [0; 16])
        .copied()
        .collect();
    for chunk in failed.chunks(500) {
        let ids: Vec<_> = chunk.iter().map(|entry| crate::ledger::RowId(entry.id)).collect();
        let known = ledger.rows(&connection.name, &ids).await?;
        let mut changes = Vec::new();
        for (entry, known) in chunk.iter().zip(known) {
            let spooled: Spooled = survey.spool.get(entry.spool)?;
            let Some(problem) = same_key(entry.number, &survey.doubles.failed).or(spooled.problem) else { continue };
            // What was made stays on record as made.
            if known.as_ref().is_some_and(|known| !known.objects.is_empty() || known.state == RowState::Sending) {
                continue;
            }
            let problem = placed(problem, &survey.origin, u64::from(entry.number));
            let row = super::survey::blank(connection, &spooled.key, scope);
            let (content, request) = (spooled.content, spooled.request);
            changes.push(Change::Row(RowRecord {
                state: RowState::Failed,
                problem: Some(problem),
                content,
                request,
                ..row
            }));
        }
        if !changes.is_empty() {
            ledger.commit(changes).await?;
        }
    }
    Ok(())
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
    let driver = Driver {
        ledger: engine.ledger()?,
        line: line.clone(),
        clock: Clock { shift: engine.clock.shift },
        stop: Arc::clone(&engine.stop),
        connection: connection.name.clone(),
        run: scope.run.to_owned(),
    };
    if let Err(error) = reconcile(engine, connection, scope.run).await {
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
    settle_leftovers(engine, connection, &driver, survey).await?;
    report.stopped_by = line.halted();
    sent
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

async fn leftovers(engine: &Engine, connection: &Connection) -> Result<bool, Problem> {
    let filter = RowFilter { states: vec![RowState::Sending], after: None, limit: 1 };
    Ok(!engine.ledger()?.list_rows(&connection.name, &filter).await?.is_empty())
}

/// Operations that an earlier run left open for rows which have since left the source are settled all the same.
async fn settle_leftovers(
    engine: &Engine,
    connection: &Connection,
    driver: &Driver,
    survey: &Survey,
) -> Result<(), Problem> {
    let ledger = engine.ledger()?;
    let filter = RowFilter { states: vec![RowState::Sending], after: None, limit: 1000 };
    let open = ledger.list_rows(&connection.name, &filter).await?;
    let resumed: std::collections::HashSet<_> =
        survey.entries.iter().filter(|entry| entry.class == Class::Resume).map(|entry| entry.id).collect();
    let owner = engine.owner(connection);
    // A row of this run that is open now has been tried just now.
    for mut row in open.into_iter().filter(|row| !resumed.contains(&row.id.0) && row.run != driver.run) {
        let id = owner.operation(connection.action.name(), &row.key);
        let Some(stored) = ledger.operations(&[id]).await?.pop().flatten() else { continue };
        super::drive::resume(driver, stored, &mut row).await?;
    }
    Ok(())
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
async fn keep(engine: &Engine, report: &mut Report) -> Result<(), Problem> {
    report.finished = engine.clock.now();
    if engine.stop.asked() && report.ending != Ending::Refused {
        report.ending = Ending::Stopped;
    }
    report.settle();
    let Some(id) = report.run.clone() else { return Ok(()) };
    let problems: Vec<&RowProblem> = report.problems.first().iter().collect();
    let summary = serde_json::json!({
        "result": report.ending, "trigger": report.trigger, "rows": report.tally, "groups": report.groups,
        "amounts": report.amounts.0, "problems": problems, "stopped_by": report.stopped_by,
    });
    let record = RunRecord {
        id,
        connection: report.connection.clone(),
        started: report.started,
        finished: Some(report.finished),
        report: summary.to_string(),
    };
    engine.ledger()?.commit(vec![Change::Run(record)]).await
}

/// Things that no row's problem says.
fn notes(engine: &Engine, survey: &Survey) -> Vec<Problem> {
    let mut notes = Vec::new();
    let differ = survey.entries.iter().filter(|entry| entry.class == Class::WouldDiffer).count();
    if differ > 0 {
        let message = format!("{differ} done rows would differ by the mapping as it is now; they stay as they are");
        notes.push(Problem::new("plan.would_differ", message).advise("a changed mapping never sends done rows again"));
    }
    for group in survey.groups.iter().filter(|group| group.class == Class::Create) {
        for (code, minor) in &group.amounts.0 {
            let minimum = engine.catalog.currencies.get(code).and_then(|currency| currency.minimum);
            if let Some(minimum) = minimum.filter(|minimum| *minor > 0 && minor < minimum) {
                let least = crate::mapping::money::display(minimum, code, &engine.catalog.currencies);
                let sum = crate::mapping::money::display(*minor, code, &engine.catalog.currencies);
                let row = group.rows.first().map_or(0, |at| survey.entries[*at as usize].number);
                let message =
                    format!("the invoice of row {row} comes to {sum}; the least that Stripe charges is {least}");
                notes.push(
                    Problem::new("plan.below_minimum", message)
                        .advise("Stripe marks it as paid and keeps the amount for the next invoice"),
                );
            }
        }
    }
    notes
}

/// Items that are on an invoice, though no row of the source stands for them any more.
async fn orphans(engine: &Engine, connection: &Connection, survey: &Survey) -> Result<Vec<Problem>, Problem> {
    let items = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref());
    let (Some(items), Some(ledger)) = (items, &engine.ledger) else { return Ok(Vec::new()) };
    let here: std::collections::HashSet<_> = survey.entries.iter().map(|entry| entry.content).collect();
    let mut notes = Vec::new();
    let mut filter = RowFilter { states: Vec::new(), after: None, limit: 1000 };
    loop {
        let rows = ledger.list_rows(items, &filter).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(notes) };
        filter.after = Some(last);
        for row in rows.into_iter().filter(|row| !here.contains(&row.id.0)) {
            let (Some(invoice), Some(object)) = (&row.bound, row.objects.first()) else { continue };
            let message = format!(
                "item {} ({}) is on invoice {invoice}, but its row is gone from the source",
                object.id,
                row.key.join(", ")
            );
            notes.push(Problem::new("plan.orphan_item", message).advise("the invoice stays as it is"));
        }
    }
}
