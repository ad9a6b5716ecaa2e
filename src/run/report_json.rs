//! A report as JSON: what `-o json` prints, and what a daemon answers.

use std::io::{self, Write};

use rowbill_connector::{Catalog, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::report::{Amounts, Ending, ProblemLog, Report, RowProblem};
use crate::mapping::{money, time};

/// Writes a report's object; its problems may be many, and are never all in memory.
pub fn write(out: &mut impl Write, report: &mut Report, catalog: &Catalog) -> Result<(), Problem> {
    let head = head(report, catalog).to_string();
    write!(out, "{},\"problems\":[", head.trim_end_matches('}')).map_err(|error| broken(&error))?;
    let mut first = true;
    let mut failed = None;
    report.problems.each(|problem| {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        let text = serde_json::to_string(&problem).unwrap_or_default();
        if let Err(error) = write!(out, "{comma}{text}") {
            failed.get_or_insert(error);
        }
    })?;
    if let Some(error) = failed {
        return Err(broken(&error));
    }
    write!(out, "]}}").map_err(|error| broken(&error))
}

/// A connection that did not run because of one before it.
pub fn not_run(connection: &str, why: &str) -> Value {
    json!({ "v": 1, "connection": connection, "result": "not_run", "why": why, "problems": [] })
}

/// The result could not be written.
pub fn broken(error: &io::Error) -> Problem {
    Problem::new("output.failed", format!("the result could not be printed: {error}"))
}

fn head(report: &Report, catalog: &Catalog) -> Value {
    let mut value = json!({
        "v": 1, "run": report.run, "connection": report.connection, "account": report.account, "livemode": report.live,
        "trigger": report.origin.trigger, "started_at": time::display(report.started),
        "finished_at": time::display(report.finished), "result": report.ending,
    });
    if let (Value::Object(value), Value::Object(origin)) = (&mut value, json!(report.origin)) {
        value.extend(origin);
    }
    if report.ending == Ending::Plan {
        value["would"] = json!(report.would);
        value["read"] = json!(report.tally.read);
    } else {
        value["rows"] = json!(report.tally);
    }
    value["groups"] = json!(report.groups);
    if !report.notes.is_empty() {
        value["notes"] = json!(report.notes);
    }
    if let Some(problem) = &report.stopped_by {
        value["stopped_by"] = json!(problem);
    }
    // Last, so that the problems can follow behind the closing brace that is cut off.
    value["amounts"] = amounts(&report.amounts, catalog);
    value
}

/// Amounts by currency, in minor units and as text.
pub fn amounts(amounts: &Amounts, catalog: &Catalog) -> Value {
    let text = |code: &str, minor: i64| money::from_minor(minor, code, &catalog.currencies);
    amounts
        .0
        .iter()
        .map(|(code, minor)| json!({ "currency": code, "minor": minor, "text": text(code, *minor) }))
        .collect()
}

/// The report behind an object that [`write`] has written; none if it is not one.
pub fn read(value: &Value) -> Option<Report> {
    let mut problems = ProblemLog::new().ok()?;
    for problem in value["problems"].as_array()? {
        problems.push(field::<RowProblem>(problem)?).ok()?;
    }
    let mut tally: super::report::Tally = field(&value["rows"]).unwrap_or_default();
    tally.read = value["read"].as_u64().unwrap_or(tally.read);
    let amounts = value["amounts"].as_array()?.iter();
    let amounts = amounts.filter_map(|one| Some((one["currency"].as_str()?.to_owned(), one["minor"].as_i64()?)));
    let at = |name: &str| value[name].as_str()?.parse().ok().map(jiff::Timestamp::as_second);
    Some(Report {
        run: field(&value["run"])?,
        connection: field(&value["connection"])?,
        account: field(&value["account"])?,
        live: value["livemode"].as_bool()?,
        origin: field(value)?,
        started: at("started_at")?,
        finished: at("finished_at")?,
        ending: field(&value["result"])?,
        tally,
        would: field(&value["would"]).unwrap_or_default(),
        amounts: Amounts(amounts.collect()),
        groups: value["groups"].as_u64()?,
        notes: field(&value["notes"]).unwrap_or_default(),
        stopped_by: field(&value["stopped_by"]).unwrap_or_default(),
        problems,
    })
}

fn field<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}
