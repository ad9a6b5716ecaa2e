//! `rowbill runs`: past runs, or one of them.

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bold, dim, harmless};
use crate::ledger::{Ledger, RunFilter, RunRecord};
use crate::mapping::time;
use crate::run::history::run_by_id;

pub async fn runs(context: &Context, id: Option<&str>, of: Option<String>, limit: u32) -> Result<u8, Problems> {
    let project = context.project()?;
    let ledger = context.ledger_to_read(&project).await.map_err(|problem| vec![problem])?;
    let Some(id) = id else {
        if let Some(name) = &of {
            project.connection(name).map_err(|problem| vec![problem])?;
        }
        let filter = RunFilter { connection: of, limit, ..RunFilter::default() };
        let all = match &ledger {
            Some(ledger) => ledger.runs(&filter).await.map_err(|problem| vec![problem])?,
            None => Vec::new(),
        };
        let list: Vec<Value> = all.iter().map(value).collect();
        if context.screen.is_json() {
            context.screen.json(&json!({ "v": 1, "runs": list }));
        } else {
            for run in &list {
                line(context, run);
            }
        }
        return Ok(exit::OK);
    };
    let run = found(ledger.as_deref(), id).await.map_err(|problem| vec![problem])?;
    let run = value(&run);
    if context.screen.is_json() {
        context.screen.json(&run);
    } else {
        line(context, &run);
        for name in ["message", "advice"] {
            if let Some(text) = run["stopped_by"][name].as_str() {
                context.screen.line(format!("    {}", harmless(text)));
            }
        }
        for problem in run["problems"].as_array().into_iter().flatten() {
            let key: Vec<&str> = problem["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let message = problem["message"].as_str().unwrap_or_default();
            context.screen.line(format!("    {}  {}", bold(&harmless(&key.join(","))), harmless(message)));
        }
    }
    Ok(exit::OK)
}

/// The run with this id.
pub async fn found(ledger: Option<&dyn Ledger>, id: &str) -> Result<RunRecord, Problem> {
    let found = match ledger {
        Some(ledger) => run_by_id(ledger, &id.to_ascii_uppercase()).await?,
        None => None,
    };
    found
        .ok_or_else(|| Problem::new("config.unknown_run", format!("there is no run {id}")).advise("see `rowbill runs`"))
}

fn value(run: &RunRecord) -> Value {
    let mut value: Value = serde_json::from_str(&run.report).unwrap_or_else(|_| json!({}));
    if run.finished.is_none() {
        value["result"] = json!("interrupted");
    }
    value["v"] = json!(1);
    value["run"] = json!(run.id);
    value["connection"] = json!(run.connection);
    value["started_at"] = json!(time::display(run.started));
    value["finished_at"] = json!(run.finished.map(time::display));
    value
}

fn line(context: &Context, run: &Value) {
    let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
    let rows = run["rows"].as_object().into_iter().flatten();
    let rows: Vec<String> =
        rows.filter(|(_, count)| count.as_u64() > Some(0)).map(|(name, count)| format!("{name} {count}")).collect();
    context.screen.line(format!(
        "  {} {}  {:20} {:18} {}",
        text("run"),
        dim(&text("started_at")),
        text("connection"),
        text("result"),
        rows.join(", ")
    ));
}
