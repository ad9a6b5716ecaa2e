//! Where every connection stands: its last run, the next one, and what needs a person.

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::slots::next_at;
use crate::config::{Connection, Project};
use crate::ledger::{Ledger, RunFilter, RunRecord};
use crate::mapping::time;
use crate::schedule::Position;

/// One entry for each connection, as `-o json` prints it; `running` are those that run now.
pub async fn entries(
    project: &Project,
    ledger: Option<&dyn Ledger>,
    running: &[String],
) -> Result<Vec<Value>, Problem> {
    let positions = match ledger {
        Some(ledger) => ledger.positions().await?,
        None => Vec::new(),
    };
    let mut list = Vec::new();
    for connection in &project.connections {
        let runs = match ledger {
            Some(ledger) => recent(ledger, &connection.name).await?,
            None => Vec::new(),
        };
        let position = positions.iter().find(|position| position.connection == connection.name);
        let is_running = running.contains(&connection.name);
        list.push(entry(project, connection, position, &runs, is_running));
    }
    Ok(list)
}

/// The newest note on the connection, and the newest run behind it.
async fn recent(ledger: &dyn Ledger, name: &str) -> Result<Vec<RunRecord>, Problem> {
    let newest = ledger.runs(&RunFilter::newest(name, 1)).await?;
    if newest.first().is_none_or(is_run) {
        return Ok(newest);
    }
    let more = ledger.runs(&RunFilter::newest(name, 100)).await?;
    Ok(newest.into_iter().chain(more.into_iter().find(is_run)).collect())
}

fn report(run: &RunRecord) -> Value {
    serde_json::from_str(&run.report).unwrap_or(Value::Null)
}

/// Not a note that it did not run.
fn is_run(run: &RunRecord) -> bool {
    !matches!(report(run)["result"].as_str(), Some("skipped" | "not_run" | "undone" | "rebuilt"))
}

fn entry(
    project: &Project,
    connection: &Connection,
    position: Option<&Position>,
    runs: &[RunRecord],
    is_running: bool,
) -> Value {
    let run = runs.iter().find(|run| is_run(run));
    let told = run.map_or(Value::Null, report);
    let newest = runs.first().map_or(Value::Null, report);
    let state = match (run, told["result"].as_str().filter(|_| run.is_some_and(|run| run.finished.is_some()))) {
        _ if is_running => "running",
        _ if newest["result"] == "not_run" => "not_run",
        (None, _) => "never_ran",
        (Some(_), Some(result)) => result,
        (Some(_), None) => "interrupted",
    };
    json!({
        "name": connection.name, "title": connection.title, "account": connection.account, "state": state,
        "paused": position.is_some_and(|position| position.paused),
        "last_run": run.map(|run| json!({
            "run": run.id, "started_at": time::display(run.started), "finished_at": run.finished.map(time::display),
            "result": told["result"], "rows": told["rows"], "late_seconds": told["late_seconds"],
        })),
        "not_run": newest["stopped_by"]["message"].as_str().filter(|_| newest["result"] == "not_run"),
        "schedule": connection.schedule.as_ref().map(|schedule| schedule.written.clone()),
        "next_at": next_at(project, connection, position).map(time::display), "after": connection.after(),
    })
}
