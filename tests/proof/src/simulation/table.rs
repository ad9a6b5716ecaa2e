//! The tables of the business, and all that ever stood in them: what the books are compared with.

use std::collections::{BTreeMap, BTreeSet};

use super::business::{headers, key_of};

/// The columns that rowbill fills in.
pub const WRITTEN: usize = 2;

/// One table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its rows, a text for each header.
    pub rows: Vec<Vec<String>>,
    /// Every content that a key had at any time, by key.
    pub past: BTreeMap<String, BTreeSet<Vec<String>>>,
}

impl Table {
    /// An empty one.
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Its headers.
    pub fn headers(&self) -> &'static [&'static str] {
        headers(self.name)
    }

    /// Where a column stands.
    pub fn column(&self, header: &str) -> usize {
        self.headers().iter().position(|name| *name == header).unwrap_or_default()
    }

    /// Appends a row.
    pub fn add(&mut self, cells: &[&str]) {
        let mut row: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        row.resize(self.headers().len(), String::new());
        self.rows.push(row);
        self.remember();
    }

    /// Changes a cell.
    pub fn set(&mut self, at: usize, header: &str, text: &str) {
        let column = self.column(header);
        if let Some(row) = self.rows.get_mut(at) {
            text.clone_into(&mut row[column]);
        }
        self.remember();
    }

    /// What stands now becomes part of what ever stood.
    pub fn remember(&mut self) {
        let written = self.headers().len() - WRITTEN;
        for row in &self.rows {
            let past = self.past.entry(key(self.name, row).join(",")).or_default();
            if !past.contains(&row[..written]) {
                past.insert(row[..written].to_vec());
            }
        }
    }
}

/// The key of a row of a table, as its connection has it.
pub fn key(table: &str, row: &[String]) -> Vec<String> {
    cells(table, row, key_of(table))
}

/// The cells of a row under these headers.
pub fn cells(table: &str, row: &[String], wanted: &[&str]) -> Vec<String> {
    let at = |header: &&str| headers(table).iter().position(|name| name == header).unwrap_or_default();
    wanted.iter().map(|header| row[at(header)].trim().to_owned()).collect()
}

/// One cell of a row.
pub fn cell<'a>(table: &str, row: &'a [String], header: &str) -> &'a str {
    let at = headers(table).iter().position(|name| *name == header).unwrap_or_default();
    &row[at]
}

/// An amount in minor units as people write it.
pub fn written(minor: i64, currency: &str) -> String {
    match decimals(currency) {
        0 => minor.to_string(),
        2 => format!("{}.{:02}", minor / 100, minor % 100),
        _ => format!("{}.{:03}", minor / 1000, minor % 1000),
    }
}

/// What people wrote, in minor units.
pub fn minor(row: &[String], table: &str) -> Option<(String, i64)> {
    let (text, currency) = (cell(table, row, "Total"), cell(table, row, "Currency"));
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    Some((currency.to_lowercase(), digits.parse().ok()?))
}

fn decimals(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "KWD" | "TND" => 3,
        _ => 2,
    }
}
