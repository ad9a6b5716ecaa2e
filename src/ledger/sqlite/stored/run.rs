//! A run's record as the table `runs` holds it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::queries::{RUN_STATEMENTS, Statements};
use super::{Bound, Checksum, Stored, Summary, Tally};
use crate::ledger::RunRecord;

/// The columns of one run.
pub struct StoredRun {
    /// Its id: the key.
    pub id: String,
    connection: String,
    /// When it started.
    pub started: i64,
    /// When it ended.
    pub finished: Option<i64>,
    report: String,
    checksum: i64,
}

impl StoredRun {
    /// The columns that a record is written as.
    pub fn new(record: RunRecord) -> Self {
        let mut stored = Self {
            id: record.id,
            connection: record.connection,
            started: record.started,
            finished: record.finished,
            report: record.report,
            checksum: 0,
        };
        stored.checksum = stored.computed();
        stored
    }

    /// The same run under another connection's name.
    #[must_use]
    pub fn renamed(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.connection);
        self.checksum = self.computed();
        self
    }
}

impl Stored for StoredRun {
    type Record = RunRecord;

    fn statements() -> &'static Statements {
        &RUN_STATEMENTS
    }

    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: columns.try_get(0)?,
            connection: columns.try_get(1)?,
            started: columns.try_get(2)?,
            finished: columns.try_get(3)?,
            report: columns.try_get(4)?,
            checksum: columns.try_get(5)?,
        })
    }

    fn bind(self, query: Bound<'_>) -> Bound<'_> {
        query
            .bind(self.id)
            .bind(self.connection)
            .bind(self.started)
            .bind(self.finished)
            .bind(self.report)
            .bind(self.checksum)
    }

    fn checksum(&self) -> i64 {
        self.checksum
    }

    fn computed(&self) -> i64 {
        Checksum::default()
            .text(&self.id)
            .text(&self.connection)
            .number(self.started)
            .maybe_number(self.finished)
            .text(&self.report)
            .finish()
    }

    fn into_record(self) -> Result<RunRecord, &'static str> {
        Ok(RunRecord {
            id: self.id,
            connection: self.connection,
            started: self.started,
            finished: self.finished,
            report: self.report,
        })
    }

    fn label(&self) -> String {
        format!("the run {} of {}", self.id, self.connection)
    }

    fn tally(summary: &Summary) -> Tally {
        summary.runs
    }
}
