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
use super::stored::{
    Damage, Stored, StoredDocument, StoredOperation, StoredPosition, StoredRow, StoredRun, Summary, Tally, decode,
};

/// Which tables have been walked through since the ledger was opened.
#[derive(Default)]
pub struct Walked {
    /// The table `rows`.
    pub rows: OnceCell<()>,
    /// The table `operations`.
    pub operations: OnceCell<()>,
    /// The table `documents`.
    pub documents: OnceCell<()>,
}

/// Walks through one table as it is now.
pub async fn walk<S: Stored>(connection: &mut SqliteConnection) -> Result<(), Trouble> {
    let mut transaction = connection.begin().await?;
    let expected = S::tally(&summary(&mut transaction).await?);
    complete::<S>(&mut transaction, expected).await?;
    transaction.rollback().await?;
    Ok(())
}

/// So much of what does not fit is told; more of it would not help.
const TOLD: usize = 100;

/// What a walk through everything has come to.
#[derive(Default)]
struct Walk {
    records: u64,
    troubles: Vec<Trouble>,
}

impl Walk {
    fn note(&mut self, trouble: impl Into<Trouble>) {
        if self.troubles.len() < TOLD {
            self.troubles.push(trouble.into());
        }
    }

    /// Every record fits its checksum, and they are those that the summary counts.
    async fn through<S: Stored>(&mut self, connection: &mut SqliteConnection, summary: &Summary) {
        let mut records = sqlx::query(S::statements().all.as_str()).fetch(&mut *connection);
        loop {
            match records.try_next().await {
                Ok(Some(columns)) => match decode::<S>(&columns) {
                    Ok(_) => self.records += 1,
                    Err(damage) => self.note(damage),
                },
                Ok(None) => break,
                Err(error) => {
                    self.note(error);
                    break;
                }
            }
        }
        drop(records);
        if let Err(trouble) = complete::<S>(connection, S::tally(summary)).await {
            self.note(trouble);
        }
    }

    /// SQLite's own structures.
    async fn structures(&mut self, connection: &mut SqliteConnection) {
        let found = sqlx::query_scalar("PRAGMA integrity_check(100)").fetch_all(connection).await;
        let found: Vec<String> = found.unwrap_or_else(|error| vec![error.to_string()]);
        for told in found.iter().flat_map(|told| told.lines()).filter(|told| *told != "ok") {
            self.note(Damage(told.to_owned()));
        }
    }
}

/// Walks through everything as it is now, every record and SQLite's own structures included; the number of records, or
/// all that does not fit.
pub async fn walk_all(connection: &mut SqliteConnection) -> Result<u64, Vec<Trouble>> {
    let one = |trouble: Trouble| vec![trouble];
    let mut transaction = connection.begin().await.map_err(|error| one(error.into()))?;
    let summary = summary(&mut transaction).await.map_err(one)?;
    let mut walk = Walk::default();
    walk.through::<StoredRow>(&mut transaction, &summary).await;
    walk.through::<StoredOperation>(&mut transaction, &summary).await;
    walk.through::<StoredRun>(&mut transaction, &summary).await;
    walk.through::<StoredPosition>(&mut transaction, &summary).await;
    walk.through::<StoredDocument>(&mut transaction, &summary).await;
    walk.structures(&mut transaction).await;
    // Nothing was written: what was read stands, however the transaction ends.
    drop(transaction);
    if walk.troubles.is_empty() { Ok(walk.records) } else { Err(walk.troubles) }
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
