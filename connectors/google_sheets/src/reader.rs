//! Turns the cells of a sheet into a header and rows.

use std::sync::Arc;

use futures::{StreamExt, stream};
use rowbill_connector::{Cell, Header, Problem, Reading, Row};
use serde_json::Value;

use crate::cell::cell;
use crate::pool::Answer;
use crate::{SheetsConfig, problems};

/// Rows in one batch.
const BATCH: usize = 1000;

/// The header row as texts.
pub(crate) fn names(row: &[Value]) -> Vec<String> {
    row.iter().map(|value| cell(value).text().to_owned()).collect()
}

/// The whole sheet as a reading. Others may read the same answer.
pub(crate) fn reading(config: &SheetsConfig, answer: Arc<Answer>) -> Result<Reading, Problem> {
    // A row may be longer than the header: such a cell stands in a column without a name.
    let width = answer.values.iter().map(Vec::len).max().unwrap_or_default();
    let mut names = answer.values.first().map(|row| names(row)).unwrap_or_default();
    if names.iter().all(|name| name.trim().is_empty()) {
        return Err(problems::empty(config));
    }
    names.resize(width, String::new());
    let header = Header {
        names,
        zone: answer.zone.clone(),
        origin: Arc::from(problems::origin(config)),
        sheet: Some(config.sheet.clone()),
    };
    let rows = (2..).zip(1..answer.values.len()).filter_map(move |(number, at)| row(number, &answer.values[at], width));
    Ok(Reading { header: Arc::new(header), batches: stream::iter(rows).chunks(BATCH).map(Ok).boxed() })
}

/// A row with a cell for each header; nothing when it is blank.
fn row(number: u64, values: &[Value], width: usize) -> Option<Row> {
    let mut cells: Vec<Cell> = values.iter().map(cell).collect();
    if cells.iter().all(Cell::is_blank) {
        return None;
    }
    cells.resize(width, Cell::Empty);
    Some(Row { number, cells })
}
