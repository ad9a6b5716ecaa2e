//! When an operation of a connection was last written: from there on the target is asked what the ledger does not know.
//!
//! A mark that is lost or too old only makes that question longer.

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::problems::Trouble;
use super::queries;
use super::stored::{Checksum, Damage};

/// The mark of a connection.
pub async fn read(connection: &mut SqliteConnection, name: &str) -> Result<Option<i64>, Trouble> {
    let found = sqlx::query(queries::READ_MARK).bind(name.to_owned()).fetch_optional(connection).await?;
    let Some(columns) = found else { return Ok(None) };
    let (at, checksum): (i64, i64) = (columns.try_get(0)?, columns.try_get(1)?);
    if checksum == computed(name, at) {
        return Ok(Some(at));
    }
    Err(Damage(format!("the checksum of the mark of {name} does not fit")).into())
}

/// Moves the mark of a connection on, never back.
pub async fn write(connection: &mut SqliteConnection, name: &str, at: i64) -> Result<(), sqlx::Error> {
    let query = sqlx::query(queries::WRITE_MARK).bind(name.to_owned()).bind(at).bind(computed(name, at));
    query.execute(connection).await.map(drop)
}

/// Gives the mark of a connection to another name.
pub async fn rename(connection: &mut SqliteConnection, from: &str, to: &str) -> Result<(), Trouble> {
    if let Some(at) = read(connection, from).await? {
        write(connection, to, at).await?;
        sqlx::query(queries::DELETE_MARK).bind(from.to_owned()).execute(connection).await?;
    }
    Ok(())
}

fn computed(name: &str, at: i64) -> i64 {
    Checksum::default().text(name).number(at).finish()
}
