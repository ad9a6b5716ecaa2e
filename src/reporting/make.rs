//! A cash-flow report, read from the accounts' own books.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rowbill_connector::{Problem, SendError, Span, Target};

use crate::config::Account;
use crate::connectors;
use crate::mapping::time::midnight;
use crate::report::{self, Books, By, Report, cashflow, periods};

/// The most periods of one report: thirteen years of days.
const MOST_PERIODS: usize = 5000;
/// How far back invoices are looked for when nothing is said, in years before the first day.
const INVOICES_BACK: i32 = 1;

/// The days of a report.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
    /// How long its periods are.
    pub by: By,
    /// Invoices that were made from this day on are looked at; a year before the first day if none.
    pub invoices_since: Option<Date>,
}

/// Reads the accounts' books. Every key is looked at before the first request.
pub async fn make(frame: &Frame, zone: &TimeZone, accounts: &[&Account]) -> Result<Report, Problem> {
    let mut report = empty(frame, zone)?;
    let since = frame.invoices_since.or_else(|| frame.from.checked_sub(INVOICES_BACK.years()).ok());
    let since = since.unwrap_or(frame.from).min(frame.from);
    let mut targets = Vec::new();
    for account in accounts {
        targets.push((account, connectors::target(account)?));
    }
    for (account, target) in targets {
        let books = books(zone, &report, since, &account.name, &*target).await?;
        let currencies = cashflow(&books, &report.periods, zone)?;
        report.accounts.push(report::Account { name: account.name.clone(), live: account.live, currencies });
    }
    Ok(report)
}

/// The report's days and periods, without any account yet.
fn empty(frame: &Frame, zone: &TimeZone) -> Result<Report, Problem> {
    let Frame { from, to, by, .. } = *frame;
    if to < from {
        return Err(days(&format!("the last day, {to}, is before the first, {from}")));
    }
    let periods = periods(from, to, by, zone, MOST_PERIODS)
        .ok_or_else(|| days(&format!("{from} to {to} has more than {MOST_PERIODS} periods, or ends the calendar")))?;
    let zone = zone.iana_name().unwrap_or("UTC").to_owned();
    Ok(Report { from, to, by, zone, periods, accounts: Vec::new() })
}

/// What is wrong with the days of a report.
pub fn days(message: &str) -> Problem {
    Problem::new("report.days", message).advise("write days as --from 2026-11-01 --to 2026-11-30, both of them in it")
}

async fn books(
    zone: &TimeZone,
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
    let since = midnight(since, zone).unwrap_or(first.from);
    let told = |error: SendError| error.problem().clone();
    Ok(Books {
        entries: cash.entries(span).await.map_err(told)?,
        payouts: cash.payouts(span).await.map_err(told)?,
        owed: cash.owed(Span { from: since, ..span }).await.map_err(told)?,
    })
}
