//! Where a connection stands in its schedule, as the table `positions` holds it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::queries::{POSITION_STATEMENTS, Statements};
use super::{Bound, Checksum, Stored, Summary, Tally};
use crate::schedule::Position;

/// The columns of one position.
pub struct StoredPosition {
    /// The connection: the key.
    pub connection: String,
    state: String,
    checksum: i64,
}

impl StoredPosition {
    /// The columns that a record is written as.
    pub fn new(record: &Position) -> Self {
        let state = serde_json::to_string(record).expect("a position is plain JSON");
        Self { connection: String::new(), state, checksum: 0 }.renamed(&record.connection)
    }

    /// The same position under another connection's name.
    #[must_use]
    pub fn renamed(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.connection);
        self.checksum = self.computed();
        self
    }
}

impl Stored for StoredPosition {
    type Record = Position;

    fn statements() -> &'static Statements {
        &POSITION_STATEMENTS
    }

    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: columns.try_get(0)?, state: columns.try_get(1)?, checksum: columns.try_get(2)? })
    }

    fn bind(self, query: Bound<'_>) -> Bound<'_> {
        query.bind(self.connection).bind(self.state).bind(self.checksum)
    }

    fn checksum(&self) -> i64 {
        self.checksum
    }

    fn computed(&self) -> i64 {
        Checksum::default().text(&self.connection).text(&self.state).finish()
    }

    fn into_record(self) -> Result<Position, &'static str> {
        let position: Position = serde_json::from_str(&self.state).map_err(|_| "state")?;
        Ok(Position { connection: self.connection, ..position })
    }

    fn label(&self) -> String {
        format!("the position of {}", self.connection)
    }

    fn tally(summary: &Summary) -> Tally {
        summary.positions
    }
}
