//! Where rows come from.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Header, Problem, Row};

/// Rows in the order of the source, a batch at a time (at most a few thousand rows each). An error ends the stream:
/// the source is bad as a whole, and nothing of this reading may be sent.
pub type RowBatches = BoxStream<'static, Result<Vec<Row>, Problem>>;

/// One reading of a source from its first row to its last.
pub struct Reading {
    /// Headers and facts of the table.
    pub header: Arc<Header>,
    /// The rows. The stream ends without an error only when the source was whole and did not change while it was
    /// read; a source that cannot say so must compare before and after.
    pub batches: RowBatches,
}

/// What `doctor` and `validate --online` want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// For people: `data/customers.csv, UTF-8, delimiter ";"`.
    pub description: String,
    /// The headers as they are now.
    pub headers: Vec<String>,
}

/// How rows are found again and which columns are written when state goes back into the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Headers of the columns that identify a row, in the order of [`Mark::key`].
    pub key: Vec<String>,
    /// Headers of the columns to write, in the order of [`Mark::values`].
    pub columns: Vec<String>,
}

/// What is to stand in the write-back columns of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The row's number in the reading that this run was made from; a hint, since rows move.
    pub number: u64,
    /// The texts of the key cells, as read.
    pub key: Vec<String>,
    /// The texts to write, one per column of the layout.
    pub values: Vec<String>,
}

/// What a write-back did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows whose write-back cells are now as asked, whether or not they had to be changed.
    pub rows: u64,
    /// Rows that are no longer there, or whose key now stands in several rows; nothing was written for them.
    pub missing: u64,
}

/// A system that rows are read from.
///
/// Contract: a reading never mixes two versions of the source; headers are given as written; a cell's content is
/// never changed on the way. Every error is a [`Problem`] whose place names line, cell or byte.
#[async_trait]
pub trait Source: Send + Sync {
    /// Starts one reading. Fails at once when the source is not there, not permitted, or has no header.
    async fn read(&self) -> Result<Reading, Problem>;

    /// Writes marks for the rows of the last reading, in that reading's order. Only the columns of the layout are
    /// touched, and only in rows whose key is still the mark's. Repeating it changes nothing.
    async fn write_back(&self, layout: &Layout, marks: BoxStream<'_, Vec<Mark>>) -> Result<Written, Problem>;

    /// Looks whether the source can be read, without reading it all.
    async fn check(&self) -> Result<SourceInfo, Problem>;
}
