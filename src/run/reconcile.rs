//! Before the first send on an account: what carries our mark and is not in the ledger is adopted. That is what makes a
//! restored backup safe.

use rowbill_connector::{Filter, OperationId, Receipt, SendError, Target};

use super::engine::Engine;
use crate::config::Connection;
use crate::ledger::{Change, OperationRecord, RowId};
use crate::protocol::{State, Time};

/// How far before the last commit objects are listed: what was under way when the ledger was last written.
const MARGIN: Time = 10 * 60;
const KINDS: [&str; 3] = ["customer", "invoiceitem", "invoice"];

/// Lists what was made since the ledger's last commit, once per account and process. An answer that does not come is a
/// reason not to send.
pub async fn reconcile(engine: &Engine, connection: &Connection, run: &str) -> Result<(), SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    line.reconciled.get_or_try_init(|| adopt(engine, connection, run)).await.copied()
}

async fn adopt(engine: &Engine, connection: &Connection, run: &str) -> Result<(), SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    let ledger = engine.ledger().map_err(SendError::Halt)?;
    let written = ledger.last_commit().await.map_err(SendError::Halt)?.min(engine.clock.now());
    let tags = our_tags(engine, connection);
    line.target.list("customer", &Filter { at_most: Some(1), ..Filter::default() }).await?;
    // The ledger's times are ours, the objects' are the target's: a clock that is ahead must not hide anything.
    let since = written - MARGIN - ahead(engine, line.target.as_ref());
    for kind in KINDS {
        let filter = Filter { created_since: Some(since), ..Filter::default() };
        let found = line.target.list(kind, &filter).await?;
        let ours: Vec<(OperationId, Receipt)> = found
            .into_iter()
            .filter_map(|receipt| Some((receipt.op.clone()?, receipt)))
            .filter(|(op, receipt)| {
                tags.iter().any(|tag| op.0.starts_with(tag)) && receipt.status.as_deref() != Some("deleted")
            })
            .collect();
        for chunk in ours.chunks(500) {
            let ids: Vec<OperationId> = chunk.iter().map(|(op, _)| op.clone()).collect();
            let stored = ledger.operations(&ids).await.map_err(SendError::Halt)?;
            let changes: Vec<Change> = chunk
                .iter()
                .zip(stored)
                .filter_map(|((op, receipt), stored)| change(op, receipt, stored, engine.clock.now(), connection, run))
                .collect();
            if !changes.is_empty() {
                tracing::info!(kind, adopted = changes.len(), "objects that the ledger did not know were adopted");
                ledger.commit(changes).await.map_err(SendError::Halt)?;
            }
        }
    }
    Ok(())
}

/// By how much our clock is ahead of the target's.
fn ahead(engine: &Engine, target: &dyn Target) -> Time {
    let theirs = target.clock().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let theirs = theirs.and_then(|since| Time::try_from(since.as_secs()).ok());
    theirs.map_or(0, |theirs| (engine.clock.now() - theirs).max(0))
}

/// The marks of all connections of this account.
fn our_tags(engine: &Engine, connection: &Connection) -> Vec<String> {
    let same_account = engine.project.connections.iter().filter(|other| other.account == connection.account);
    same_account.map(|other| engine.owner(other).tag()).collect()
}

fn change(
    op: &OperationId,
    receipt: &Receipt,
    stored: Option<OperationRecord>,
    now: Time,
    connection: &Connection,
    run: &str,
) -> Option<Change> {
    let state = State::Done { object: receipt.id.clone() };
    match stored {
        Some(stored) if matches!(stored.state, State::Done { .. }) => None,
        Some(stored) => Some(Change::Operation {
            was: stored.state.clone(),
            now: OperationRecord { state, problem: None, run: run.to_owned(), at: now, ..stored },
        }),
        None => Some(Change::Operation {
            was: State::New,
            now: OperationRecord {
                id: op.clone(),
                connection: connection.name.clone(),
                row: RowId(Default::default()),
                step: receipt.object.clone(),
                operation: String::new(),
                path: String::new(),
                body: Vec::new(),
                state,
                problem: None,
                run: run.to_owned(),
                at: now,
            },
        }),
    }
}
