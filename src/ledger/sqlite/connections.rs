//! Connections to the SQLite file: one that writes, a few that read.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, Transaction};

use super::problems::Trouble;
use super::queries::{self, Statements};
use super::stored::{Damage, Summary, Tally};

/// How many look-ups can go on at once.
const READERS: u32 = 3;

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(Duration::from_secs(10))
        // In KiB. The default is 2 MiB per connection, and keys are hashes: they go all over the indexes.
        .pragma("cache_size", "-6000")
        .row_buffer_size(512)
        .disable_statement_logging()
}

/// The connection that writes: every commit is on the disk before it is answered.
pub async fn writer(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(file)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-16000")
        // In pages. The default is 1000; a page that is written often in between is then moved into the file once.
        .pragma("wal_autocheckpoint", "8000")
        // Left alone, the log would keep the size of its largest burst for ever.
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
}

/// One more connection that reads, for work that takes long.
pub async fn reader(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(file).read_only(true).connect().await
}

/// The connections that look up. Each look-up sees every commit that was answered before it began.
pub async fn readers(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options(file).read_only(true))
        .await
}

/// Takes SQLite's write lock at once, so that a transaction never fails half way for want of it.
pub async fn begin_writing(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    sqlx::Connection::begin_with(connection, "BEGIN IMMEDIATE").await
}

/// Reads the ledger's own record; a ledger without one is damaged.
pub async fn summary(connection: &mut SqliteConnection) -> Result<Summary, Trouble> {
    let columns = sqlx::query(queries::READ_SUMMARY).fetch_optional(&mut *connection).await?;
    let columns = columns.ok_or_else(|| Damage("its summary is gone".to_owned()))?;
    let summary = Summary::from_columns(&columns)?;
    let positions = tally(connection, &queries::POSITION_STATEMENTS).await?;
    let documents = tally(connection, &queries::DOCUMENT_STATEMENTS).await?;
    Ok(Summary { positions, documents, ..summary })
}

/// Reads the tally of a table that came after the first version.
async fn tally(connection: &mut SqliteConnection, statements: &'static Statements) -> Result<Tally, Trouble> {
    let name = statements.name;
    let columns = sqlx::query(queries::READ_TALLY).bind(name).fetch_optional(connection).await?;
    Ok(columns.map_or(Ok(Tally::default()), |columns| Tally::from_columns(name, &columns))?)
}
