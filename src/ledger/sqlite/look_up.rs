//! Reading records by their ids, many at a time.

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
pub async fn by_ids<T: Id>(
    connection: &mut SqliteConnection,
    (sql, size): (&'static str, usize),
    name: Option<&str>,
    ids: &[T],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let Some(last) = ids.last() else { return Ok(Vec::new()) };
    let query: Bound<'_> = sqlx::query(sql);
    let query = match name {
        Some(name) => query.bind(name),
        None => query,
    };
    let filling = std::iter::repeat_n(last, size.saturating_sub(ids.len()));
    let query = ids
        .iter()
        .chain(filling)
        .fold(query, |query, id| query.bind(id.clone()));
    query.fetch_all(connection).await
}
