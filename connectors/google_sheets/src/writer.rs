//! Writes marks to the rows whose keys they are for, wherever those rows stand now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use google_sheets4::api::ValueRange;
use rowbill_connector::{Layout, Mark, Problem, Written};
use serde_json::Value;

use crate::a1::{self, Block};
use crate::cell::cell;
use crate::client::{Client, Values};
use crate::pool::{Answer, Spreadsheet};
use crate::reader::names;
use crate::retry::Backoff;
use crate::{SheetsConfig, problems};

/// How often columns may turn out to have moved between two looks.
const LOOKS: usize = 3;

/// What there is to say of the marks when all of them stood where they belong when the sheet was read: nothing has to be
/// written, and nothing to be looked up. Nothing when one did not, or its row is not at its number.
pub(crate) fn in_place(config: &SheetsConfig, answer: &Answer, layout: &Layout, marks: &[Mark]) -> Option<Written> {
    let places = locate(config, &names(answer.values.first()?), layout).ok()?;
    let columns = places.iter().map(|&at| Column { rows: Arc::clone(&answer.values), at });
    let view = View::new(&places, columns, layout);
    if !marks.iter().all(|mark| view.is_at_its_number(mark)) {
        return None;
    }
    let (changes, written) = view.compare(marks);
    changes.is_empty().then_some(written)
}

/// Looks the rows up and writes what differs, in one request. `known` is where the headers were last seen.
pub(crate) async fn write(
    client: &Client,
    spreadsheet: &Spreadsheet,
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
        match spreadsheet.update_once(client, ranges(&client.config, changes)).await {
            Ok(()) => return Ok(written),
            // By the time of another try the rows may have moved.
            Err(failure) => tries.wait(failure).await?,
        }
    }
}

/// Key and write-back columns as they are now.
struct View {
    keys: Vec<Column>,
    /// Where each write-back column is, and what stands in it.
    columns: Vec<(usize, Column)>,
}

/// A column of cells: one of a whole sheet's, or the only one.
struct Column {
    rows: Arc<Values>,
    at: usize,
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
        let header = answer.next().and_then(|rows| rows.first().map(|row| names(row))).unwrap_or_default();
        let now = locate(config, &header, layout)?;
        *known = Some(header);
        if expected.as_ref() == Some(&now) {
            let columns = answer.map(|rows| Column { rows: Arc::new(rows), at: 0 });
            return Ok(View::new(&now, columns, layout));
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
    /// The layout's columns and their places, in its order.
    fn new(places: &[usize], mut columns: impl Iterator<Item = Column>, layout: &Layout) -> Self {
        let keys = columns.by_ref().take(layout.key.len()).collect();
        Self { keys, columns: places.iter().copied().skip(layout.key.len()).zip(columns).collect() }
    }

    fn is_at_its_number(&self, mark: &Mark) -> bool {
        let row = usize::try_from(mark.number).ok().and_then(|number| number.checked_sub(1));
        row.is_some_and(|row| self.key(row) == trimmed(&mark.key))
    }

    fn compare(&self, marks: &[Mark]) -> (Changes, Written) {
        let rows = self.rows_by_key();
        let (mut changes, mut written) = (Changes::new(), Written::default());
        for mark in marks {
            let Some(Some(row)) = rows.get(&trimmed(&mark.key)) else {
                written.missing += 1;
                continue;
            };
            written.rows += 1;
            for ((place, column), wanted) in self.columns.iter().zip(&mark.values) {
                if column.text(*row) != *wanted {
                    changes.insert((*row as u64 + 1, *place), wanted.clone());
                }
            }
        }
        (changes, written)
    }

    /// At which place each key stands; `None` when it stands at several.
    fn rows_by_key(&self) -> HashMap<Vec<String>, Option<usize>> {
        let last = self.keys.iter().map(|column| column.rows.len()).max().unwrap_or_default();
        let mut rows = HashMap::with_capacity(last);
        for row in 1..last {
            rows.entry(self.key(row)).and_modify(|place| *place = None).or_insert(Some(row));
        }
        rows
    }

    fn key(&self, row: usize) -> Vec<String> {
        self.keys.iter().map(|column| column.text(row).trim().to_owned()).collect()
    }
}

impl Column {
    /// The text of a cell; Google leaves out empty ones at the ends.
    fn text(&self, row: usize) -> String {
        let value = self.rows.get(row).and_then(|cells| cells.get(self.at));
        value.map_or_else(String::new, |value| cell(value).text().to_owned())
    }
}

fn trimmed(key: &[String]) -> Vec<String> {
    key.iter().map(|text| text.trim().to_owned()).collect()
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
        let max_age = std::time::Duration::ZERO;
        let config = SheetsConfig { spreadsheet: "x".into(), sheet: "O".into(), api_base: None, write: true, max_age };
        let cells = [(2, 3), (2, 4), (3, 3), (3, 4), (4, 3), (6, 3), (2, 9), (3, 9), (5, 9)];
        let changes = cells.into_iter().map(|place| (place, format!("{place:?}"))).collect();
        let ranges = ranges(&config, changes);
        let names: Vec<&str> = ranges.iter().filter_map(|range| range.range.as_deref()).collect();
        assert_eq!(names, ["'O'!D2:E3", "'O'!J2:J3", "'O'!D4", "'O'!J5", "'O'!D6"]);
        assert_eq!(ranges[0].values.as_ref().unwrap()[1][1], "(3, 4)");
    }
}
