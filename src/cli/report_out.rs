//! A run's or a plan's report: for people, and as JSON.

use std::io::Write;

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::screen::{Screen, bad, bold, dim, good, harmless, unsure};
use super::tame::Json;
use crate::connectors::catalog;
use crate::mapping::money::display;
use crate::run::{Amounts, Ending, Fate, Report, RowProblem, report_json};

/// Prints reports, and what is to be said of other connections: one object, or an array when there are several.
pub fn print(screen: &Screen, reports: &mut [Report], others: &[Value]) -> Result<(), Problem> {
    if !screen.is_json() {
        for report in reports.iter() {
            text(screen, report);
        }
        return Ok(());
    }
    let mut out = Json(std::io::BufWriter::new(std::io::stdout().lock()));
    let many = (reports.len() + others.len() != 1) && !screen.is_jsonl();
    let broken = |error: std::io::Error| report_json::broken(&error);
    if many {
        write!(out, "[").map_err(broken)?;
    }
    for (index, report) in reports.iter_mut().enumerate() {
        if index > 0 && many {
            write!(out, ",").map_err(broken)?;
        }
        report_json::write(&mut out, report, catalog())?;
        if !many {
            writeln!(out).map_err(broken)?;
        }
    }
    for (index, other) in others.iter().enumerate() {
        let comma = if many && index + reports.len() > 0 { "," } else { "" };
        let end = if many { "" } else { "\n" };
        write!(out, "{comma}{other}{end}").map_err(broken)?;
    }
    if many {
        writeln!(out, "]").map_err(broken)?;
    }
    out.flush().map_err(broken)
}

/// A report for people.
pub fn text(screen: &Screen, report: &Report) {
    if report.ending == Ending::Plan { plan_text(screen, report) } else { run_text(screen, report) }
}

/// A connection that was refused after others had run.
pub fn refused(connection: &str, problems: &[Problem]) -> Value {
    let exit = super::exit::first(problems.iter().map(super::exit::of_problem));
    json!({ "v": 1, "connection": connection, "result": "refused", "exit": exit, "problems": problems })
}

fn mode(report: &Report) -> String {
    if report.live { bad("LIVE") } else { dim("test") }
}

fn totals(amounts: &Amounts) -> String {
    amounts.0.iter().map(|(code, minor)| display(*minor, code, &catalog().currencies)).collect::<Vec<_>>().join(", ")
}

fn what(report: &Report, rows: u64) -> String {
    let rows = if rows == 1 { "row" } else { "rows" };
    format!("{rows}{}", in_invoices(report))
}

fn in_invoices(report: &Report) -> String {
    match report.groups {
        0 => String::new(),
        1 => " in 1 invoice".to_owned(),
        count => format!(" in {count} invoices"),
    }
}

fn plan_text(screen: &Screen, report: &Report) {
    let would = &report.would;
    screen.line(format!("{} → {} {}   plan", bold(&report.connection), report.account, mode(report)));
    let line = |sign: &str, count: u64, text: &str| {
        if count > 0 {
            screen.line(format!("  {sign} {count:>6}  {}", text.trim_end()));
        }
    };
    let create = format!("{} to create   {}", what(report, would.create), totals(&report.amounts));
    line(&good("+"), would.create, &create);
    line(&unsure("~"), would.update, "to update");
    line("=", would.already_done, "already done");
    line("-", would.skipped, "skipped");
    line(&bad("✘"), would.failed, "cannot be sent");
    line(&unsure("?"), would.needs_review, "need you");
    line(&dim("…"), would.deferred, "wait");
    problems(screen, report);
    for note in &report.notes {
        screen.line(format!("  {} {}", unsure("!"), harmless(&note.message)));
    }
    if let Some(problem) = &report.stopped_by {
        screen.line(format!("  {} {}", bad("■"), harmless(&problem.message)));
    }
    let nothing = would.create + would.update == 0;
    let advice = if nothing {
        "0 to do".to_owned()
    } else {
        format!("nothing was sent; to send: rowbill run-now {}", report.connection)
    };
    screen.line(format!("  {} rows read; {advice}", report.tally.read));
}

fn run_text(screen: &Screen, report: &Report) {
    let tally = &report.tally;
    screen.line(format!("{} → {} {}", bold(&report.connection), report.account, mode(report)));
    let line = |sign: String, count: u64, text: String| {
        if count > 0 {
            screen.line(format!("  {sign} {count:>6}  {}", text.trim_end()));
        }
    };
    line(good("✔"), tally.done, format!("done{}   {}", in_invoices(report), totals(&report.amounts)));
    line(bad("✘"), tally.failed, "failed".into());
    line(unsure("?"), tally.needs_review, "need you".into());
    line(dim("…"), tally.deferred, "wait: taken up by the next run".into());
    problems(screen, report);
    for note in &report.notes {
        screen.line(format!("  {} {}", unsure("!"), harmless(&note.message)));
    }
    if let Some(problem) = &report.stopped_by {
        screen.line(format!("  {} {}", bad("■ stopped:"), harmless(&problem.message)));
        if let Some(advice) = &problem.advice {
            screen.line(format!("    {} {}", dim("→"), harmless(advice)));
        }
    }
    let seconds = report.finished - report.started;
    let run = report.run.as_deref().unwrap_or_default();
    screen.line(format!("  {}   {}", report.tally.equation(), dim(&format!("run {run}  {seconds} s"))));
    if tally.done == 0 && tally.already_done + tally.skipped == tally.read {
        screen.line("  0 to do");
    }
}

fn problems(screen: &Screen, report: &Report) {
    for problem in report.problems.first() {
        row_problem(screen, problem);
    }
    let more = report.problems.count - report.problems.first().len() as u64;
    if more > 0 {
        screen.line(format!("      and {more} more: rowbill rows {} --failed", report.connection));
    }
}

fn row_problem(screen: &Screen, row: &RowProblem) {
    let sign = match row.state {
        Fate::Failed => bad("✘"),
        Fate::NeedsReview => unsure("?"),
        _ => dim("…"),
    };
    let place = row.problem.place.as_ref();
    let at = place.map(|place| match (place.row, &place.cell) {
        (Some(row), Some(cell)) if !cell.contains('!') => format!("row {row}, {cell}"),
        (_, Some(cell)) => cell.clone(),
        (Some(row), None) => format!("row {row}"),
        (None, None) => String::new(),
    });
    let at = at.unwrap_or_default();
    let request = row.problem.request_id.as_ref().map(|id| format!("  {id}")).unwrap_or_default();
    let key = harmless(&row.key.join(","));
    screen.line(format!(
        "      {sign} {}  {}  {}",
        bold(&key),
        harmless(&row.problem.message),
        dim(&harmless(&format!("{at}{request}")))
    ));
    if let Some(advice) = &row.problem.advice {
        screen.line(format!("        {} {}", dim("→"), harmless(advice)));
    }
}
