//! What every source must do: give a [`Harness`] over the source to [`passes`].
//!
//! A harness makes the source hold a table of texts, whose first line is the header, and shows the table into which
//! marks are written. The functions panic with what was expected, as tests do.

use async_trait::async_trait;
use futures::{StreamExt, stream};

use crate::{Cell, Layout, Mark, Problem, Row, Source, Written};

/// A source under test, and the hand that changes what it holds.
#[async_trait]
pub trait Harness: Send {
    /// The source; always the same one.
    fn source(&self) -> &dyn Source;

    /// Makes the source hold this table, header first.
    async fn hold(&mut self, table: &[Vec<String>]);

    /// Takes the table away altogether.
    async fn remove(&mut self);

    /// The table as it stands where marks go, header first, without empty cells at the ends of lines.
    async fn written(&mut self) -> Vec<Vec<String>>;

    /// Makes the next reading break off after its header, and says with which code; `None` when it cannot happen.
    async fn break_off(&mut self) -> Option<&'static str>;

    /// Whether marks find rows that have moved since the reading. Where they do not, a changed table is refused.
    fn follows_moved_rows(&self) -> bool;

    /// Whether a write-back column that is not there is added. Where it is not, its absence is refused.
    fn adds_columns(&self) -> bool;
}

/// Runs all of them.
pub async fn passes(harness: &mut dyn Harness) {
    rows_come_in_order(harness).await;
    cells_are_exact(harness).await;
    missing_cells_are_empty(harness).await;
    headers_are_as_written(harness).await;
    readings_are_equal(harness).await;
    a_long_table_comes_whole(harness).await;
    a_table_without_rows_is_fine(harness).await;
    a_table_without_header_is_refused(harness).await;
    a_table_that_is_gone_is_refused(harness).await;
    a_broken_reading_ends_in_a_problem(harness).await;
    check_tells_the_headers(harness).await;
    marks_touch_only_their_columns(harness).await;
    marks_may_be_written_twice(harness).await;
    rows_without_marks_keep_empty_cells(harness).await;
    a_column_that_is_not_there(harness).await;
    moved_rows(harness).await;
}

/// Rows come as they stand, and their numbers are where a person finds them.
pub async fn rows_come_in_order(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    let rows = all(harness.source()).await.expect("a whole table");
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(texts(&rows), body(&orders()));
}

/// What stands in a cell arrives as it stands.
pub async fn cells_are_exact(harness: &mut dyn Harness) {
    let odd = ["007", " padded ", "a,b;c\td|e", "say \"yes\"", "Ґанок 😀 é", "=1+1", "'quoted", "1.10", "TRUE"];
    let line: Vec<String> = odd.iter().map(ToString::to_string).collect();
    let header: Vec<String> = (0..odd.len()).map(|at| format!("H{at}")).collect();
    harness.hold(&[header, line.clone()]).await;
    let rows = all(harness.source()).await.expect("a whole table");
    assert_eq!(rows[0].cells, line.into_iter().map(Cell::Text).collect::<Vec<_>>());
}

/// A row has one cell per header, and nothing in a cell is [`Cell::Empty`].
pub async fn missing_cells_are_empty(harness: &mut dyn Harness) {
    harness.hold(&table(&[&["A", "B", "C"], &["1", "", ""], &["", "", "3"]])).await;
    let rows = all(harness.source()).await.expect("a whole table");
    assert_eq!(rows[0].cells, [Cell::Text("1".into()), Cell::Empty, Cell::Empty]);
    assert_eq!(rows[1].cells, [Cell::Empty, Cell::Empty, Cell::Text("3".into())]);
}

/// Doubled headers and empty ones are given too: what they mean is decided elsewhere.
pub async fn headers_are_as_written(harness: &mut dyn Harness) {
    harness.hold(&table(&[&[" Order ", "", "Name", "Name"], &["1", "2", "3", "4"]])).await;
    let reading = harness.source().read().await.expect("a header");
    assert_eq!(reading.header.names, [" Order ", "", "Name", "Name"]);
}

/// Nothing changed means nothing changes.
pub async fn readings_are_equal(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    let first = all(harness.source()).await;
    assert_eq!(first, all(harness.source()).await);
}

/// Batches lose and repeat nothing where they meet.
pub async fn a_long_table_comes_whole(harness: &mut dyn Harness) {
    let mut long = table(&[&["Order", "Note"]]);
    long.extend((0..5003).map(|at| vec![at.to_string(), format!("note {at}")]));
    harness.hold(&long).await;
    let rows = all(harness.source()).await.expect("a whole table");
    assert!(rows.iter().map(|row| row.number).eq(2..5005));
    assert_eq!(texts(&rows), body(&long));
}

/// A header and nothing below is a table of no rows.
pub async fn a_table_without_rows_is_fine(harness: &mut dyn Harness) {
    harness.hold(&orders()[..1]).await;
    assert_eq!(all(harness.source()).await, Ok(Vec::new()));
}

/// Without a header nothing has a name.
pub async fn a_table_without_header_is_refused(harness: &mut dyn Harness) {
    harness.hold(&[]).await;
    refused(all(harness.source()).await, "source.empty");
}

/// Reading and checking say that the table is not there.
pub async fn a_table_that_is_gone_is_refused(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    harness.remove().await;
    refused(all(harness.source()).await, "source.not_found");
    refused(harness.source().check().await, "source.not_found");
}

/// A reading that cannot be finished never looks finished.
pub async fn a_broken_reading_ends_in_a_problem(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    if let Some(code) = harness.break_off().await {
        refused(all(harness.source()).await, code);
    }
}

/// `check` shows the headers without the rows.
pub async fn check_tells_the_headers(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    let info = harness.source().check().await.expect("a readable table");
    assert_eq!(info.headers, orders()[0]);
    assert!(!info.description.is_empty());
}

/// Marks change the cells of their columns and nothing else.
pub async fn marks_touch_only_their_columns(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    read(harness).await;
    let written = write(harness, &["Status"], marks(&["A-1", "A-2", "A-3"])).await;
    assert_eq!(written, Ok(Written { rows: 3, missing: 0 }));
    assert_eq!(harness.written().await, marked(&["done A-1", "done A-2", "done A-3"]));
}

/// Writing the same again leaves the same.
pub async fn marks_may_be_written_twice(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    read(harness).await;
    let first = write(harness, &["Status"], marks(&["A-1", "A-2", "A-3"])).await;
    let table = harness.written().await;
    read(harness).await;
    assert_eq!(write(harness, &["Status"], marks(&["A-1", "A-2", "A-3"])).await, first);
    assert_eq!(harness.written().await, table);
}

/// A row that the run says nothing about stays as it is.
pub async fn rows_without_marks_keep_empty_cells(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    read(harness).await;
    let some = marks(&["A-1", "A-2", "A-3"]).split_off(2);
    assert_eq!(write(harness, &["Status"], some).await, Ok(Written { rows: 1, missing: 0 }));
    assert_eq!(harness.written().await, marked(&["", "", "done A-3"]));
}

/// A write-back column that the table does not have is added, or refused before anything is written.
pub async fn a_column_that_is_not_there(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    read(harness).await;
    let written = write(harness, &["Stripe ID"], marks(&["A-1", "A-2", "A-3"])).await;
    if harness.adds_columns() {
        assert_eq!(written.map(|written| written.rows), Ok(3));
        assert_eq!(harness.written().await[0].last().map(String::as_str), Some("Stripe ID"));
    } else {
        refused(written, "source.header_missing");
        assert_eq!(harness.written().await, marked(&["", "", ""]));
    }
}

/// Rows that were sorted, taken out or doubled between reading and writing get their own marks, or none at all.
pub async fn moved_rows(harness: &mut dyn Harness) {
    harness.hold(&orders()).await;
    read(harness).await;
    let now = table(&[HEADER, &["A-9", "", "new"], &["A-3", "", "bulb"], &["A-1", "", "lamp"], &["A-9", "", "again"]]);
    harness.hold(&now).await;
    let written = write(harness, &["Status"], marks(&["A-1", "A-2", "A-3", "A-9"])).await;
    if !harness.follows_moved_rows() {
        refused(written, "source.changed_since_read");
        return;
    }
    assert_eq!(written, Ok(Written { rows: 2, missing: 2 }));
    let status: Vec<String> = harness.written().await[1..].iter().map(|line| line[1].clone()).collect();
    assert_eq!(status, ["", "done A-3", "done A-1", ""]);
}

const HEADER: &[&str] = &["Order", "Status", "What"];

fn orders() -> Vec<Vec<String>> {
    table(&[HEADER, &["A-1", "", "lamp"], &["A-2", "", "chair, red"], &["A-3", "", "bulb"]])
}

/// The orders with this in their status cells.
fn marked(status: &[&str]) -> Vec<Vec<String>> {
    let mut table = orders();
    for (line, text) in table[1..].iter_mut().zip(status) {
        (*text).clone_into(&mut line[1]);
    }
    table
}

/// Marks as a run that read [`orders`] would make them.
fn marks(keys: &[&str]) -> Vec<Mark> {
    let mark = |(number, key): (u64, &&str)| Mark {
        number,
        key: vec![(*key).to_owned()],
        values: vec![format!("done {key}")],
    };
    (2..).zip(keys).map(mark).collect()
}

fn table(lines: &[&[&str]]) -> Vec<Vec<String>> {
    lines.iter().map(|line| line.iter().map(ToString::to_string).collect()).collect()
}

fn body(table: &[Vec<String>]) -> Vec<Vec<String>> {
    table[1..].to_vec()
}

fn texts(rows: &[Row]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.cells.iter().map(|cell| cell.text().to_owned()).collect()).collect()
}

/// One reading to its end.
pub async fn all(source: &dyn Source) -> Result<Vec<Row>, Problem> {
    let mut batches = source.read().await?.batches;
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        rows.extend(batch?);
    }
    Ok(rows)
}

async fn read(harness: &dyn Harness) {
    all(harness.source()).await.expect("a whole table");
}

async fn write(harness: &dyn Harness, columns: &[&str], marks: Vec<Mark>) -> Result<Written, Problem> {
    let layout = Layout { key: vec!["Order".to_owned()], columns: columns.iter().map(ToString::to_string).collect() };
    harness.source().write_back(&layout, stream::iter(marks).chunks(2).boxed()).await
}

fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, code: &str) {
    let problem = result.expect_err(code);
    assert_eq!(problem.code, code, "{problem:?}");
    assert!(problem.place.is_some() && problem.advice.is_some(), "a place and advice: {problem:?}");
}
