//! Records as the tables hold them: plain columns and a checksum over them.

mod checksum;
mod document;
mod operation;
mod position;
mod row;
mod run;
mod summary;

use rowbill_connector::Problem;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

pub use checksum::Checksum;
pub use document::StoredDocument;
pub use operation::{StoredOperation, StoredState};
pub use position::StoredPosition;
pub use row::{STATES, StoredRow, state_name};
pub use run::StoredRun;
pub use summary::{Summary, Tally};

use super::queries::Statements;

/// A query with values bound to it.
pub type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// One record of one table.
///
/// Encoding goes record → stored form → columns; decoding goes back and ends at [`decode`], which is the only way out
/// and compares the checksum.
pub trait Stored: Sized + Send + Unpin + 'static {
    /// What the rest of rowbill knows it as.
    type Record;

    /// The statements of its table.
    fn statements() -> &'static Statements;

    /// Takes the columns, in the order of the table's statements.
    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error>;

    /// Binds the columns, in the same order.
    fn bind(self, query: Bound<'_>) -> Bound<'_>;

    /// The checksum that was stored.
    fn checksum(&self) -> i64;

    /// The checksum that belongs to the other columns.
    fn computed(&self) -> i64;

    /// What the record says; or which column cannot be what was written.
    fn into_record(self) -> Result<Self::Record, &'static str>;

    /// How a person finds it.
    fn label(&self) -> String;

    /// Where the summary counts records of this kind.
    fn tally(summary: &Summary) -> Tally;
}

/// A record whose checksum fits.
pub fn checked<S: Stored>(columns: &SqliteRow) -> Result<S, Damage> {
    let stored = S::from_columns(columns).map_err(|error| Damage(format!("{}: {error}", S::statements().name)))?;
    if stored.checksum() != stored.computed() {
        return Err(Damage(format!("the checksum of {} does not fit", stored.label())));
    }
    Ok(stored)
}

/// The record behind columns whose checksum fits.
pub fn decode<S: Stored>(columns: &SqliteRow) -> Result<S::Record, Damage> {
    let stored = checked::<S>(columns)?;
    let label = stored.label();
    stored.into_record().map_err(|column| Damage(format!("{label}: the column {column} cannot be read")))
}

/// What is wrong with a record.
#[derive(Debug)]
pub struct Damage(pub String);

/// The text of a problem, for its column.
fn problem_text(problem: Option<&Problem>) -> Option<String> {
    problem.map(|problem| serde_json::to_string(problem).expect("a problem is plain JSON"))
}

/// The problem behind its text.
fn problem_from(text: Option<&str>) -> Result<Option<Problem>, &'static str> {
    text.map(serde_json::from_str).transpose().map_err(|_| "problem")
}
