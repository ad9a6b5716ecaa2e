//! Walks through whole tables: what proves that nothing is missing.
//!
//! A record that cannot be found any more, because a bit of its key or of the tree above it has flipped, looks like a
//! row that was never billed. Its checksum is of no help then. So the first time that a look-up finds nothing, the
//! table is walked through once in the order of its key: every record must fit its checksum, come after the one
//! before it, and together they must be those that the summary counts. From then on absence is believed; a table
//! in which everything is found is never walked.

use futures::TryStreamExt as _;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::OnceCell;

use super::connections::summary;
use super::problems::Trouble;
use super::stored::{Damage, Stored, StoredOperation, StoredRow, StoredRun, Summary, Tally, checked};

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
    let summary = summary(&mut transaction).await?;
    through::<S>(&mut transaction, &summary).await?;
    transaction.rollback().await?;
    Ok(())
}

/// Walks through everything as it is now, SQLite's own structures included; the number of records.
pub async fn walk_all(connection: &mut SqliteConnection) -> Result<u64, Trouble> {
    let mut transaction = connection.begin().await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut *transaction)
        .await?;
    if found != "ok" {
        return Err(Damage(found.replace('\n', " ")).into());
    }
    let summary = summary(&mut transaction).await?;
    let rows = through::<StoredRow>(&mut transaction, &summary).await?;
    let operations = through::<StoredOperation>(&mut transaction, &summary).await?;
    let runs = through::<StoredRun>(&mut transaction, &summary).await?;
    transaction.rollback().await?;
    Ok(rows + operations + runs)
}

async fn through<S: Stored>(connection: &mut SqliteConnection, summary: &Summary) -> Result<u64, Trouble> {
    let table = S::statements();
    let mut found = Tally::default();
    let mut before: Option<S> = None;
    let mut records = sqlx::query(table.all.as_str()).fetch(connection);
    while let Some(columns) = records.try_next().await? {
        let stored = checked::<S>(&columns)?;
        if before.is_some_and(|before| !stored.follows(&before)) {
            return Err(Damage(format!("{} is out of order in {}", stored.label(), table.name)).into());
        }
        found.add(stored.checksum());
        before = Some(stored);
    }
    let expected = S::tally(summary);
    if found != expected {
        let what = format!(
            "{} has {} records instead of {}, or other ones",
            table.name, found.count, expected.count
        );
        return Err(Damage(what).into());
    }
    Ok(u64::try_from(found.count).unwrap_or_default())
}
