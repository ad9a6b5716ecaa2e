//! What is kept of a run: its beginning, and its report once it has ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rowbill_connector::Problem;
use serde_json::{Value, json};
use ulid::Ulid;

use super::engine::Engine;
use super::execute::Order;
use super::report::{Origin, Report, RowProblem, Tally};
use crate::config::Connection;
use crate::ledger::{Ledger, RunFilter, RunRecord};
use crate::mapping::time;
use crate::protocol::Time;
use crate::schedule::{Heard, Position, Skips};

/// So many runs are looked at in one step.
const PAGE: u32 = 1000;

static LAST: Mutex<Ulid> = Mutex::new(Ulid::nil());

/// The id of a run or a note that begins now, greater than all before it: what comes later is newer, also within a
/// millisecond, and when the clock is set back.
pub fn next_id() -> String {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let next = last.increment().unwrap_or(*last).max(Ulid::generate());
    *last = next;
    next.to_string()
}

/// Ids go on from the greatest one that the ledger has: an earlier process may have had another clock.
pub async fn go_on(ledger: &dyn Ledger) -> Result<(), Problem> {
    let newest = ledger.runs(&RunFilter { limit: 1, ..RunFilter::default() }).await?.pop();
    if let Some(id) = newest.and_then(|run| run.id.parse::<Ulid>().ok()) {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = id.max(*last);
    }
    Ok(())
}

/// The record of a run that begins; whoever finds it without an end knows that it was interrupted.
pub fn begun(run: &str, connection: &str, origin: &Origin, started: Time) -> RunRecord {
    RunRecord {
        id: run.to_owned(),
        connection: connection.to_owned(),
        started,
        finished: None,
        report: json!(origin).to_string(),
    }
}

/// The record of a run that has ended.
pub(super) fn ended(report: &Report, run: String, order: &Order) -> RunRecord {
    let problems: Vec<&RowProblem> = report.problems.first().iter().collect();
    let mut summary = json!(report.origin);
    let told = json!({
        "result": report.ending, "rows": report.tally, "groups": report.groups, "amounts": report.amounts.0,
        "only": order.only.is_some(), "limit": order.limit, "problems": problems, "stopped_by": report.stopped_by,
    });
    if let (Value::Object(summary), Value::Object(told)) = (&mut summary, told) {
        summary.extend(told);
    }
    RunRecord {
        id: run,
        connection: report.connection.clone(),
        started: report.started,
        finished: Some(report.finished),
        report: summary.to_string(),
    }
}

/// A run is the first until one has read its source to the end and kept its report.
pub(super) async fn is_first(engine: &Engine, connection: &Connection) -> Result<bool, Problem> {
    let Some(ledger) = &engine.ledger else { return Ok(true) };
    Ok(newest_of(&**ledger, &connection.name, counts_as_first).await?.is_none())
}

/// The newest run of a connection of which something is true, however far back it is: notes that a connection did not
/// run may be many, and what decides must not be lost behind them.
pub async fn newest_of(
    ledger: &dyn Ledger,
    connection: &str,
    is_it: impl Fn(&RunRecord) -> bool,
) -> Result<Option<RunRecord>, Problem> {
    // Nearly always it is the newest of all.
    let mut filter = RunFilter::newest(connection, 1);
    loop {
        let page = ledger.runs(&filter).await?;
        let Some(last) = page.last() else { return Ok(None) };
        filter = RunFilter { before: Some(last.id.clone()), limit: PAGE, ..filter };
        if let Some(found) = page.into_iter().find(&is_it) {
            return Ok(Some(found));
        }
    }
}

/// Whether a run has read all that was there. One that was refused, or did not run, or looked at one row, has not.
pub fn counts_as_first(run: &RunRecord) -> bool {
    let report: Value = serde_json::from_str(&run.report).unwrap_or_default();
    let has_read = !matches!(report["result"].as_str(), Some("refused" | "skipped" | "not_run" | "undone"));
    run.finished.is_some() && has_read && report["only"] != true
}

/// The record that a connection did not run, and why; `because_of` is the run of the one before it.
pub fn not_run(connection: &str, because_of: &str, why: &str, at: Time) -> RunRecord {
    let problem = Problem::new("run.not_run", format!("not run: {why}"));
    let report = json!({ "result": "not_run", "trigger": "after", "because_of": because_of, "problems": [], "stopped_by": problem });
    note(connection, &report, at)
}

/// The record of a run that could not even begin.
pub fn refused(run: &str, connection: &str, origin: &Origin, problem: &Problem, at: Time) -> RunRecord {
    let mut report = json!(origin);
    report["result"] = json!("refused");
    report["rows"] = json!(Tally::default());
    report["problems"] = json!([]);
    report["stopped_by"] = json!(problem);
    RunRecord { id: run.to_owned(), ..note(connection, &report, at) }
}

/// The record that ticks were passed over.
pub fn skipped(connection: &str, skips: Skips, at: Time) -> RunRecord {
    let ticks = json!({ "count": skips.count, "first": time::display(skips.first), "last": time::display(skips.last) });
    note(connection, &json!({ "result": "skipped", "trigger": "schedule", "ticks": ticks, "problems": [] }), at)
}

/// The record that a connection's rows were found again, and how many.
pub fn rebuilt(run: &str, connection: &Connection, tally: Tally, at: Time) -> RunRecord {
    let report = json!({ "result": "rebuilt", "trigger": "rebuild", "rows": tally, "problems": [] });
    RunRecord { id: run.to_owned(), ..note(&connection.name, &report, at) }
}

/// Whether a record says that.
pub fn is_rebuilt(run: &RunRecord) -> bool {
    let report: Value = serde_json::from_str(&run.report).unwrap_or_default();
    report["result"] == "rebuilt"
}

/// The record that a run was undone: how many objects it had made, and how many of them were taken back.
pub fn undone(run: &str, of: &RunRecord, all: u64, done: u64, at: Time) -> RunRecord {
    let tally = Tally { read: all, done, failed: all - done, ..Tally::default() };
    let report = json!({ "result": "undone", "trigger": "undo", "undo_of": of.id, "rows": tally, "problems": [] });
    RunRecord { id: run.to_owned(), ..note(&of.connection, &report, at) }
}

fn note(connection: &str, report: &Value, at: Time) -> RunRecord {
    RunRecord {
        id: next_id(),
        connection: connection.to_owned(),
        started: at,
        finished: Some(at),
        report: report.to_string(),
    }
}

/// What a run means for the connections after it; nothing, unless it has ended and looked at all rows.
pub fn heard(run: &RunRecord) -> Option<Heard> {
    let finished = run.finished?;
    let report: Value = serde_json::from_str(&run.report).ok()?;
    if report["only"] == true || report["limit"].is_u64() {
        return None;
    }
    let name = &run.connection;
    let not_well = match report["result"].as_str()? {
        "ok" => None,
        "ok_with_failures" => Some(format!("{name} failed")),
        "needs_person" => Some(format!("{name} needs a person")),
        "deferred" => Some(format!("{name} waits")),
        "refused" => Some(format!("{name} was refused")),
        "not_run" => Some(format!("{name} did not run")),
        _ => return None,
    };
    Some(Heard { run: run.id.clone(), finished, not_well, ran: report["result"] != "not_run" })
}

/// The newest run of a connection that means something for those after it.
pub async fn newest_heard(ledger: &dyn Ledger, connection: &str) -> Result<Option<Heard>, Problem> {
    let newest = newest_of(ledger, connection, |run| heard(run).is_some()).await?;
    Ok(newest.as_ref().and_then(heard))
}

/// The newest runs of these connections that mean something for those after them, by name.
pub async fn newest_before(ledger: &dyn Ledger, after: &[String]) -> Result<BTreeMap<String, String>, Problem> {
    let mut newest = BTreeMap::new();
    for name in after {
        newest.extend(newest_heard(ledger, name).await?.map(|heard| (name.clone(), heard.run)));
    }
    Ok(newest)
}

/// Where a connection stands, if a daemon or a person has ever looked at its schedule.
pub async fn position(ledger: &dyn Ledger, connection: &str) -> Result<Option<Position>, Problem> {
    Ok(ledger.positions().await?.into_iter().find(|position| position.connection == connection))
}

/// The run with this id.
pub async fn run_by_id(ledger: &dyn Ledger, id: &str) -> Result<Option<RunRecord>, Problem> {
    // The greatest id that is not greater than this one is this one, if it is there.
    let filter = RunFilter { before: Some(format!("{id}~")), limit: 1, ..RunFilter::default() };
    Ok(ledger.runs(&filter).await?.pop().filter(|run| run.id == id))
}
