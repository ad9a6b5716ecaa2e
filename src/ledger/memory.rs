//! A ledger that lives and dies with the process: for simulations, in which it is the disk that survives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rowbill_connector::{OperationId, Problem};

use super::refusals::{conflict, rename_taken, rename_unknown};
use super::{
    Change, Document, DocumentFilter, DocumentKind, Ledger, OperationRecord, RowFilter, RowId, RowRecord, RunFilter,
    RunRecord,
};
use crate::protocol::State;
use crate::schedule::Position;

/// All that a ledger holds.
#[derive(Clone, Debug, Default)]
pub struct Book {
    rows: BTreeMap<(String, RowId), RowRecord>,
    operations: BTreeMap<OperationId, OperationRecord>,
    runs: BTreeMap<String, RunRecord>,
    positions: BTreeMap<String, Position>,
    documents: BTreeMap<(DocumentKind, String), Document>,
    /// When an operation of a connection was last written.
    marks: BTreeMap<String, i64>,
}

/// A ledger in memory. A commit is as durable as the value itself.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Book>);

impl MemoryLedger {
    /// A ledger that holds what another one held.
    pub fn restored(book: Book) -> Self {
        Self(Mutex::new(book))
    }

    /// A copy of all that it holds.
    pub fn backup(&self) -> Book {
        self.book().clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn rows(&self, connection: &str, ids: &[RowId]) -> Result<Vec<Option<RowRecord>>, Problem> {
        let book = self.book();
        Ok(ids.iter().map(|id| book.rows.get(&(connection.to_owned(), *id)).cloned()).collect())
    }

    async fn operations(&self, ids: &[OperationId]) -> Result<Vec<Option<OperationRecord>>, Problem> {
        let book = self.book();
        Ok(ids.iter().map(|id| book.operations.get(id).cloned()).collect())
    }

    async fn operations_of(&self, run: &str) -> Result<Vec<OperationRecord>, Problem> {
        Ok(self.book().operations.values().filter(|operation| operation.run == run).cloned().collect())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), Problem> {
        let mut book = self.book();
        // A rename is rare: what it would do is tried on a copy. Without one, only a state can be in the way.
        if changes.iter().any(|change| matches!(change, Change::Rename { .. })) {
            let mut next = book.clone();
            changes.into_iter().try_for_each(|change| next.make(change))?;
            *book = next;
            return Ok(());
        }
        book.check(&changes)?;
        changes.into_iter().try_for_each(|change| book.make(change))
    }

    async fn list_rows(&self, connection: &str, filter: &RowFilter) -> Result<Vec<RowRecord>, Problem> {
        let book = self.book();
        let rows = book.rows.values().filter(|row| {
            row.connection == connection
                && filter.after.is_none_or(|after| row.id > after)
                && (filter.states.is_empty() || filter.states.contains(&row.state))
        });
        Ok(rows.take(filter.limit as usize).cloned().collect())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, Problem> {
        let book = self.book();
        let is_wanted = |run: &&RunRecord| {
            filter.connection.as_ref().is_none_or(|name| *name == run.connection)
                && filter.after.as_ref().is_none_or(|after| run.id > *after)
                && filter.before.as_ref().is_none_or(|before| run.id < *before)
        };
        let runs = book.runs.values().filter(is_wanted).cloned();
        let most = filter.limit as usize;
        Ok(if filter.oldest_first { runs.take(most).collect() } else { runs.rev().take(most).collect() })
    }

    async fn positions(&self) -> Result<Vec<Position>, Problem> {
        Ok(self.book().positions.values().cloned().collect())
    }

    async fn documents(&self, kind: DocumentKind, ids: &[String]) -> Result<Vec<Option<Document>>, Problem> {
        let book = self.book();
        Ok(ids.iter().map(|id| book.documents.get(&(kind, id.clone())).cloned()).collect())
    }

    async fn list_documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Problem> {
        let book = self.book();
        let documents = book.documents.values().filter(|document| {
            document.kind == filter.kind
                && document.owner == filter.owner
                && document.id > filter.after
                && filter.state.as_ref().is_none_or(|state| *state == document.state)
        });
        Ok(documents.take(filter.limit as usize).cloned().collect())
    }

    async fn last_sent(&self, connections: &[&str]) -> Result<Option<i64>, Problem> {
        let book = self.book();
        Ok(connections.iter().filter_map(|name| book.marks.get(*name).copied()).max())
    }

    async fn verify(&self) -> Result<u64, Vec<Problem>> {
        let book = self.book();
        let rest = book.runs.len() + book.positions.len() + book.documents.len();
        Ok((book.rows.len() + book.operations.len() + rest) as u64)
    }
}

impl Book {
    /// Whether the states that changes were made from are those that the ledger will have by then.
    fn check(&self, changes: &[Change]) -> Result<(), Problem> {
        let mut own: BTreeMap<&OperationId, &State> = BTreeMap::new();
        for change in changes {
            let Change::Operation { was, now } = change else { continue };
            let held = own.get(&now.id).copied().or_else(|| Some(&self.operations.get(&now.id)?.state));
            if held.unwrap_or(&State::New) != was {
                return Err(conflict(&now.id.0));
            }
            own.insert(&now.id, &now.state);
        }
        Ok(())
    }

    fn make(&mut self, change: Change) -> Result<(), Problem> {
        match change {
            Change::Row(row) => drop(self.rows.insert((row.connection.clone(), row.id), row)),
            Change::Operation { was, now } => {
                self.check(&[Change::Operation { was, now: now.clone() }])?;
                let mark = self.marks.entry(now.connection.clone()).or_insert(now.at);
                *mark = now.at.max(*mark);
                self.operations.insert(now.id.clone(), now);
            }
            Change::Run(run) => drop(self.runs.insert(run.id.clone(), run)),
            Change::ForgetRun(id) => drop(self.runs.remove(&id)),
            Change::Position(position) => drop(self.positions.insert(position.connection.clone(), position)),
            Change::Document(document) => {
                self.documents.insert((document.kind, document.id.clone()), document);
            }
            Change::ForgetDocument(kind, id) => drop(self.documents.remove(&(kind, id))),
            Change::Rename { from, to } => self.rename(&from, &to)?,
            Change::ForgetRow { connection, id } => drop(self.rows.remove(&(connection, id))),
        }
        Ok(())
    }

    /// Runs alone do not make a name taken.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Problem> {
        if self.has_any(to) {
            return Err(rename_taken(to));
        }
        if !self.has_any(from) {
            return Err(rename_unknown(from));
        }
        let rows = std::mem::take(&mut self.rows).into_values().map(|row| {
            let connection = renamed(row.connection, from, to);
            ((connection.clone(), row.id), RowRecord { connection, ..row })
        });
        self.rows = rows.collect();
        for operation in self.operations.values_mut() {
            operation.connection = renamed(std::mem::take(&mut operation.connection), from, to);
        }
        for run in self.runs.values_mut() {
            run.connection = renamed(std::mem::take(&mut run.connection), from, to);
        }
        if let Some(position) = self.positions.remove(from) {
            self.positions.insert(to.to_owned(), Position { connection: to.to_owned(), ..position });
        }
        for document in self.documents.values_mut().filter(|document| document.kind.is_of_connection()) {
            document.owner = renamed(std::mem::take(&mut document.owner), from, to);
        }
        if let Some(at) = self.marks.remove(from) {
            self.marks.insert(to.to_owned(), at);
        }
        Ok(())
    }

    fn has_any(&self, name: &str) -> bool {
        self.rows.keys().any(|(connection, _)| connection == name)
            || self.operations.values().any(|operation| operation.connection == name)
    }
}

fn renamed(name: String, from: &str, to: &str) -> String {
    if name == from { to.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::super::suite::run_suite;
    use super::*;

    #[tokio::test]
    async fn behaves_as_a_ledger() {
        run_suite(async || MemoryLedger::default()).await;
    }
}
