//! A change, ready to be written.

use super::stored::{StoredDocument, StoredOperation, StoredPosition, StoredRow, StoredRun};
use crate::ledger::Change;
use crate::protocol::State;

/// A change, encoded by the task that asks for it, so that the writer only writes.
pub enum Prepared {
    /// Inserts or replaces a row.
    Row(StoredRow),
    /// Inserts or replaces an operation if it is still in the state that was read.
    Operation {
        /// The state that was read.
        was: State,
        /// The state that is written.
        is: State,
        /// All that is written.
        now: Box<StoredOperation>,
    },
    /// Inserts or replaces a run.
    Run(StoredRun),
    /// Forgets a run.
    ForgetRun(String),
    /// Inserts or replaces a position.
    Position(StoredPosition),
    /// Inserts or replaces a document.
    Document(Box<StoredDocument>),
    /// Forgets a document: its kind and its id.
    ForgetDocument(String, String),
    /// Gives everything of a connection to another name.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Forgets a row.
    Forget(RowKey),
}

impl Prepared {
    /// Whether this goes over whole tables.
    pub fn is_rename(&self) -> bool {
        matches!(self, Self::Rename { .. })
    }
}

/// A connection's name and a row's id.
pub type RowKey = (String, Vec<u8>);

impl From<Change> for Prepared {
    fn from(change: Change) -> Self {
        match change {
            Change::Row(row) => Self::Row(StoredRow::new(row)),
            Change::Operation { was, now } => {
                Self::Operation { was, is: now.state.clone(), now: Box::new(StoredOperation::new(now)) }
            }
            Change::Run(run) => Self::Run(StoredRun::new(run)),
            Change::ForgetRun(id) => Self::ForgetRun(id),
            Change::Position(position) => Self::Position(StoredPosition::new(&position)),
            Change::Document(document) => Self::Document(Box::new(StoredDocument::new(document))),
            Change::ForgetDocument(kind, id) => Self::ForgetDocument(kind.name().to_owned(), id),
            Change::Rename { from, to } => Self::Rename { from, to },
            Change::ForgetRow { connection, id } => Self::Forget((connection, id.0.to_vec())),
        }
    }
}
