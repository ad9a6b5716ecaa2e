//! What one transaction writes: the changes of several commits, each taken whole or refused alone.
//!
//! What the changes meet in the ledger is read first. Then each commit is checked in memory, against the ledger and
//! against what the commits before it have changed; only the outcome is written. So a refused commit leaves nothing to
//! be undone.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::Problem;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::change::{Prepared, RowKey};
use super::look_up::{CHUNK, Id, by_ids};
use super::mark;
use super::problems::Trouble;
use super::queries::{
    self, DOCUMENT_STATEMENTS, OPERATION_STATEMENTS, POSITION_STATEMENTS, ROW_STATEMENTS, RUN_STATEMENTS, Statements,
};
use super::stored::{
    Damage, Stored, StoredDocument, StoredOperation, StoredPosition, StoredRow, StoredRun, StoredState, Summary, Tally,
};
use crate::ledger::refusals::conflict;
use crate::protocol::State;

/// A record that the batch is about: its checksum in the ledger, and what it becomes.
struct Touched<S> {
    before: Option<i64>,
    after: After<S>,
}

enum After<S> {
    Same,
    Put(S),
    Gone,
}

impl<S> Touched<S> {
    fn new(before: Option<i64>) -> Self {
        Self { before, after: After::Same }
    }
}

/// The changes of one transaction.
#[derive(Default)]
pub struct Batch {
    rows: BTreeMap<RowKey, Touched<StoredRow>>,
    operations: BTreeMap<String, Touched<StoredOperation>>,
    states: BTreeMap<String, State>,
    runs: BTreeMap<String, Touched<StoredRun>>,
    positions: BTreeMap<String, Touched<StoredPosition>>,
    documents: BTreeMap<(String, String), Touched<StoredDocument>>,
    marks: BTreeMap<String, i64>,
}

impl Batch {
    /// Reads what the ledger holds of all that these changes are about.
    pub async fn load<'c>(
        connection: &mut SqliteConnection,
        changes: impl Iterator<Item = &'c Prepared>,
    ) -> Result<Self, Trouble> {
        let mut rows: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut documents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let (mut operations, mut runs, mut positions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change {
                Prepared::Row(row) => {
                    rows.entry(row.connection.clone()).or_default().insert(row.id.clone());
                }
                Prepared::Forget((name, id)) => {
                    rows.entry(name.clone()).or_default().insert(id.clone());
                }
                Prepared::Operation { now, .. } => {
                    operations.insert(now.id.clone());
                }
                Prepared::Run(run) => {
                    runs.insert(run.id.clone());
                }
                Prepared::ForgetRun(id) => {
                    runs.insert(id.clone());
                }
                Prepared::Position(position) => {
                    positions.insert(position.connection.clone());
                }
                Prepared::Document(document) => {
                    documents.entry(document.kind.clone()).or_default().insert(document.id.clone());
                }
                Prepared::ForgetDocument(kind, id) => {
                    documents.entry(kind.clone()).or_default().insert(id.clone());
                }
                Prepared::Rename { .. } => {}
            }
        }
        let mut batch = Self::default();
        for (name, ids) in rows {
            batch.load_rows(connection, &name, ids).await?;
        }
        batch.load_operations(connection, operations).await?;
        load_named(connection, &RUN_STATEMENTS, &mut batch.runs, runs).await?;
        load_named(connection, &POSITION_STATEMENTS, &mut batch.positions, positions).await?;
        for (kind, ids) in documents {
            held(connection, &DOCUMENT_STATEMENTS, Some(&kind), ids, |columns| {
                let key = (kind.clone(), columns.try_get(0)?);
                batch.documents.insert(key, Touched::new(Some(columns.try_get(1)?)));
                Ok(())
            })
            .await?;
        }
        Ok(batch)
    }

    async fn load_rows(
        &mut self,
        connection: &mut SqliteConnection,
        name: &str,
        ids: BTreeSet<Vec<u8>>,
    ) -> Result<(), Trouble> {
        held(connection, &ROW_STATEMENTS, Some(name), ids, |columns| {
            self.rows.insert((name.to_owned(), columns.try_get(0)?), Touched::new(Some(columns.try_get(1)?)));
            Ok(())
        })
        .await
    }

    async fn load_operations(
        &mut self,
        connection: &mut SqliteConnection,
        ids: BTreeSet<String>,
    ) -> Result<(), Trouble> {
        held(connection, &OPERATION_STATEMENTS, None, ids, |columns| {
            let id: String = columns.try_get(0)?;
            let state = StoredState::from_columns(columns, 2)?.into_state();
            let state = state.map_err(|column| Damage(format!("the {column} of the operation {id} cannot be read")))?;
            self.operations.insert(id.clone(), Touched::new(Some(columns.try_get(1)?)));
            self.states.insert(id, state);
            Ok(())
        })
        .await
    }

    /// Takes all changes of a commit, or none of them.
    pub fn take(&mut self, changes: Vec<Prepared>) -> Result<(), Problem> {
        self.check(&changes)?;
        for change in changes {
            self.put(change);
        }
        Ok(())
    }

    /// Compares the states that a commit was made from with those that the ledger will have by then.
    fn check(&self, changes: &[Prepared]) -> Result<(), Problem> {
        let mut own: BTreeMap<&str, &State> = BTreeMap::new();
        for change in changes {
            if let Prepared::Operation { was, is, now } = change {
                let id = now.id.as_str();
                let held = own.get(id).copied().or_else(|| self.states.get(id)).unwrap_or(&State::New);
                if held != was {
                    return Err(conflict(id));
                }
                own.insert(id, is);
            }
        }
        Ok(())
    }

    fn put(&mut self, change: Prepared) {
        match change {
            Prepared::Row(row) => {
                let key = (row.connection.clone(), row.id.clone());
                becomes(&mut self.rows, key, After::Put(row));
            }
            Prepared::Operation { is, now, .. } => {
                let mark = self.marks.entry(now.connection.clone()).or_insert(now.at);
                *mark = now.at.max(*mark);
                self.states.insert(now.id.clone(), is);
                becomes(&mut self.operations, now.id.clone(), After::Put(*now));
            }
            Prepared::Run(run) => {
                becomes(&mut self.runs, run.id.clone(), After::Put(run));
            }
            Prepared::ForgetRun(id) => becomes(&mut self.runs, id, After::Gone),
            Prepared::Position(position) => {
                becomes(&mut self.positions, position.connection.clone(), After::Put(position));
            }
            Prepared::Document(document) => {
                let key = (document.kind.clone(), document.id.clone());
                becomes(&mut self.documents, key, After::Put(*document));
            }
            Prepared::ForgetDocument(kind, id) => becomes(&mut self.documents, (kind, id), After::Gone),
            Prepared::Forget(key) => becomes(&mut self.rows, key, After::Gone),
            Prepared::Rename { .. } => {}
        }
    }

    /// Writes the outcome, and counts it into the summary.
    pub async fn write(self, connection: &mut SqliteConnection, summary: &mut Summary) -> Result<(), sqlx::Error> {
        let (rows, gone) = settle(self.rows, &mut summary.rows);
        for (name, id) in gone {
            sqlx::query(queries::DELETE_ROW).bind(name).bind(id).execute(&mut *connection).await?;
        }
        upsert(connection, rows).await?;
        upsert(connection, settle(self.operations, &mut summary.operations).0).await?;
        let (runs, gone) = settle(self.runs, &mut summary.runs);
        for id in gone {
            sqlx::query(queries::DELETE_RUN).bind(id).execute(&mut *connection).await?;
        }
        upsert(connection, runs).await?;
        upsert(connection, settle(self.positions, &mut summary.positions).0).await?;
        let (documents, gone) = settle(self.documents, &mut summary.documents);
        for (kind, id) in gone {
            sqlx::query(queries::DELETE_DOCUMENT).bind(kind).bind(id).execute(&mut *connection).await?;
        }
        upsert(connection, documents).await?;
        for (name, at) in self.marks {
            mark::write(connection, &name, at).await?;
        }
        Ok(())
    }
}

/// Reads the checksums of records that have a name of their own.
async fn load_named<S>(
    connection: &mut SqliteConnection,
    statements: &'static Statements,
    touched: &mut BTreeMap<String, Touched<S>>,
    names: BTreeSet<String>,
) -> Result<(), Trouble> {
    held(connection, statements, None, names, |columns| {
        touched.insert(columns.try_get(0)?, Touched::new(Some(columns.try_get(1)?)));
        Ok(())
    })
    .await
}

/// Reads what the ledger holds of records, in chunks.
async fn held<T: Id>(
    connection: &mut SqliteConnection,
    statements: &'static Statements,
    name: Option<&str>,
    ids: BTreeSet<T>,
    mut each: impl FnMut(&SqliteRow) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let ids: Vec<_> = ids.into_iter().collect();
    for chunk in ids.chunks(CHUNK) {
        by_ids(connection, statements.held(chunk.len()), name, chunk, &mut each).await?;
    }
    Ok(())
}

/// A later change of the same record takes the place of an earlier one.
fn becomes<K: Ord, S>(touched: &mut BTreeMap<K, Touched<S>>, key: K, after: After<S>) {
    touched.entry(key).or_insert_with(|| Touched::new(None)).after = after;
}

/// What is to be written and what deleted, counted.
fn settle<K, S: Stored>(touched: BTreeMap<K, Touched<S>>, tally: &mut Tally) -> (Vec<S>, Vec<K>) {
    let (mut put, mut gone) = (Vec::with_capacity(touched.len()), Vec::new());
    for (key, Touched { before, after }) in touched {
        if let (Some(checksum), After::Put(_) | After::Gone) = (before, &after) {
            tally.remove(checksum);
        }
        match after {
            After::Put(stored) => {
                tally.add(stored.checksum());
                put.push(stored);
            }
            After::Gone => gone.push(key),
            After::Same => {}
        }
    }
    (put, gone)
}

/// Inserts or replaces records, in as few statements as there are sizes for.
pub async fn upsert<S: Stored>(connection: &mut SqliteConnection, records: Vec<S>) -> Result<(), sqlx::Error> {
    let mut records = records.into_iter();
    while records.len() > 0 {
        let (sql, size) = S::statements().upsert(records.len());
        let query = records.by_ref().take(size).fold(sqlx::query(sql), |query, record| record.bind(query));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
