//! Reading records by their ids, many at a time.

use futures::TryStreamExt as _;
use sqlx::encode::Encode;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Sqlite, Type};

use super::stored::Bound;

/// How many ids one statement takes at most.
pub const CHUNK: usize = 500;

/// An id as a table holds it.
pub trait Id: Clone + for<'t> Encode<'t, Sqlite> + Type<Sqlite> {}

impl<T: Clone + for<'t> Encode<'t, Sqlite> + Type<Sqlite>> Id for T {}

/// Runs a statement that takes a connection's name, if one is given, and `size` ids; the last id fills the list up.
///
/// Each record is handed over as it comes. To collect them first would make SQLite's thread and this task wait for
/// each other at every record.
pub async fn by_ids<T: Id, E: From<sqlx::Error>>(
    connection: &mut SqliteConnection,
    (sql, size): (&'static str, usize),
    name: Option<&str>,
    ids: &[T],
    mut each: impl FnMut(&SqliteRow) -> Result<(), E>,
) -> Result<(), E> {
    let Some(last) = ids.last() else { return Ok(()) };
    let query: Bound<'_> = sqlx::query(sql);
    let query = match name {
        Some(name) => query.bind(name),
        None => query,
    };
    let filling = std::iter::repeat_n(last, size.saturating_sub(ids.len()));
    let query = ids.iter().chain(filling).fold(query, |query, id| query.bind(id.clone()));
    let mut records = query.fetch(connection);
    while let Some(columns) = records.try_next().await? {
        each(&columns)?;
    }
    Ok(())
}
