//! Walks through whole tables: what proves that nothing is missing.
//!
//! A record that cannot be found any more, because a bit of its key or of the tree above it has flipped, looks like a
//! row that was never billed. Its checksum is of no help then. So the first time that a look-up finds nothing, the
//! table is walked through once: its records must be those that the summary counts, and each must be found by its key
//! in the way that look-ups take. From then on absence is believed; a table in which everything is found is never
//! walked.

use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};
use tokio::sync::OnceCell;

use super::connections::summary;
use super::problems::Trouble;
use super::stored::{Damage, Stored, StoredOperation, StoredPosition, StoredRow, StoredRun, Summary, Tally, decode};

/// Which tables have been walked through since the ledger was opened.
#[derive(Default)]
pub struct Walked {
    /// The table `rows`.
    pub rows: OnceCell<()>,
    /// The table `operations`.
    pub operations: OnceCell<()>,
}

/// Walks through one table as it is now.
pub async fn walk<S: Stored>(connection: &mut SqliteConnection) -> Result<(), Trouble> {
    let mut transaction = connection.begin().await?;
    let expected = S::tally(&summary(&mut transaction).await?);
    complete::<S>(&mut transaction, expected).await?;
    transaction.rollback().await?;
    Ok(())
}

/// Walks through everything as it is now, every record and SQLite's own structures included; the number of records.
pub async fn walk_all(connection: &mut SqliteConnection) -> Result<u64, Trouble> {
    let mut transaction = connection.begin().await?;
    let summary = summary(&mut transaction).await?;
    let rows = through::<StoredRow>(&mut transaction, &summary).await?;
    let operations = through::<StoredOperation>(&mut transaction, &summary).await?;
    let runs = through::<StoredRun>(&mut transaction, &summary).await?;
    let positions = through::<StoredPosition>(&mut transaction, &summary).await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut *transaction).await?;
    if found != "ok" {
        return Err(Damage(found.replace('\n', " ")).into());
    }
    transaction.rollback().await?;
    Ok(rows + operations + runs + positions)
}

/// All records of a small table, which must be those that the summary counts.
pub async fn read_all<S: Stored>(connection: &mut SqliteConnection) -> Result<Vec<S::Record>, Trouble> {
    let mut transaction = connection.begin().await?;
    let expected = S::tally(&summary(&mut transaction).await?);
    let found = sqlx::query(S::statements().all.as_str()).fetch_all(&mut *transaction).await?;
    let records = found.iter().map(decode::<S>).collect::<Result<_, _>>()?;
    complete::<S>(&mut transaction, expected).await?;
    transaction.rollback().await?;
    Ok(records)
}

/// Every record fits its checksum, and they are those that the summary counts.
async fn through<S: Stored>(connection: &mut SqliteConnection, summary: &Summary) -> Result<u64, Trouble> {
    let mut records = sqlx::query(S::statements().all.as_str()).fetch(&mut *connection);
    let mut found: u64 = 0;
    while let Some(columns) = records.try_next().await? {
        decode::<S>(&columns)?;
        found += 1;
    }
    drop(records);
    complete::<S>(connection, S::tally(summary)).await?;
    Ok(found)
}

/// The records are as many as the summary counts, with the same checksums, and each can be found.
async fn complete<S: Stored>(connection: &mut SqliteConnection, expected: Tally) -> Result<(), Trouble> {
    let name = S::statements().name;
    let columns = sqlx::query(S::statements().proof.as_str()).fetch_one(connection).await?;
    let (upper, lower): (i64, i64) = (columns.try_get(1)?, columns.try_get(2)?);
    let found = Tally { count: columns.try_get(0)?, sum: (upper << 32).wrapping_add(lower) };
    if found != expected {
        let what = format!("{name} has {} records instead of {}, or other ones", found.count, expected.count);
        return Err(Damage(what).into());
    }
    match columns.try_get(3)? {
        0 => Ok(()),
        lost => Err(Damage(format!("the index of {name} does not lead to {lost} of its records")).into()),
    }
}
