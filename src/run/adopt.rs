//! Before the first send on an account: what carries our mark and is not in the ledger is adopted. That is what makes a
//! restored backup safe.

use std::collections::BTreeMap;

use rowbill_connector::{Filter, OperationId, Receipt, SendError, Target};

use super::engine::Engine;
use super::forgotten::has_forgotten;
use crate::config::Connection;
use crate::ledger::{Change, OperationRecord, RowId};
use crate::protocol::{State, Time};

/// How far before the last commit objects are listed: what was under way when the ledger was last written.
const MARGIN: Time = 10 * 60;
/// The kinds of objects that carry our mark.
pub const KINDS: [&str; 3] = ["customer", "invoiceitem", "invoice"];

/// Lists what was made since the ledger's last commit, once per account and process. An answer that does not come is a
/// reason not to send.
pub async fn adopt_once(engine: &Engine, connection: &Connection, run: &str) -> Result<(), SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    line.adopted.get_or_try_init(|| adopt(engine, connection, run)).await.copied()
}

async fn adopt(engine: &Engine, connection: &Connection, run: &str) -> Result<(), SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    let ledger = engine.ledger().map_err(SendError::Halt)?;
    let same_account = engine.project.connections.iter().filter(|other| other.account == connection.account);
    let names: Vec<&str> = same_account.map(|other| other.name.as_str()).collect();
    let target = line.target.as_ref();
    let found = match ledger.last_sent(&names).await.map_err(SendError::Halt)? {
        Some(at) if at <= engine.clock.now() => {
            target.list("customer", &Filter { at_most: Some(1), ..Filter::default() }).await?;
            // The ledger's times are ours, the objects' are the target's: a clock that is ahead must not hide anything.
            let since = at.min(engine.clock.now()) - MARGIN - ahead(engine, target);
            let mut found = Vec::new();
            for kind in KINDS {
                found.extend(target.list(kind, &Filter { created_since: Some(since), ..Filter::default() }).await?);
            }
            found
        }
        // This ledger never sent anything to the account, or by a clock that was ahead: a lost or new one must not take
        // old rows for new.
        _ => of_any_age(target, engine.clock.now()).await?,
    };
    let ours: Vec<(OperationId, Receipt)> = found
        .into_iter()
        .filter_map(|receipt| Some((receipt.op.clone()?, receipt)))
        // Also those of connections that are not configured now: they may come back.
        .filter(|(_, receipt)| receipt.status.as_deref() != Some("deleted"))
        .collect();
    let ids: Vec<OperationId> = ours.iter().map(|(op, _)| op.clone()).collect();
    let stored = ledger.operations(&ids).await.map_err(SendError::Halt)?;
    let mut changes: BTreeMap<&OperationId, Change> = BTreeMap::new();
    for ((op, receipt), stored) in ours.iter().zip(stored) {
        if let Some(change) = change(op, receipt, stored, engine.clock.mark(target), connection, run) {
            changes.insert(op, change);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    tracing::info!(adopted = changes.len(), "objects that the ledger did not know were adopted");
    // All of them at once: a part would move the mark past the rest.
    ledger.commit(changes.into_values().collect()).await.map_err(SendError::Halt)
}

/// Everything at the target that carries our mark: by search for any age, by list for the last hour, since a search
/// lags. What search does not know is listed as far back as the list goes.
pub async fn of_any_age(target: &dyn Target, now: Time) -> Result<Vec<Receipt>, SendError> {
    let searched = match target.search_ours().await {
        Err(SendError::Refused(_)) => None,
        searched => searched?,
    };
    let recent = searched.is_some().then_some(now - 3600);
    let mut found: Vec<Receipt> = searched.into_iter().flatten().collect();
    for kind in KINDS {
        let created_since = if kind == "invoiceitem" { None } else { recent };
        found.extend(target.list(kind, &Filter { created_since, ..Filter::default() }).await?);
    }
    found.retain(|receipt| receipt.op.is_some());
    Ok(found)
}

/// Whether an operation is one of these connections'.
pub fn is_ours(op: &OperationId, tags: &[String]) -> bool {
    tags.iter().any(|tag| op.0.starts_with(tag.as_str()))
}

/// By how much our clock is ahead of the target's.
fn ahead(engine: &Engine, target: &dyn Target) -> Time {
    let theirs = target.clock().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let theirs = theirs.and_then(|since| Time::try_from(since.as_secs()).ok());
    theirs.map_or(0, |theirs| (engine.clock.now() - theirs).max(0))
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
        Some(stored) if stored.is_done() || has_forgotten(&stored, &receipt.id) => None,
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
