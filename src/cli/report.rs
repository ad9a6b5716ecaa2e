//! `rowbill report`: what came of the invoices in money.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use rowbill_connector::Problem;

use super::args::Output;
use super::context::{Context, Problems};
use super::report_args::{CashflowArgs, Period, ReportCommand};
use super::{exit, tame};
use crate::config::{self, Project};
use crate::connectors::catalog;
use crate::report::{By, Report, json, svg, table, text};
use crate::reporting::make::days;
use crate::reporting::{Frame, file, make, run};
use crate::run::report_json::broken;

pub async fn report(context: &Context, command: ReportCommand) -> Result<u8, Problems> {
    let project = context.project()?;
    let args = match command {
        ReportCommand::Cashflow(args) => args,
        ReportCommand::Write { names } => return write(context, &project, &names).await,
    };
    let one = |problem| vec![problem];
    let frame = frame(context, &project, &args).map_err(one)?;
    let accounts = accounts(&project, &args.accounts).map_err(one)?;
    // Nothing is half done by reading, so that it may end at any moment.
    let report = tokio::select! {
        made = make(&frame, &project.settings.zone, &accounts) => made.map_err(one)?,
        () = context.stop.wait() => return Ok(exit::INTERRUPTED),
    };
    tell(context, &report, args.out.as_deref()).map_err(one)?;
    Ok(exit::OK)
}

/// Writes the reports of `rowbill.yaml` now, each into its place.
async fn write(context: &Context, project: &Project, names: &[String]) -> Result<u8, Problems> {
    let jobs = &project.settings.reports;
    let known: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let problem = Problem::new("report.unknown", format!("rowbill.yaml has no report `{unknown}`"));
        return Err(vec![problem.advise(crate::suggest::did_you_mean(unknown, &known))]);
    }
    let mut written = Vec::new();
    for job in jobs.iter().filter(|job| names.is_empty() || names.contains(&job.name)) {
        let place = tokio::select! {
            place = run(&project.settings, job, context.clock(project).now()) => place.map_err(|problem| vec![problem])?,
            () = context.stop.wait() => return Ok(exit::INTERRUPTED),
        };
        context.screen.say(format!("{}: wrote {place}", job.name));
        written.push(serde_json::json!({ "report": job.name, "place": place }));
    }
    if context.screen.is_json() {
        context.screen.json(&serde_json::json!({ "v": 1, "written": written }));
    }
    Ok(exit::OK)
}

/// The days that are asked for; this month until today if none.
fn frame(context: &Context, project: &Project, args: &CashflowArgs) -> Result<Frame, Problem> {
    let zone = &project.settings.zone;
    let today = || Timestamp::from_second(context.clock(project).now()).map(|now| now.to_zoned(zone.clone()).date());
    let to = match args.to {
        Some(to) => to,
        None => today().map_err(|_| days("the clock of this machine is beyond the calendar"))?,
    };
    let by = match args.by {
        Period::Day => By::Day,
        Period::Week => By::Week,
        Period::Month => By::Month,
    };
    let from = args.from.unwrap_or_else(|| to.first_of_month());
    Ok(Frame { from, to, by, invoices_since: args.invoices_since })
}

fn accounts<'a>(project: &'a Project, names: &[String]) -> Result<Vec<&'a config::Account>, Problem> {
    let known = &project.settings.accounts;
    for name in names {
        project.account_named(name)?;
    }
    Ok(known.values().filter(|account| names.is_empty() || names.contains(&account.name)).collect())
}

fn tell(context: &Context, report: &Report, out: Option<&Path>) -> Result<(), Problem> {
    let currencies = &catalog().currencies;
    let text = match context.global.output {
        Output::Text => {
            let lines = text::lines(report, currencies);
            lines.iter().fold(String::new(), |all, line| all + &tame::harmless(line) + "\n")
        }
        Output::Csv => table::csv(report, currencies),
        Output::Svg => svg::svg(report, currencies),
        Output::Jsonl => tame::json(&json::value(report).to_string()) + "\n",
        Output::Json => tame::json(&format!("{:#}\n", json::value(report))),
    };
    match out {
        Some(path) => {
            file::write(path, &text)?;
            context.screen.say(format!("wrote {}", path.display()));
        }
        None => std::io::stdout().write_all(text.as_bytes()).map_err(|error| broken(&error))?,
    }
    Ok(())
}
