//! An operation's record as the table `operations` holds it.

use rowbill_connector::OperationId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::queries::{OPERATION_STATEMENTS, Statements};
use super::row::digest;
use super::{Bound, Checksum, Stored, Summary, Tally, problem_from, problem_text};
use crate::ledger::{OperationRecord, RowId};
use crate::protocol::{Intent, State};

/// The protocol's state in plain columns, so that it can be read with any SQLite shell.
pub struct StoredState {
    state: String,
    generation: Option<i64>,
    first_sent: Option<i64>,
    last_sent: Option<i64>,
    doubts: Option<i64>,
    object: Option<String>,
}

impl StoredState {
    /// The columns of a state.
    pub fn new(state: State) -> Self {
        let empty = |name: &str| Self {
            state: name.to_owned(),
            generation: None,
            first_sent: None,
            last_sent: None,
            doubts: None,
            object: None,
        };
        match state {
            State::New => empty("new"),
            State::Intent(intent) => Self {
                generation: Some(i64::from(intent.generation)),
                first_sent: Some(intent.first_sent),
                last_sent: Some(intent.last_sent),
                doubts: Some(i64::from(intent.doubts)),
                ..empty("intent")
            },
            State::Done { object } => Self { object: Some(object), ..empty("done") },
            State::Failed { generation } => Self { generation: Some(i64::from(generation)), ..empty("failed") },
            State::Review { generation } => Self { generation: Some(i64::from(generation)), ..empty("review") },
        }
    }

    /// Takes the columns of a state, the first of them at `from`.
    pub fn from_columns(columns: &SqliteRow, from: usize) -> Result<Self, sqlx::Error> {
        Ok(Self {
            state: columns.try_get(from)?,
            generation: columns.try_get(from + 1)?,
            first_sent: columns.try_get(from + 2)?,
            last_sent: columns.try_get(from + 3)?,
            doubts: columns.try_get(from + 4)?,
            object: columns.try_get(from + 5)?,
        })
    }

    /// The state behind the columns, or the column that cannot be read.
    pub fn into_state(self) -> Result<State, &'static str> {
        let generation = || count(self.generation, "generation");
        match self.state.as_str() {
            "new" => Ok(State::New),
            "intent" => Ok(State::Intent(Intent {
                generation: generation()?,
                first_sent: self.first_sent.ok_or("first_sent")?,
                last_sent: self.last_sent.ok_or("last_sent")?,
                doubts: count(self.doubts, "doubts")?,
            })),
            "done" => Ok(State::Done { object: self.object.ok_or("object")? }),
            "failed" => Ok(State::Failed { generation: generation()? }),
            "review" => Ok(State::Review { generation: generation()? }),
            _ => Err("state"),
        }
    }

    fn checksum(&self, sum: Checksum) -> Checksum {
        sum.text(&self.state)
            .maybe_number(self.generation)
            .maybe_number(self.first_sent)
            .maybe_number(self.last_sent)
            .maybe_number(self.doubts)
            .maybe_text(self.object.as_deref())
    }
}

fn count(value: Option<i64>, column: &'static str) -> Result<u32, &'static str> {
    value.and_then(|value| u32::try_from(value).ok()).ok_or(column)
}

/// The columns of one operation.
pub struct StoredOperation {
    /// Its id: the key.
    pub id: String,
    /// The connection it belongs to.
    pub connection: String,
    row: Vec<u8>,
    step: String,
    operation: String,
    path: String,
    body: Vec<u8>,
    state: StoredState,
    problem: Option<String>,
    run: String,
    /// When it was written.
    pub at: i64,
    checksum: i64,
}

impl StoredOperation {
    /// The columns that a record is written as.
    pub fn new(record: OperationRecord) -> Self {
        let mut stored = Self {
            id: record.id.0,
            connection: record.connection,
            row: record.row.0.to_vec(),
            step: record.step,
            operation: record.operation,
            path: record.path,
            body: record.body,
            state: StoredState::new(record.state),
            problem: problem_text(record.problem.as_ref()),
            run: record.run,
            at: record.at,
            checksum: 0,
        };
        stored.checksum = stored.computed();
        stored
    }

    /// The same operation under another connection's name. Its id stays: it is in the object's metadata.
    #[must_use]
    pub fn renamed(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.connection);
        self.checksum = self.computed();
        self
    }
}

impl Stored for StoredOperation {
    type Record = OperationRecord;

    fn statements() -> &'static Statements {
        &OPERATION_STATEMENTS
    }

    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: columns.try_get(0)?,
            connection: columns.try_get(1)?,
            row: columns.try_get(2)?,
            step: columns.try_get(3)?,
            operation: columns.try_get(4)?,
            path: columns.try_get(5)?,
            body: columns.try_get(6)?,
            state: StoredState::from_columns(columns, 7)?,
            problem: columns.try_get(13)?,
            run: columns.try_get(14)?,
            at: columns.try_get(15)?,
            checksum: columns.try_get(16)?,
        })
    }

    fn bind(self, query: Bound<'_>) -> Bound<'_> {
        query
            .bind(self.id)
            .bind(self.connection)
            .bind(self.row)
            .bind(self.step)
            .bind(self.operation)
            .bind(self.path)
            .bind(self.body)
            .bind(self.state.state)
            .bind(self.state.generation)
            .bind(self.state.first_sent)
            .bind(self.state.last_sent)
            .bind(self.state.doubts)
            .bind(self.state.object)
            .bind(self.problem)
            .bind(self.run)
            .bind(self.at)
            .bind(self.checksum)
    }

    fn checksum(&self) -> i64 {
        self.checksum
    }

    fn computed(&self) -> i64 {
        let sum = Checksum::default()
            .text(&self.id)
            .text(&self.connection)
            .bytes(&self.row)
            .text(&self.step)
            .text(&self.operation)
            .text(&self.path)
            .bytes(&self.body);
        self.state.checksum(sum).maybe_text(self.problem.as_deref()).text(&self.run).number(self.at).finish()
    }

    fn into_record(self) -> Result<OperationRecord, &'static str> {
        Ok(OperationRecord {
            id: OperationId(self.id),
            connection: self.connection,
            row: RowId(digest(&self.row, "row_id")?),
            step: self.step,
            operation: self.operation,
            path: self.path,
            body: self.body,
            state: self.state.into_state()?,
            problem: problem_from(self.problem.as_deref())?,
            run: self.run,
            at: self.at,
        })
    }

    fn label(&self) -> String {
        format!("the operation {} of {}", self.id, self.connection)
    }

    fn tally(summary: &Summary) -> Tally {
        summary.operations
    }
}
