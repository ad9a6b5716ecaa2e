//! Writes marks to the rows whose keys they are for, wherever those rows stand now.

use std::collections::{BTreeMap, HashMap};

use google_sheets4::api::ValueRange;
use rowbill_connector::{Layout, Mark, Problem, Written};
use serde_json::Value;

use crate::a1::{self, Block};
use crate::cell::cell;
use crate::client::{Client, Values};
use crate::reader::names;
use crate::retry::Backoff;
use crate::{SheetsConfig, problems};

/// How often columns may turn out to have moved between two looks.
const LOOKS: usize = 3;

/// Looks the rows up and writes what differs, in one request. `known` is where the headers were last seen.
pub(crate) async fn write(
    client: &Client,
    layout: &Layout,
    marks: &[Mark],
    mut known: Option<Vec<String>>,
) -> Result<Written, Problem> {
    let mut tries = Backoff::new();
    loop {
        let view = look(client, layout, &mut known).await?;
        let (changes, written) = view.compare(marks);
        if changes.is_empty() {
            return Ok(written);
        }
        match client.update_once(ranges(&client.config, changes)).await {
            Ok(()) => return Ok(written),
            // By the time of another try the rows may have moved.
            Err(failure) => tries.wait(failure).await?,
        }
    }
}

/// Key and write-back columns as they are now.
struct View {
    keys: Vec<Values>,
    /// Where each write-back column is, and what stands in it.
    columns: Vec<(usize, Values)>,
}

/// What is to be written: by row and column.
type Changes = BTreeMap<(u64, usize), String>;

async fn look(client: &Client, layout: &Layout, known: &mut Option<Vec<String>>) -> Result<View, Problem> {
    let config = &client.config;
    for _ in 0..LOOKS {
        let expected = match known.take() {
            Some(header) => locate(config, &header, layout).ok(),
            None => None,
        };
        let places = expected.clone().unwrap_or_default();
        let mut answer = client.values(&requested(config, &places)).await?.into_iter();
        let header = names(answer.next().and_then(|rows| rows.into_iter().next()).unwrap_or_default());
        let now = locate(config, &header, layout)?;
        *known = Some(header);
        if expected.as_ref() == Some(&now) {
            let keys = answer.by_ref().take(layout.key.len()).collect();
            let columns = now.into_iter().skip(layout.key.len()).zip(answer).collect();
            return Ok(View { keys, columns });
        }
    }
    Err(problems::columns_move(config))
}

/// The header row, and the columns whole.
fn requested(config: &SheetsConfig, columns: &[usize]) -> Vec<String> {
    let sheet = a1::sheet(&config.sheet);
    let column = |&at: &usize| format!("{sheet}!{0}:{0}", a1::column(at));
    std::iter::once(format!("{sheet}!1:1")).chain(columns.iter().map(column)).collect()
}

/// Where the layout's columns are, keys first. Each must be there once.
fn locate(config: &SheetsConfig, header: &[String], layout: &Layout) -> Result<Vec<usize>, Problem> {
    let place = |wanted: &String| {
        let mut found = header.iter().enumerate().filter(|(_, name)| *name == wanted);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Ok(at),
            (Some(_), Some(_)) => Err(problems::header_doubled(config, wanted)),
            (None, _) => Err(problems::header_missing(config, wanted, header)),
        }
    };
    layout.key.iter().chain(&layout.columns).map(place).collect()
}

impl View {
    fn compare(&self, marks: &[Mark]) -> (Changes, Written) {
        let rows = self.rows_by_key();
        let (mut changes, mut written) = (Changes::new(), Written::default());
        for mark in marks {
            let key: Vec<&str> = mark.key.iter().map(|text| text.trim()).collect();
            let Some(Some(row)) = rows.get(&key.iter().map(ToString::to_string).collect::<Vec<_>>()) else {
                written.missing += 1;
                continue;
            };
            written.rows += 1;
            for ((column, values), wanted) in self.columns.iter().zip(&mark.values) {
                if text(values, *row) != *wanted {
                    changes.insert((*row as u64 + 1, *column), wanted.clone());
                }
            }
        }
        (changes, written)
    }

    /// At which place each key stands; `None` when it stands at several.
    fn rows_by_key(&self) -> HashMap<Vec<String>, Option<usize>> {
        let last = self.keys.iter().map(Vec::len).max().unwrap_or_default();
        let mut rows = HashMap::with_capacity(last);
        for row in 1..last {
            let key: Vec<String> = self.keys.iter().map(|column| text(column, row).trim().to_owned()).collect();
            rows.entry(key).and_modify(|place| *place = None).or_insert(Some(row));
        }
        rows
    }
}

/// The text of a cell of a column that was asked for alone.
fn text(column: &Values, row: usize) -> String {
    let value = column.get(row).and_then(|cells| cells.first());
    value.map_or_else(String::new, |value| cell(value.clone()).text().to_owned())
}

/// Neighbouring cells in one range: first along the row, then rows of the same columns.
fn ranges(config: &SheetsConfig, changes: Changes) -> Vec<ValueRange> {
    let mut blocks: Vec<(Block, Values)> = Vec::new();
    for (row, first, texts) in runs(changes) {
        let columns = (first, first + texts.len() - 1);
        let values = texts.into_iter().map(Value::String).collect();
        // A row's other runs may stand between this one and the one above it.
        let above = blocks.iter_mut().rev().take_while(|(block, _)| block.rows.1 + 1 >= row);
        let mut above = above.filter(|(block, _)| block.rows.1 + 1 == row && block.columns == columns);
        if let Some((block, rows)) = above.next() {
            block.rows.1 = row;
            rows.push(values);
        } else {
            blocks.push((Block { rows: (row, row), columns }, vec![values]));
        }
    }
    let range = |(block, values): (Block, Values)| ValueRange {
        range: Some(block.name(&config.sheet)),
        major_dimension: Some("ROWS".to_owned()),
        values: Some(values),
    };
    blocks.into_iter().map(range).collect()
}

/// Cells beside each other in one row: row, first column, texts.
fn runs(changes: Changes) -> Vec<(u64, usize, Vec<String>)> {
    let mut runs: Vec<(u64, usize, Vec<String>)> = Vec::new();
    for ((row, column), text) in changes {
        match runs.last_mut() {
            Some((last, first, texts)) if *last == row && *first + texts.len() == column => texts.push(text),
            _ => runs.push((row, column, vec![text])),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_written_together() {
        let config = SheetsConfig { spreadsheet: "x".into(), sheet: "O".into(), api_base: None, write: true };
        let cells = [(2, 3), (2, 4), (3, 3), (3, 4), (4, 3), (6, 3), (2, 9), (3, 9), (5, 9)];
        let changes = cells.into_iter().map(|place| (place, format!("{place:?}"))).collect();
        let ranges = ranges(&config, changes);
        let names: Vec<&str> = ranges.iter().filter_map(|range| range.range.as_deref()).collect();
        assert_eq!(names, ["'O'!D2:E3", "'O'!J2:J3", "'O'!D4", "'O'!J5", "'O'!D6"]);
        assert_eq!(ranges[0].values.as_ref().unwrap()[1][1], "(3, 4)");
    }
}
