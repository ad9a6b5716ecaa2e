//! Records of rows that a survey needs: blank ones, their hashes, and those that are written without a request.

use rowbill_connector::Problem;

use super::engine::Engine;
use super::spool::Spool;
use super::survey::Scope;
use crate::config::Connection;
use crate::ledger::{Change, RowId, RowRecord, RowState};
use crate::mapping::identity::{Digest, digest, row_id};
use crate::mapping::row::{Outcome, Prepared};

/// So many records are committed at once.
const CHUNK: usize = 500;

/// The hash of what is to be sent.
pub fn request_digest(outcome: &Outcome) -> Digest {
    match outcome {
        Outcome::Ready(prepared) => prepared_digest(prepared),
        _ => Digest::default(),
    }
}

/// The hash of a prepared request.
pub fn prepared_digest(prepared: &Prepared) -> Digest {
    digest(&[&serde_json::to_vec(prepared).unwrap_or_default()])
}

/// A record to fill in.
pub fn blank(connection: &Connection, key: &[String], scope: &Scope<'_>) -> RowRecord {
    RowRecord {
        connection: connection.name.clone(),
        id: RowId(row_id(key)),
        key: key.to_vec(),
        state: RowState::Deferred,
        content: Digest::default(),
        request: Digest::default(),
        revision: 0,
        problem: None,
        objects: Vec::new(),
        members: Vec::new(),
        bound: None,
        run: scope.run.to_owned(),
        at: scope.now,
    }
}

/// Writes down what needs no request: rows that are there, and edits that do not matter.
pub async fn record(
    engine: &Engine,
    scope: &Scope<'_>,
    connection: &Connection,
    touched: Vec<RowRecord>,
    there: &mut Spool,
) -> Result<(), Problem> {
    let mut rows: Vec<RowRecord> = touched;
    let mut offset = 0;
    while rows.len() >= CHUNK || offset < there.length() {
        while rows.len() < CHUNK && offset < there.length() {
            let (key, content, request): (Vec<String>, Digest, Digest) = there.get(offset)?;
            offset = there.after(offset)?;
            rows.push(RowRecord { content, request, state: RowState::There, ..blank(connection, &key, scope) });
        }
        let rest = rows.split_off(rows.len().min(CHUNK));
        let chunk = std::mem::replace(&mut rows, rest);
        engine.ledger()?.commit(chunk.into_iter().map(Change::Row).collect()).await?;
    }
    if rows.is_empty() {
        return Ok(());
    }
    engine.ledger()?.commit(rows.into_iter().map(Change::Row).collect()).await
}
