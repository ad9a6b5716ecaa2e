//! Before the first send on an account: what carries our mark and is not in the ledger is adopted. That is what makes a
//! restored backup safe.

use std::collections::BTreeMap;

use rowbill_connector::{Filter, OperationId, Problem, Receipt, SendError, Target};

use super::engine::Engine;
use super::forgotten::has_forgotten;
use crate::config::Connection;
use crate::ledger::{Change, Ledger, OperationRecord, RowId, RowRecord, RowState};
use crate::protocol::{State, Time};

/// How far before the last commit objects are listed: what was under way when the ledger was last written.
const MARGIN: Time = 10 * 60;
/// The kinds of objects that carry our mark.
pub const KINDS: [&str; 3] = ["customer", "invoiceitem", "invoice"];

/// Lists what was made since the ledger's last commit, once per account and process. An answer that does not come is a
/// reason not to send.
pub async fn adopt_once(engine: &Engine, connection: &Connection, run: &str) -> Result<(), SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    line.adopted.get_or_try_init(|| adopt(engine, connection, run)).await.map(|_| ())
}

async fn adopt(engine: &Engine, connection: &Connection, run: &str) -> Result<Time, SendError> {
    let line = engine.line(connection).map_err(SendError::Halt)?;
    let ledger = engine.ledger().map_err(SendError::Halt)?;
    let same_account = engine.project.connections.iter().filter(|other| other.account == connection.account);
    let names: Vec<&str> = same_account.map(|other| other.name.as_str()).collect();
    let target = line.target.as_ref();
    listen(target).await?;
    let now = engine.clock.now_for(target);
    let found = match ledger.last_sent(&names).await.map_err(SendError::Halt)? {
        Some(at) if at <= now => {
            let filter = Filter { created_since: Some(at - MARGIN), ..Filter::default() };
            let mut found = Vec::new();
            for kind in KINDS {
                found.extend(target.list(kind, &filter).await?);
            }
            found
        }
        // This ledger never sent anything to the account: a lost or new one must not take old rows for new.
        _ => of_any_age(target, now).await?,
    };
    let ours: Vec<(OperationId, Receipt)> = found
        .into_iter()
        .filter_map(|receipt| Some((receipt.op.clone()?, receipt)))
        // Also those of connections that are not configured now: they may come back.
        .filter(|(_, receipt)| receipt.status.as_deref() != Some("deleted"))
        .collect();
    let ids: Vec<OperationId> = ours.iter().map(|(op, _)| op.clone()).collect();
    let stored = ledger.operations(&ids).await.map_err(SendError::Halt)?;
    let mut adopted: BTreeMap<&OperationId, Change> = BTreeMap::new();
    let mut rows: BTreeMap<(String, RowId), Change> = BTreeMap::new();
    for ((op, receipt), stored) in ours.iter().zip(stored) {
        if let Some(change) = change(op, receipt, stored.clone(), now, connection, run) {
            adopted.insert(op, change);
            let row = reopened(ledger.as_ref(), stored).await.map_err(SendError::Halt)?;
            rows.extend(row.map(|row| ((row.connection.clone(), row.id), Change::Row(row))));
        }
    }
    if adopted.is_empty() {
        return Ok(now);
    }
    tracing::info!(adopted = adopted.len(), "objects that the ledger did not know were adopted");
    // All of them at once: a part would move the mark past the rest.
    ledger.commit(adopted.into_values().chain(rows.into_values()).collect()).await.map_err(SendError::Halt)?;
    Ok(now)
}

/// The row of an operation that was refused or unsure, and whose object is there after all: it goes on.
async fn reopened(ledger: &dyn Ledger, stored: Option<OperationRecord>) -> Result<Option<RowRecord>, Problem> {
    let Some(stored) = stored.filter(|stored| !stored.is_open()) else { return Ok(None) };
    let row = ledger.row(&stored.connection, stored.row).await?;
    let waits = |row: &RowRecord| matches!(row.state, RowState::Failed | RowState::NeedsReview) && is_of_target(row);
    Ok(row.filter(waits).map(|row| RowRecord { state: RowState::Sending, problem: None, ..row }))
}

fn is_of_target(row: &RowRecord) -> bool {
    row.problem.as_ref().is_some_and(|problem| problem.code == "row.unsure" || problem.code.starts_with("stripe."))
}

/// Hears what time it is at the target: what was sent is as old as its clock says.
pub async fn listen(target: &dyn Target) -> Result<(), SendError> {
    target.list("customer", &Filter { at_most: Some(1), ..Filter::default() }).await.map(|_| ())
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
