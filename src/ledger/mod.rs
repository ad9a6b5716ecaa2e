//! The durable record of intents, receipts, rows and runs: the idempotency store.
//!
//! A [`Ledger`] is a store behind one small trait, held to its contract by [`suite`]: [`sqlite`] keeps a file, [`memory`]
//! forgets with the process and is there for simulations. Everything that a commit returns
//! for is durable (fsync); everything that cannot be read as it was written is an error, never "empty".

mod document;
pub mod memory;
mod record;
mod refusals;
pub mod sqlite;
#[cfg(test)]
mod suite;

use async_trait::async_trait;
use rowbill_connector::{OperationId, Problem};

use crate::schedule::Position;

pub use document::{Document, DocumentFilter, DocumentKind};
pub use record::{Change, Digest, ObjectRef, OperationRecord, RowId, RowRecord, RowState, RunRecord};

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// Only rows in one of these states; all when empty.
    pub states: Vec<RowState>,
    /// Only rows after this one, in the order of their ids: for paging.
    pub after: Option<RowId>,
    /// At most so many.
    pub limit: u32,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only runs of this connection.
    pub connection: Option<String>,
    /// Only runs with greater ids, which are later ones.
    pub after: Option<String>,
    /// Only runs with smaller ids.
    pub before: Option<String>,
    /// The oldest first, instead of the newest.
    pub oldest_first: bool,
    /// At most so many.
    pub limit: u32,
}

impl RunFilter {
    /// The newest runs of a connection.
    pub fn newest(connection: &str, limit: u32) -> Self {
        Self { connection: Some(connection.to_owned()), limit, ..Self::default() }
    }
}

/// The ledger. Every error has a code `ledger.…` and stops the run: nothing may be sent that cannot be written down.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The rows with these ids, in the order asked for.
    async fn rows(&self, connection: &str, ids: &[RowId]) -> Result<Vec<Option<RowRecord>>, Problem>;

    /// The operations with these ids, in the order asked for.
    async fn operations(&self, ids: &[OperationId]) -> Result<Vec<Option<OperationRecord>>, Problem>;

    /// The row with this id.
    async fn row(&self, connection: &str, id: RowId) -> Result<Option<RowRecord>, Problem> {
        Ok(self.rows(connection, &[id]).await?.pop().flatten())
    }

    /// The operation with this id.
    async fn operation(&self, id: &OperationId) -> Result<Option<OperationRecord>, Problem> {
        Ok(self.operations(std::slice::from_ref(id)).await?.pop().flatten())
    }

    /// The operations that a run was the last to write, in the order of their ids.
    async fn operations_of(&self, run: &str) -> Result<Vec<OperationRecord>, Problem>;

    /// Writes all changes or none; they are durable when it returns. Concurrent commits are grouped into one.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), Problem>;

    /// Rows of a connection in the order of their ids.
    async fn list_rows(&self, connection: &str, filter: &RowFilter) -> Result<Vec<RowRecord>, Problem>;

    /// Runs in the order of their ids, which is that of their beginnings.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, Problem>;

    /// Where every connection stands in its schedule, in the order of their names.
    async fn positions(&self) -> Result<Vec<Position>, Problem>;

    /// The documents of a kind with these ids, in the order asked for.
    async fn documents(&self, kind: DocumentKind, ids: &[String]) -> Result<Vec<Option<Document>>, Problem>;

    /// The document of a kind with this id.
    async fn document(&self, kind: DocumentKind, id: &str) -> Result<Option<Document>, Problem> {
        Ok(self.documents(kind, &[id.to_owned()]).await?.pop().flatten())
    }

    /// Documents in the order of their ids.
    async fn list_documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Problem>;

    /// When an operation of one of these connections was last written (seconds, UTC); none if there never was one.
    /// Rows and runs do not count: they are written without anything having been sent.
    async fn last_sent(&self, connections: &[&str]) -> Result<Option<i64>, Problem>;

    /// Reads everything and checks every checksum. The number of records, or all that does not fit.
    async fn verify(&self) -> Result<u64, Vec<Problem>>;
}
