//! `rowbill report`: what came of the invoices in money.

use std::io::Write;
use std::path::Path;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rowbill_connector::{Problem, SendError, Span, Target};
use tempfile::NamedTempFile;

use super::args::Output;
use super::context::{Context, Problems};
use super::report_args::{CashflowArgs, Period, ReportCommand};
use super::{exit, tame};
use crate::config::{self, Project};
use crate::connectors::{self, catalog};
use crate::mapping::time::midnight;
use crate::report::{Account, Books, By, Report, cashflow, json, periods, svg, table, text};
use crate::run::report_json::broken;

/// The most periods of one report: thirteen years of days.
const MOST_PERIODS: usize = 5000;
/// How far back invoices are looked for when nothing is said, before the first day.
const INVOICES_BACK: i32 = 1;

pub async fn report(context: &Context, command: ReportCommand) -> Result<u8, Problems> {
    let ReportCommand::Cashflow(args) = command;
    let project = context.project()?;
    let one = |problem| vec![problem];
    let mut report = frame(context, &project, &args).map_err(one)?;
    let since = args.invoices_since.or_else(|| report.from.checked_sub(INVOICES_BACK.years()).ok());
    let since = since.unwrap_or(report.from).min(report.from);
    // Every key is looked at before the first request.
    let mut targets = Vec::new();
    for account in accounts(&project, &args.accounts).map_err(one)? {
        targets.push((account, connectors::target(account).map_err(one)?));
    }
    for (account, target) in targets {
        // Nothing is half done by reading, so that it may end at any moment.
        let books = tokio::select! {
            books = books(&project, &report, since, &account.name, &*target) => books.map_err(one)?,
            () = context.stop.wait() => return Ok(exit::INTERRUPTED),
        };
        let currencies = cashflow(&books, &report.periods, &project.settings.zone).map_err(one)?;
        report.accounts.push(Account { name: account.name.clone(), live: account.live, currencies });
    }
    tell(context, &report, args.out.as_deref()).map_err(one)?;
    Ok(exit::OK)
}

/// The report's days and periods, without any account yet.
fn frame(context: &Context, project: &Project, args: &CashflowArgs) -> Result<Report, Problem> {
    let zone = &project.settings.zone;
    let today = || Timestamp::from_second(context.clock(project).now()).map(|now| now.to_zoned(zone.clone()).date());
    let to = match args.to {
        Some(to) => to,
        None => today().map_err(|_| days("the clock of this machine is beyond the calendar"))?,
    };
    let from = args.from.unwrap_or_else(|| to.first_of_month());
    if to < from {
        return Err(days(&format!("the last day, {to}, is before the first, {from}")));
    }
    let by = match args.by {
        Period::Day => By::Day,
        Period::Week => By::Week,
        Period::Month => By::Month,
    };
    let periods = periods(from, to, by, zone, MOST_PERIODS)
        .ok_or_else(|| days(&format!("{from} to {to} has more than {MOST_PERIODS} periods, or ends the calendar")))?;
    let zone = zone.iana_name().unwrap_or("UTC").to_owned();
    Ok(Report { from, to, by, zone, periods, accounts: Vec::new() })
}

fn days(message: &str) -> Problem {
    Problem::new("report.days", message).advise("write days as --from 2026-11-01 --to 2026-11-30, both of them in it")
}

fn accounts<'a>(project: &'a Project, names: &[String]) -> Result<Vec<&'a config::Account>, Problem> {
    let known = &project.settings.accounts;
    for name in names {
        project.account_named(name)?;
    }
    Ok(known.values().filter(|account| names.is_empty() || names.contains(&account.name)).collect())
}

async fn books(
    project: &Project,
    report: &Report,
    since: Date,
    account: &str,
    target: &dyn Target,
) -> Result<Books, Problem> {
    let (Some(first), Some(last)) = (report.periods.first(), report.periods.last()) else {
        return Ok(Books::default());
    };
    let cash = target.cash().ok_or_else(|| {
        Problem::new("payments.none", format!("the account `{account}` does not tell what became of its invoices"))
    })?;
    let span = Span { from: first.from, until: last.until };
    let since = midnight(since, &project.settings.zone).unwrap_or(first.from);
    let told = |error: SendError| error.problem().clone();
    Ok(Books {
        entries: cash.entries(span).await.map_err(told)?,
        payouts: cash.payouts(span).await.map_err(told)?,
        owed: cash.owed(Span { from: since, ..span }).await.map_err(told)?,
    })
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
            write(path, &text).map_err(|error| {
                let message = format!("{} cannot be written: {error}", path.display());
                Problem::new("report.not_written", message)
                    .advise("choose a folder that is there and can be written to")
            })?;
            context.screen.say(format!("wrote {}", path.display()));
        }
        None => std::io::stdout().write_all(text.as_bytes()).map_err(|error| broken(&error))?,
    }
    Ok(())
}

/// Whole or not at all: whoever reads the file sees the old report or the new one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = draft(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    draft.persist(path).map(drop).map_err(|error| error.error)
}

/// With the rights that any new file has: others may be meant to read it.
fn draft(folder: &Path) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let rights = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".report-").permissions(rights).tempfile_in(folder)
}
