//! The tables as SQLite makes them, the schema's version, and the way from an older version to this one.

use rowbill_connector::Problem;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::problems::LedgerPath;
use super::queries;
use super::stored::Summary;

/// Says in the file's header that it is a ledger of rowbill: `RBLG`.
const APPLICATION_ID: i64 = 0x5242_4c47;

/// The version that this rowbill writes.
const VERSION: i64 = 3;

/// What leads to each version from the one before: the name and the text of each thing it makes.
///
/// Records lie in the order of their making, and a small index finds them by key: a second look at a file finds its
/// rows side by side, and a change of state writes few pages. The indexes have names, so that a walk can ask for them.
const MIGRATIONS: [&[(&str, &str)]; 3] = [FIRST, SCHEDULES, DOCUMENTS];

const FIRST: &[(&str, &str)] = &[
    (
        "ledger",
        "CREATE TABLE ledger (id INTEGER NOT NULL PRIMARY KEY, created INTEGER NOT NULL, \
         row_count INTEGER NOT NULL, row_sum INTEGER NOT NULL, operation_count INTEGER NOT NULL, \
         operation_sum INTEGER NOT NULL, run_count INTEGER NOT NULL, run_sum INTEGER NOT NULL, \
         checksum INTEGER NOT NULL) STRICT",
    ),
    (
        "rows",
        "CREATE TABLE rows (connection TEXT NOT NULL, id BLOB NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, \
         content BLOB NOT NULL, request BLOB NOT NULL, revision INTEGER NOT NULL, problem TEXT, objects TEXT NOT NULL, \
         members BLOB NOT NULL, bound TEXT, run TEXT NOT NULL, at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
    ("rows_by_key", "CREATE UNIQUE INDEX rows_by_key ON rows (connection, id)"),
    (
        "operations",
        "CREATE TABLE operations (id TEXT NOT NULL, connection TEXT NOT NULL, row_id BLOB NOT NULL, step TEXT NOT NULL, \
         operation TEXT NOT NULL, path TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL, generation INTEGER, \
         first_sent INTEGER, last_sent INTEGER, doubts INTEGER, object TEXT, problem TEXT, run TEXT NOT NULL, \
         at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
    ("operations_by_key", "CREATE UNIQUE INDEX operations_by_key ON operations (id)"),
    (
        "runs",
        "CREATE TABLE runs (id TEXT NOT NULL, connection TEXT NOT NULL, started INTEGER NOT NULL, finished INTEGER, \
         report TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
    ("runs_by_key", "CREATE UNIQUE INDEX runs_by_key ON runs (id)"),
    ("runs_of_connection", "CREATE INDEX runs_of_connection ON runs (connection, id)"),
    (
        "marks",
        "CREATE TABLE marks (connection TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
];

/// Where connections stand in their schedules, and tallies of what came after the first version.
const SCHEDULES: &[(&str, &str)] = &[
    (
        "positions",
        "CREATE TABLE positions (connection TEXT NOT NULL, state TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
    ("positions_by_key", "CREATE UNIQUE INDEX positions_by_key ON positions (connection)"),
    (
        "tallies",
        "CREATE TABLE tallies (name TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL, sum INTEGER NOT NULL, \
         checksum INTEGER NOT NULL) STRICT",
    ),
];

/// What was written down besides: payments, events, cursors.
const DOCUMENTS: &[(&str, &str)] = &[
    (
        "documents",
        "CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL, \
         record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
    ("documents_by_key", "CREATE UNIQUE INDEX documents_by_key ON documents (kind, id)"),
    ("documents_of_owner", "CREATE INDEX documents_of_owner ON documents (kind, owner, state, id)"),
];

/// Fills an empty file: tables, version, application id and the first summary.
pub async fn lay_out(connection: &mut SqliteConnection, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"))).execute(&mut *connection).await?;
    migrate(connection, 0).await?;
    Summary::new(now).bind(sqlx::query(queries::WRITE_SUMMARY)).execute(&mut *connection).await?;
    write_ahead(connection).await?;
    Ok(())
}

/// Refuses what is no ledger, is newer, or is not laid out as it was made; brings an older one up to date.
pub async fn enter(connection: &mut SqliteConnection, path: &LedgerPath) -> Result<(), Problem> {
    let version = gate(connection, path).await?;
    if !write_ahead(connection).await.map_err(|error| path.writing(error))? {
        return Err(path.damaged("its journal cannot be switched to write-ahead"));
    }
    migrate(connection, version).await.map_err(|error| path.writing(error))?;
    compare(connection, path).await
}

/// As [`enter`], without writing.
pub async fn enter_read_only(connection: &mut SqliteConnection, path: &LedgerPath) -> Result<(), Problem> {
    let version = gate(connection, path).await?;
    if version < VERSION {
        return Err(path.older(version, VERSION));
    }
    compare(connection, path).await
}

async fn gate(connection: &mut SqliteConnection, path: &LedgerPath) -> Result<i64, Problem> {
    let application = number(connection, "PRAGMA application_id").await.map_err(|error| path.reading(error))?;
    if application != APPLICATION_ID {
        return Err(path.damaged("it is not marked as a ledger of rowbill"));
    }
    let version = number(connection, "PRAGMA user_version").await.map_err(|error| path.reading(error))?;
    if version > VERSION {
        return Err(path.newer(version, VERSION));
    }
    if version < 1 {
        return Err(path.damaged(&format!("there is no version {version}")));
    }
    Ok(version)
}

/// All steps from a version to this one, in one transaction.
async fn migrate(connection: &mut SqliteConnection, from: i64) -> Result<(), sqlx::Error> {
    if from == VERSION {
        return Ok(());
    }
    let done = usize::try_from(from).unwrap_or_default();
    let mut transaction = connection.begin().await?;
    for (_, statement) in MIGRATIONS.iter().skip(done).copied().flatten() {
        sqlx::query(*statement).execute(&mut *transaction).await?;
    }
    sqlx::query(AssertSqlSafe(format!("PRAGMA user_version = {VERSION}"))).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// The schema is data in the same file: if it is not word for word what was made, no query can be believed.
async fn compare(connection: &mut SqliteConnection, path: &LedgerPath) -> Result<(), Problem> {
    for (name, made) in MIGRATIONS.iter().copied().flatten() {
        let found: Option<String> = sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = $1")
            .bind(*name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| path.reading(error))?;
        if found.as_deref() != Some(*made) {
            return Err(path.damaged(&format!("{name} is not laid out as it was made")));
        }
    }
    Ok(())
}

/// Switches to write-ahead logging; whether it worked.
async fn write_ahead(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(connection).await?;
    Ok(mode == "wal")
}

async fn number(connection: &mut SqliteConnection, query: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(query).fetch_one(connection).await?.try_get(0)
}
