//! What is asked of the ledger, and the trait that the rest of rowbill knows it by.

use std::collections::HashMap;
use std::hash::Hash;

use async_trait::async_trait;
use rowbill_connector::{OperationId, Problem};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Sqlite};
use tokio::sync::OnceCell;

use super::change::Prepared;
use super::look_up::{CHUNK, Id, by_ids};
use super::problems::Trouble;
use super::queries;
use super::stored::{
    STATES, Stored, StoredDocument, StoredOperation, StoredPosition, StoredRow, StoredRun, decode, state_name,
};
use super::walk::{read_all, walk, walk_all};
use super::{SqliteLedger, connections, mark};
use crate::ledger::{
    Change, Document, DocumentFilter, DocumentKind, Ledger, OperationRecord, RowFilter, RowId, RowRecord, RunFilter,
    RunRecord,
};
use crate::protocol::State;
use crate::schedule::Position;

#[async_trait]
impl Ledger for SqliteLedger {
    async fn rows(&self, connection: &str, ids: &[RowId]) -> Result<Vec<Option<RowRecord>>, Problem> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let wanted: Vec<_> = chunk.iter().map(|id| id.0.to_vec()).collect();
            let found = self.look_up::<StoredRow, _>(Some(connection), &wanted).await?;
            in_order(&mut all, chunk, found, |row| row.id);
        }
        if all.iter().any(Option::is_none) {
            self.believe_absence::<StoredRow>(&self.walked.rows).await?;
        }
        Ok(all)
    }

    async fn operations(&self, ids: &[OperationId]) -> Result<Vec<Option<OperationRecord>>, Problem> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let wanted: Vec<_> = chunk.iter().map(|id| id.0.clone()).collect();
            let found = self.look_up::<StoredOperation, _>(None, &wanted).await?;
            in_order(&mut all, chunk, found, |operation| operation.id.clone());
        }
        if all.iter().any(Option::is_none) {
            self.believe_absence::<StoredOperation>(&self.walked.operations).await?;
        }
        Ok(all)
    }

    async fn operations_of(&self, run: &str) -> Result<Vec<OperationRecord>, Problem> {
        self.believe_absence::<StoredOperation>(&self.walked.operations).await?;
        let query = sqlx::query(queries::OPERATIONS_OF_RUN.as_str()).bind(run);
        let found = query.fetch_all(&mut *self.reader().await?).await;
        self.decoded::<StoredOperation>(found)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), Problem> {
        let writer = self.writer.as_ref().ok_or_else(|| self.path.read_only())?;
        if changes.is_empty() {
            return Ok(());
        }
        if changes.iter().any(|change| matches!(change, Change::Operation { was: State::New, .. })) {
            self.believe_absence::<StoredOperation>(&self.walked.operations).await?;
        }
        writer.commit(changes.into_iter().map(Prepared::from).collect()).await
    }

    async fn list_rows(&self, connection: &str, filter: &RowFilter) -> Result<Vec<RowRecord>, Problem> {
        self.believe_absence::<StoredRow>(&self.walked.rows).await?;
        let states = if filter.states.is_empty() { &STATES[..] } else { &filter.states[..] };
        let after = filter.after.map_or_else(Vec::new, |id| id.0.to_vec());
        let mut query = sqlx::query(queries::LIST_ROWS).bind(connection).bind(after);
        // The list has a fixed length; a state that is not asked for is filled up with one that is.
        for at in STATES.iter().zip(0..) {
            query = query.bind(state_name(states[at.1 % states.len()]));
        }
        let found = query.bind(i64::from(filter.limit)).fetch_all(&mut *self.reader().await?).await;
        self.decoded::<StoredRow>(found)
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, Problem> {
        let sql = queries::LIST_RUNS[usize::from(filter.connection.is_some())][usize::from(filter.oldest_first)];
        let query = filter.connection.iter().fold(sqlx::query(sql), |query, name| query.bind(name.clone()));
        let query = query.bind(filter.after.clone().unwrap_or_default());
        // Ids are letters and digits: none of them is greater.
        let query = query.bind(filter.before.clone().unwrap_or_else(|| "~".to_owned()));
        let found = query.bind(i64::from(filter.limit)).fetch_all(&mut *self.reader().await?).await;
        self.decoded::<StoredRun>(found)
    }

    async fn positions(&self) -> Result<Vec<Position>, Problem> {
        let found = read_all::<StoredPosition>(&mut *self.reader().await?).await;
        let mut found = found.map_err(|trouble| self.path.reading(trouble))?;
        found.sort_by(|a, b| a.connection.cmp(&b.connection));
        Ok(found)
    }

    async fn documents(&self, kind: DocumentKind, ids: &[String]) -> Result<Vec<Option<Document>>, Problem> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let found = self.look_up::<StoredDocument, _>(Some(kind.name()), chunk).await?;
            in_order(&mut all, chunk, found, |document| document.id.clone());
        }
        if all.iter().any(Option::is_none) {
            self.believe_absence::<StoredDocument>(&self.walked.documents).await?;
        }
        Ok(all)
    }

    async fn list_documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Problem> {
        self.believe_absence::<StoredDocument>(&self.walked.documents).await?;
        let query = sqlx::query(queries::LIST_DOCUMENTS[usize::from(filter.state.is_some())]);
        let query = query.bind(filter.kind.name()).bind(filter.owner.clone());
        let query = filter.state.iter().fold(query, |query, state| query.bind(state.clone()));
        let query = query.bind(filter.after.clone()).bind(i64::from(filter.limit));
        self.decoded::<StoredDocument>(query.fetch_all(&mut *self.reader().await?).await)
    }

    async fn last_sent(&self, connections: &[&str]) -> Result<Option<i64>, Problem> {
        let mut newest = None;
        for name in connections {
            let found = mark::read(&mut *self.reader().await?, name).await;
            newest = newest.max(found.map_err(|trouble| self.path.reading(trouble))?);
        }
        Ok(newest)
    }

    async fn verify(&self) -> Result<u64, Vec<Problem>> {
        let connection = connections::reader(&self.file).await;
        let mut connection = connection.map_err(|error| vec![self.path.reading(error)])?;
        let walked = walk_all(&mut connection).await;
        // What was read stands, however the connection ends.
        let _ = connection.close().await;
        walked.map_err(|troubles| troubles.into_iter().map(|trouble| self.path.reading(trouble)).collect())
    }
}

impl SqliteLedger {
    async fn reader(&self) -> Result<PoolConnection<Sqlite>, Problem> {
        self.readers.acquire().await.map_err(|error| self.path.reading(error))
    }

    async fn look_up<S: Stored, T: Id>(&self, name: Option<&str>, ids: &[T]) -> Result<Vec<S::Record>, Problem> {
        let mut found = Vec::with_capacity(ids.len());
        let take = |columns: &SqliteRow| {
            found.push(decode::<S>(columns)?);
            Ok::<_, Trouble>(())
        };
        let statement = S::statements().look_up(ids.len());
        let done = by_ids(&mut *self.reader().await?, statement, name, ids, take).await;
        done.map_err(|trouble| self.path.reading(trouble))?;
        Ok(found)
    }

    fn decoded<S: Stored>(&self, found: Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<S::Record>, Problem> {
        let found = found.map_err(|error| self.path.reading(error))?;
        found.iter().map(|columns| decode::<S>(columns).map_err(|damage| self.path.reading(damage))).collect()
    }

    /// Walks through a table once, before the first answer that something is not in it. A ledger that is only read is
    /// not walked through: nothing is sent because of what it says.
    async fn believe_absence<S: Stored>(&self, walked: &OnceCell<()>) -> Result<(), Problem> {
        if self.writer.is_none() {
            return Ok(());
        }
        let walk =
            || async { walk::<S>(&mut *self.reader().await?).await.map_err(|trouble| self.path.reading(trouble)) };
        walked.get_or_try_init(walk).await.copied()
    }
}

/// Appends what was found for each id, in the order asked for; an id that was asked for twice is answered twice.
fn in_order<I, R>(all: &mut Vec<Option<R>>, ids: &[I], found: Vec<R>, id: impl Fn(&R) -> I)
where
    I: Hash + Eq,
    R: Clone,
{
    let mut found: HashMap<I, R> = found.into_iter().map(|record| (id(&record), record)).collect();
    let mut asked: HashMap<&I, usize> = HashMap::with_capacity(ids.len());
    let from = all.len();
    for (at, id) in ids.iter().enumerate() {
        let answer = match asked.get(id) {
            Some(first) => all[from + first].clone(),
            None => found.remove(id),
        };
        asked.entry(id).or_insert(at);
        all.push(answer);
    }
}
