//! The disk of a process: a ledger in memory that is sometimes full, sometimes lies, and sometimes takes a day.

use std::time::Duration;

use async_trait::async_trait;
use rowbill::ledger::memory::MemoryLedger;
use rowbill::ledger::{
    Change, Document, DocumentFilter, DocumentKind, Ledger, OperationRecord, RowFilter, RowId, RowRecord, RunFilter,
    RunRecord,
};
use rowbill::protocol::State;
use rowbill::schedule::Position;
use rowbill_connector::{OperationId, Problem};

use super::shape::Trouble;
use super::trips::Port;
use super::world::hold;

/// A ledger behind a port.
pub struct Disk {
    /// The process's port.
    pub port: Port,
    /// What it writes to.
    pub ledger: std::sync::Arc<MemoryLedger>,
}

impl Disk {
    async fn pass(&self) {
        self.port.pass(true).await;
        if self.port.world.strikes(Trouble::SlowDisk, 4) {
            tokio::time::sleep(Duration::from_millis(u64::from(self.port.world.roll(20)))).await;
        }
    }

    /// With intents that are not synced, what a power cut would leave: all but them.
    async fn sync(&self, changes: &[Change]) -> Result<(), Problem> {
        let synced = hold(&self.port.world.synced).clone();
        let Some(synced) = synced else { return Ok(()) };
        for change in changes.iter().filter(|change| !is_intent(change)).cloned() {
            let change = match change {
                Change::Operation { now, .. } => {
                    let held = synced.operations(std::slice::from_ref(&now.id)).await?.pop().flatten();
                    Change::Operation { was: held.map_or(State::New, |held| held.state), now }
                }
                other => other,
            };
            synced.commit(vec![change]).await?;
        }
        Ok(())
    }

    /// Whether this commit fails, and is written all the same.
    fn fails(&self) -> Option<bool> {
        let mut mood = hold(&self.port.world.mood);
        let (left, written) = &mut *mood;
        (*left > 0).then(|| {
            *left -= 1;
            *written
        })
    }
}

fn full() -> Problem {
    Problem::new("ledger.full", "the ledger cannot be written: no space left on device")
}

fn is_intent(change: &Change) -> bool {
    matches!(change, Change::Operation { now, .. } if matches!(now.state, State::Intent(_)))
}

#[async_trait]
impl Ledger for Disk {
    async fn rows(&self, connection: &str, ids: &[RowId]) -> Result<Vec<Option<RowRecord>>, Problem> {
        self.pass().await;
        self.ledger.rows(connection, ids).await
    }

    async fn operations(&self, ids: &[OperationId]) -> Result<Vec<Option<OperationRecord>>, Problem> {
        self.pass().await;
        self.ledger.operations(ids).await
    }

    async fn operations_of(&self, run: &str) -> Result<Vec<OperationRecord>, Problem> {
        self.pass().await;
        self.ledger.operations_of(run).await
    }

    async fn documents(&self, kind: DocumentKind, ids: &[String]) -> Result<Vec<Option<Document>>, Problem> {
        self.pass().await;
        self.ledger.documents(kind, ids).await
    }

    async fn list_documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Problem> {
        self.pass().await;
        self.ledger.list_documents(filter).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), Problem> {
        self.pass().await;
        let fails = self.fails();
        if fails == Some(false) {
            return Err(full());
        }
        self.sync(&changes).await?;
        let done = self.ledger.commit(changes).await;
        self.pass().await;
        if fails.is_some() { Err(full()) } else { done }
    }

    async fn list_rows(&self, connection: &str, filter: &RowFilter) -> Result<Vec<RowRecord>, Problem> {
        self.pass().await;
        self.ledger.list_rows(connection, filter).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, Problem> {
        self.pass().await;
        self.ledger.runs(filter).await
    }

    async fn positions(&self) -> Result<Vec<Position>, Problem> {
        self.ledger.positions().await
    }

    async fn last_sent(&self, connections: &[&str]) -> Result<Option<i64>, Problem> {
        self.pass().await;
        self.ledger.last_sent(connections).await
    }

    async fn verify(&self) -> Result<u64, Vec<Problem>> {
        self.ledger.verify().await
    }
}
