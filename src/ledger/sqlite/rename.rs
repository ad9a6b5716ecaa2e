//! Gives everything of one connection to another name.

use rowbill_connector::Problem;
use sqlx::sqlite::SqliteConnection;

use super::batch::upsert;
use super::look_up::Id;
use super::mark;
use super::problems::Trouble;
use super::queries::{LIST_DOCUMENTS, OPERATION_STATEMENTS, POSITION_STATEMENTS, ROW_STATEMENTS, Statements};
use super::stored::{
    Stored, StoredDocument, StoredOperation, StoredPosition, StoredRow, StoredRun, Summary, Tally, checked,
};
use crate::ledger::DocumentKind;
use crate::ledger::refusals::{rename_taken, rename_unknown};

/// Renames within the transaction that `connection` is in; the inner error leaves the decision to undo to the caller.
///
/// Runs alone do not make a name taken: whoever renames the file and tries it before the ledger has made some.
pub async fn rename(
    connection: &mut SqliteConnection,
    summary: &mut Summary,
    from: &str,
    to: &str,
) -> Result<Result<(), Problem>, Trouble> {
    if has_any(connection, to).await? {
        return Ok(Err(rename_taken(to)));
    }
    if !has_any(connection, from).await? {
        return Ok(Err(rename_unknown(from)));
    }
    let row = |row: StoredRow| (row.id.clone(), row.renamed(to));
    pages(connection, &mut summary.rows, from, Vec::new(), row).await?;
    sqlx::query(ROW_STATEMENTS.delete_connection.as_str()).bind(from).execute(&mut *connection).await?;
    let operation = |operation: StoredOperation| (operation.id.clone(), operation.renamed(to));
    pages(connection, &mut summary.operations, from, String::new(), operation).await?;
    mark::rename(connection, from, to).await?;
    position(connection, &mut summary.positions, from, to).await?;
    for kind in DocumentKind::of_connections() {
        documents(connection, &mut summary.documents, kind, (from, to)).await?;
    }
    let run = |run: StoredRun| (run.id.clone(), run.renamed(to));
    pages(connection, &mut summary.runs, from, String::new(), run).await?;
    Ok(Ok(()))
}

/// Payments and claims go with the connection that made their invoices.
async fn documents(
    connection: &mut SqliteConnection,
    tally: &mut Tally,
    kind: DocumentKind,
    (from, to): (&str, &str),
) -> Result<(), Trouble> {
    loop {
        let query = sqlx::query(LIST_DOCUMENTS[0]).bind(kind.name()).bind(from).bind("").bind(500);
        let page = query.fetch_all(&mut *connection).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut renamed = Vec::with_capacity(page.len());
        for columns in &page {
            let stored = checked::<StoredDocument>(columns)?;
            tally.remove(stored.checksum());
            let stored = stored.renamed(to);
            tally.add(stored.checksum());
            renamed.push(stored);
        }
        upsert(connection, renamed).await?;
    }
}

/// The new name begins where the old one stood; what it had of its own goes.
async fn position(connection: &mut SqliteConnection, tally: &mut Tally, from: &str, to: &str) -> Result<(), Trouble> {
    let mut moved = None;
    for name in [from, to] {
        let (sql, _) = POSITION_STATEMENTS.look_up(1);
        let Some(columns) = sqlx::query(sql).bind(name).fetch_optional(&mut *connection).await? else { continue };
        let stored = checked::<StoredPosition>(&columns)?;
        if name == from || moved.is_some() {
            tally.remove(stored.checksum());
            sqlx::query(POSITION_STATEMENTS.delete_connection.as_str()).bind(name).execute(&mut *connection).await?;
        }
        if name == from {
            moved = Some(stored.renamed(to));
        }
    }
    if let Some(moved) = moved {
        tally.add(moved.checksum());
        upsert(connection, vec![moved]).await?;
    }
    Ok(())
}

async fn has_any(connection: &mut SqliteConnection, name: &str) -> Result<bool, sqlx::Error> {
    let tables: [&'static Statements; 2] = [&ROW_STATEMENTS, &OPERATION_STATEMENTS];
    for statements in tables {
        let found = sqlx::query(statements.has_connection.as_str()).bind(name).fetch_optional(&mut *connection).await?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Goes through one table a page at a time, so that no more than a page is in memory.
async fn pages<S: Stored, T: Id>(
    connection: &mut SqliteConnection,
    tally: &mut Tally,
    from: &str,
    mut after: T,
    mut change: impl FnMut(S) -> (T, S),
) -> Result<(), Trouble> {
    loop {
        let page = sqlx::query(S::statements().of_connection.as_str()).bind(from).bind(after.clone());
        let page = page.fetch_all(&mut *connection).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut renamed = Vec::with_capacity(page.len());
        for columns in &page {
            let stored = checked::<S>(columns)?;
            tally.remove(stored.checksum());
            let (id, stored) = change(stored);
            tally.add(stored.checksum());
            after = id;
            renamed.push(stored);
        }
        upsert(connection, renamed).await?;
    }
}
