//! The report for people: one table for each currency of each account.

use std::collections::BTreeMap;

use rowbill_connector::Currency;

use super::{Account, Flow, Report, total};
use crate::mapping::money::display;

/// A column: its heading and what stands in it.
type Column = (&'static str, fn(&Flow) -> i64);

const COLUMNS: [Column; 10] = [
    ("invoiced", |flow| flow.invoiced),
    ("paid", |flow| flow.paid),
    ("fees", |flow| flow.fees),
    ("refunds", |flow| flow.refunds),
    ("disputes", |flow| flow.disputes),
    (OTHER, |flow| flow.other),
    ("net", Flow::net),
    ("paid out", |flow| flow.paid_out),
    ("off-Stripe", |flow| flow.outside),
    ("open", Flow::owed),
];
/// Shown only where there is any.
const OTHER: &str = "other";
const AGES: [&str; 4] = ["0-30 days", "31-60", "61-90", "over 90"];

/// The lines of the report.
pub fn lines(report: &Report, currencies: &BTreeMap<String, Currency>) -> Vec<String> {
    let mut lines = Vec::new();
    for account in &report.accounts {
        let mode = if account.live { "LIVE" } else { "test" };
        lines.push(format!("{} {mode}   {} to {}  {}", account.name, report.from, report.to, report.zone));
        if account.currencies.is_empty() {
            lines.push("  nothing was invoiced, paid or owed".to_owned());
        }
        lines.extend(of_account(report, account, currencies));
    }
    lines
}

fn of_account(report: &Report, account: &Account, currencies: &BTreeMap<String, Currency>) -> Vec<String> {
    let mut lines = Vec::new();
    for (code, flows) in &account.currencies {
        let sum = total(flows);
        let money = |minor: i64| {
            let told = display(minor, code, currencies);
            told.split_once(' ').map_or(told.clone(), |(_, amount)| amount.to_owned())
        };
        lines.push(format!("  {}", code.to_uppercase()));
        lines.extend(table(report, flows, &sum, &money).iter().map(|row| format!("    {row}")));
        if sum.on_its_way != 0 {
            lines.push(format!("    on its way to the bank: {}", money(sum.on_its_way)));
        }
        if sum.owed() != 0 {
            let ages = AGES.iter().zip(sum.open).filter(|(_, minor)| *minor != 0);
            let ages: Vec<String> = ages.map(|(age, minor)| format!("{age} {}", money(minor))).collect();
            lines.push(format!("    open on {}: {}", report.to, ages.join(", ")));
        }
    }
    lines
}

fn table(report: &Report, flows: &[Flow], sum: &Flow, money: &dyn Fn(i64) -> String) -> Vec<String> {
    let has_other = flows.iter().any(|flow| flow.other != 0);
    let columns: Vec<Column> = COLUMNS.into_iter().filter(|(name, _)| *name != OTHER || has_other).collect();
    let row = |name: String, flow: &Flow| {
        std::iter::once(name).chain(columns.iter().map(|(_, of)| money(of(flow)))).collect::<Vec<String>>()
    };
    let mut rows = vec![std::iter::once("").chain(columns.iter().map(|(name, _)| *name)).map(str::to_owned).collect()];
    for (period, flow) in report.periods.iter().zip(flows) {
        let name = if period.first == period.last {
            period.first.to_string()
        } else {
            format!("{} to {}", period.first, period.last)
        };
        rows.push(row(name, flow));
    }
    if flows.len() > 1 {
        rows.push(row("total".to_owned(), sum));
    }
    aligned(&rows)
}

/// The first column to the left, all others to the right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut cells = row.iter().zip(&widths);
        let first = cells.next().map(|(cell, width)| format!("{cell:width$}")).unwrap_or_default();
        cells.fold(first, |line, (cell, width)| format!("{line}  {cell:>width$}"))
    };
    rows.iter().map(line).collect()
}
