//! What is written down: rows, operations and runs.

use rowbill_connector::{OperationId, Problem, Request};
use serde::{Deserialize, Serialize};

use super::{Document, DocumentKind};
use crate::protocol::{State, Time};
use crate::schedule::Position;

/// A 128-bit content hash (the first half of a SHA-256).
pub type Digest = [u8; 16];

/// Identifies a row (or a group of rows) within a connection: the hash of its normalized key values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowId(pub Digest);

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Its operations are under way; only a crash leaves a row so.
    Sending,
    /// Its objects exist.
    Done,
    /// `first_run: only_new` found it there already; nothing was or will be made for it.
    There,
    /// A person must change the row or the mapping.
    Failed,
    /// Only a person can decide.
    NeedsReview,
    /// It will be taken up by itself.
    Deferred,
    /// A person said to leave it out.
    Skipped,
}

/// An object that a step of a row has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The step: `create_customer`, `add_invoice_item`, `create_invoice`, …
    pub step: String,
    /// The object's id at the target.
    pub id: String,
    /// Minor units, where the object has an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Lower-case currency code of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Where a person can see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The state of one row (or group) of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRecord {
    /// The connection's name.
    pub connection: String,
    /// The row's id.
    pub id: RowId,
    /// The key values, for people.
    pub key: Vec<String>,
    /// What became of it.
    pub state: RowState,
    /// Hash of the row's cells as they were when this state was reached: tells an edited row.
    pub content: Digest,
    /// Hash of what the mapping made of it: tells whether the edit, or a changed mapping, matters.
    pub request: Digest,
    /// Counts the edits that were sent, from 0.
    pub revision: u32,
    /// Why it is not done.
    pub problem: Option<Problem>,
    /// What its steps have made so far.
    pub objects: Vec<ObjectRef>,
    /// Of a group: the content hashes of its rows, sorted, as the invoice was made from them.
    pub members: Vec<Digest>,
    /// Of a row whose item is on an invoice: that invoice's id.
    pub bound: Option<String>,
    /// The run that wrote this.
    pub run: String,
    /// When (seconds, UTC).
    pub at: Time,
}

/// One operation: the intent with its exact bytes, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// Its id; also in the object's metadata.
    pub id: OperationId,
    /// The connection it belongs to.
    pub connection: String,
    /// The row it belongs to.
    pub row: RowId,
    /// The step of the action.
    pub step: String,
    /// The target's operation: `POST /v1/customers`.
    pub operation: String,
    /// The path with ids filled in.
    pub path: String,
    /// The exact bytes to send.
    pub body: Vec<u8>,
    /// Where the protocol stands.
    pub state: State,
    /// Why it is not done.
    pub problem: Option<Problem>,
    /// The run that wrote this.
    pub run: String,
    /// When (seconds, UTC).
    pub at: Time,
}

impl OperationRecord {
    /// Whether its answer is not known.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Intent(_))
    }

    /// Whether it has made its object.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. })
    }

    /// Whether it has made its object, or may have.
    pub fn is_under_way(&self) -> bool {
        self.is_open() || self.is_done()
    }

    /// The object that it has made.
    pub fn object(&self) -> Option<&str> {
        match &self.state {
            State::Done { object } => Some(object),
            _ => None,
        }
    }

    /// The request with its exact bytes.
    pub fn request(&self) -> Request {
        Request { operation: self.operation.clone(), path: self.path.clone(), body: self.body.clone() }
    }
}

/// One run of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id: sorts by time.
    pub id: String,
    /// The connection.
    pub connection: String,
    /// When it started (seconds, UTC).
    pub started: Time,
    /// When it ended; none for a run that was killed.
    pub finished: Option<Time>,
    /// The report, as JSON; until it ends, what is known from its beginning.
    pub report: String,
}

/// One change of a commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// Inserts or replaces a row's record.
    Row(RowRecord),
    /// Inserts or replaces an operation, provided that the stored one is still in the state that was read.
    /// Otherwise the commit fails with `ledger.conflict`: somebody else writes.
    Operation {
        /// The state that was read; [`State::New`] when there was none.
        was: State,
        /// What is true now.
        now: OperationRecord,
    },
    /// Inserts or replaces a run.
    Run(RunRecord),
    /// Forgets the run with this id, if there is one.
    ForgetRun(String),
    /// Inserts or replaces where a connection stands in its schedule.
    Position(Position),
    /// Inserts or replaces a document.
    Document(Document),
    /// Forgets the document of this kind with this id, if there is one.
    ForgetDocument(DocumentKind, String),
    /// Gives the rows and operations of one connection to another name; the new name must have none.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Forgets a row, so that it is new again. Its operations stay.
    ForgetRow {
        /// The connection.
        connection: String,
        /// The row.
        id: RowId,
    },
}
