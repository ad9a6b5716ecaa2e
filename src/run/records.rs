//! Records of rows that a survey needs: blank ones, their hashes, and those that are written without a request.

use rowbill_connector::{Problem, Receipt};

use super::engine::Engine;
use super::spool::Spool;
use super::survey::Scope;
use crate::config::Connection;
use crate::ledger::{Change, ObjectRef, RowId, RowRecord, RowState};
use crate::mapping::identity::{Digest, digest, row_id};
use crate::mapping::recipe::Prepared;
use crate::mapping::row::Outcome;

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

/// The hash of what is to be sent for a group: the invoice and its lines, in the order of the source.
pub fn group_digest<'a>(head: Option<&'a Prepared>, lines: impl Iterator<Item = Option<&'a Prepared>>) -> Digest {
    let each = std::iter::once(head).chain(lines).map(|prepared| prepared.map(prepared_digest).unwrap_or_default());
    let hashes: Vec<Digest> = each.collect();
    digest(&hashes.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>())
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
pub async fn record(engine: &Engine, touched: &mut Spool) -> Result<(), Problem> {
    let mut offset = 0;
    while offset < touched.length() {
        let mut changes = Vec::with_capacity(CHUNK);
        while changes.len() < CHUNK && offset < touched.length() {
            changes.push(Change::Row(touched.get(offset)?));
            offset = touched.after(offset)?;
        }
        engine.ledger()?.commit(changes).await?;
    }
    Ok(())
}

/// What a receipt leaves in the row's record.
pub fn object_ref(step: &str, receipt: &Receipt) -> ObjectRef {
    ObjectRef {
        step: step.to_owned(),
        id: receipt.id.clone(),
        amount: receipt.amount,
        currency: receipt.currency.clone(),
        url: receipt.url.clone(),
    }
}
