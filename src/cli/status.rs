//! `rowbill status`: every connection, its last run, and what needs you.

use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::exit;
use super::screen::bold;
use crate::config::check::after;
use crate::mapping::time;

pub async fn status(context: &Context) -> Result<u8, Problems> {
    let project = context.project()?;
    let ledger = context.ledger_to_read(&project).await.map_err(|problem| vec![problem])?;
    let mut list = Vec::new();
    for connection in &project.connections {
        let run = match &ledger {
            Some(ledger) => ledger.runs(Some(&connection.name), 1).await.map_err(|problem| vec![problem])?.pop(),
            None => None,
        };
        let report: Value = run.as_ref().and_then(|run| serde_json::from_str(&run.report).ok()).unwrap_or(Value::Null);
        let state = match (&run, report["result"].as_str()) {
            (None, _) => "never_ran",
            (Some(_), Some(result)) => result,
            (Some(_), None) => "interrupted",
        };
        list.push(json!({
            "name": connection.name, "title": connection.title, "account": connection.account, "state": state, "paused": false,
            "last_run": run.as_ref().map(|run| json!({
                "run": run.id, "started_at": time::display(run.started), "finished_at": run.finished.map(time::display),
                "result": report["result"], "rows": report["rows"],
            })),
            "next_at": Value::Null, "after": after(connection),
        }));
    }
    if context.screen.is_json() {
        context.screen.json(&json!(list));
    } else {
        for entry in &list {
            line(context, entry);
        }
    }
    Ok(exit::OK)
}

fn line(context: &Context, entry: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = &entry["last_run"]["rows"];
    let need = |name: &str| {
        rows[name].as_u64().filter(|count| *count > 0).map(|count| format!("{count} {}", name.replace('_', " ")))
    };
    let needs: Vec<String> = ["failed", "needs_review", "deferred"].iter().filter_map(|name| need(name)).collect();
    let after: Vec<String> = entry["after"].as_array().into_iter().flatten().map(text).collect();
    let after = if after.is_empty() { String::new() } else { format!("after {}", after.join(", ")) };
    let when = text(&entry["last_run"]["started_at"]);
    let name = format!("{:24}", text(&entry["name"]));
    let state = text(&entry["state"]).replace('_', " ");
    let parts = [format!("{state:18}"), needs.join(", "), when, after];
    let rest: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    context.screen.line(format!("  {} {}", bold(&name), rest.join("  ").trim_end()));
}
