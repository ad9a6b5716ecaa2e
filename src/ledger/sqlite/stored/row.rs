//! A row's record as the table `rows` holds it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::queries::{ROW_STATEMENTS, Statements};
use super::{Bound, Checksum, Stored, Summary, Tally, problem_from, problem_text};
use crate::ledger::{Digest, RowId, RowRecord, RowState};

/// The columns of one row.
pub struct StoredRow {
    /// The connection's name: first half of the key.
    pub connection: String,
    /// The row's id: second half of the key.
    pub id: Vec<u8>,
    key: String,
    state: String,
    content: Vec<u8>,
    request: Vec<u8>,
    revision: i64,
    problem: Option<String>,
    objects: String,
    members: Vec<u8>,
    bound: Option<String>,
    run: String,
    /// When it was written.
    pub at: i64,
    checksum: i64,
}

impl StoredRow {
    /// The columns that a record is written as.
    pub fn new(record: RowRecord) -> Self {
        let mut stored = Self {
            connection: record.connection,
            id: record.id.0.to_vec(),
            key: serde_json::to_string(&record.key).expect("texts are JSON"),
            state: state_name(record.state).to_owned(),
            content: record.content.to_vec(),
            request: record.request.to_vec(),
            revision: i64::from(record.revision),
            problem: problem_text(record.problem.as_ref()),
            objects: serde_json::to_string(&record.objects).expect("objects are plain JSON"),
            members: record.members.concat(),
            bound: record.bound,
            run: record.run,
            at: record.at,
            checksum: 0,
        };
        stored.checksum = stored.computed();
        stored
    }

    /// The same row under another connection's name.
    #[must_use]
    pub fn renamed(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.connection);
        self.checksum = self.computed();
        self
    }
}

impl Stored for StoredRow {
    type Record = RowRecord;

    fn statements() -> &'static Statements {
        &ROW_STATEMENTS
    }

    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: columns.try_get(0)?,
            id: columns.try_get(1)?,
            key: columns.try_get(2)?,
            state: columns.try_get(3)?,
            content: columns.try_get(4)?,
            request: columns.try_get(5)?,
            revision: columns.try_get(6)?,
            problem: columns.try_get(7)?,
            objects: columns.try_get(8)?,
            members: columns.try_get(9)?,
            bound: columns.try_get(10)?,
            run: columns.try_get(11)?,
            at: columns.try_get(12)?,
            checksum: columns.try_get(13)?,
        })
    }

    fn bind(self, query: Bound<'_>) -> Bound<'_> {
        query
            .bind(self.connection)
            .bind(self.id)
            .bind(self.key)
            .bind(self.state)
            .bind(self.content)
            .bind(self.request)
            .bind(self.revision)
            .bind(self.problem)
            .bind(self.objects)
            .bind(self.members)
            .bind(self.bound)
            .bind(self.run)
            .bind(self.at)
            .bind(self.checksum)
    }

    fn checksum(&self) -> i64 {
        self.checksum
    }

    fn computed(&self) -> i64 {
        Checksum::default()
            .text(&self.connection)
            .bytes(&self.id)
            .text(&self.key)
            .text(&self.state)
            .bytes(&self.content)
            .bytes(&self.request)
            .number(self.revision)
            .maybe_text(self.problem.as_deref())
            .text(&self.objects)
            .bytes(&self.members)
            .maybe_text(self.bound.as_deref())
            .text(&self.run)
            .number(self.at)
            .finish()
    }

    fn into_record(self) -> Result<RowRecord, &'static str> {
        Ok(RowRecord {
            connection: self.connection,
            id: RowId(digest(&self.id, "id")?),
            key: serde_json::from_str(&self.key).map_err(|_| "key")?,
            state: state_from(&self.state)?,
            content: digest(&self.content, "content")?,
            request: digest(&self.request, "request")?,
            revision: u32::try_from(self.revision).map_err(|_| "revision")?,
            problem: problem_from(self.problem.as_deref())?,
            objects: serde_json::from_str(&self.objects).map_err(|_| "objects")?,
            members: members(&self.members)?,
            bound: self.bound,
            run: self.run,
            at: self.at,
        })
    }

    fn label(&self) -> String {
        format!("the row {} of {}", self.key, self.connection)
    }

    fn tally(summary: &Summary) -> Tally {
        summary.rows
    }
}

/// The name of a state in the table and in output: the same words.
pub fn state_name(state: RowState) -> &'static str {
    match state {
        RowState::Sending => "sending",
        RowState::Done => "done",
        RowState::There => "there",
        RowState::Failed => "failed",
        RowState::NeedsReview => "needs_review",
        RowState::Deferred => "deferred",
        RowState::Skipped => "skipped",
    }
}

/// Every state there is.
pub const STATES: [RowState; 7] = [
    RowState::Sending,
    RowState::Done,
    RowState::There,
    RowState::Failed,
    RowState::NeedsReview,
    RowState::Deferred,
    RowState::Skipped,
];

fn state_from(name: &str) -> Result<RowState, &'static str> {
    STATES.into_iter().find(|state| state_name(*state) == name).ok_or("state")
}

/// A digest of exactly sixteen bytes.
pub fn digest(bytes: &[u8], column: &'static str) -> Result<Digest, &'static str> {
    bytes.try_into().map_err(|_| column)
}

fn members(bytes: &[u8]) -> Result<Vec<Digest>, &'static str> {
    let (members, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() { Ok(members.to_vec()) } else { Err("members") }
}
