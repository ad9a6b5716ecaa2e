//! A lost ledger made again: what is at the target is matched with the rows of the sources.
//!
//! What people have decided (rows left out, edits accepted), the history and the schedules' positions are nowhere but in
//! the ledger, and stay lost.

mod invoices;

use std::collections::HashSet;
use std::sync::Arc;

use rowbill_connector::{OperationId, Problem, Receipt};
use serde::Serialize;

use super::Inventory;
use super::fields::compare;
use super::reader::{Reader, id_of};
use crate::config::{Act, Action, Connection, Duplicates, FirstRun};
use crate::ledger::{Change, Ledger, OperationRecord, RowId, RowRecord, RowState};
use crate::mapping::identity::{Digest, Owner};
use crate::mapping::row::{Mapped, Outcome};
use crate::protocol::State;
use crate::run::errand::select;
use crate::run::{Engine, Tally, history, object_ref, prepared_digest};

/// What was made again of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Its name.
    pub connection: String,
    /// Rows that the source has.
    pub rows: u64,
    /// Those whose objects were found.
    pub found: u64,
    /// Those of them whose objects are not as the rows say: for the next run they are edited rows.
    pub differ: u64,
    /// Rows without an object: the next run takes them for new, or `first_run: only_new` for rows that were there.
    pub without: u64,
    /// Invoices that are not as far as the mapping wants them: the next run goes on with them.
    pub under_way: u64,
    /// Open invoices that are taken for mailed: Stripe does not tell.
    pub taken_as_sent: u64,
    /// Objects of this connection for which the source has no row any more.
    pub gone: u64,
}

/// Fills the engine's ledger, which is new, from its accounts and from the sources of all connections.
pub async fn rebuild(engine: &Engine) -> Result<Vec<Rebuilt>, Vec<Problem>> {
    let one = |problem| vec![problem];
    let inventories = Inventory::of_all(engine).await.map_err(one)?;
    for (account, inventory) in &inventories {
        known(engine, account, inventory).await.map_err(one)?;
    }
    let mut all = Vec::new();
    for chosen in select(&engine.project, &[], true, false)? {
        let connection = engine.project.connection(&chosen.name).map_err(one)?;
        let Some(inventory) = inventories.get(&connection.account) else { continue };
        all.push(Rebuilding::new(engine, connection, inventory).map_err(one)?.all().await?);
    }
    Ok(all)
}

/// Every operation that has made something is on record, also those of rows that are gone: they may come back.
async fn known(engine: &Engine, account: &str, inventory: &Inventory) -> Result<(), Problem> {
    let connections = engine.project.connections.iter().filter(|connection| connection.account == account);
    let tags: Vec<(String, &str)> =
        connections.map(|connection| (engine.owner(connection).tag(), connection.name.as_str())).collect();
    let owner = |op: &OperationId| tags.iter().find(|(tag, _)| op.0.starts_with(tag.as_str())).or(tags.first());
    let mut changes = Vec::new();
    for (op, receipt) in inventory.operations() {
        let connection = owner(op).map(|(_, name)| (*name).to_owned()).unwrap_or_default();
        let now = bare(op, &connection, &receipt.object, &receipt.id, inventory.begun);
        changes.push(Change::Operation { was: State::New, now });
    }
    commit(engine, changes).await
}

/// An operation of which no more is known than what it made.
fn bare(op: &OperationId, connection: &str, step: &str, object: &str, at: i64) -> OperationRecord {
    OperationRecord {
        id: op.clone(),
        connection: connection.to_owned(),
        row: RowId(Digest::default()),
        step: step.to_owned(),
        operation: String::new(),
        path: String::new(),
        body: Vec::new(),
        state: State::Done { object: object.to_owned() },
        problem: None,
        run: String::new(),
        at,
    }
}

async fn commit(engine: &Engine, changes: Vec<Change>) -> Result<(), Problem> {
    let ledger = engine.ledger()?;
    for chunk in changes.chunks(500) {
        ledger.commit(chunk.to_vec()).await?;
    }
    Ok(())
}

struct Rebuilding<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    owner: Owner,
    inventory: &'a Inventory,
    ledger: Arc<dyn Ledger>,
    run: String,
    matched: HashSet<OperationId>,
    told: Rebuilt,
}

impl<'a> Rebuilding<'a> {
    fn new(engine: &'a Engine, connection: &'a Connection, inventory: &'a Inventory) -> Result<Self, Problem> {
        Ok(Self {
            engine,
            connection,
            owner: engine.owner(connection),
            inventory,
            ledger: engine.ledger()?,
            run: history::next_id(),
            matched: HashSet::new(),
            told: Rebuilt { connection: connection.name.clone(), ..Rebuilt::default() },
        })
    }

    async fn all(mut self) -> Result<Rebuilt, Vec<Problem>> {
        let one = |problem| vec![problem];
        let mut reader = Reader::open(self.engine, self.connection).await?;
        match &self.connection.action {
            Action::CreateInvoice(invoice) => self.groups(invoice, &mut reader).await.map_err(one)?,
            _ => self.rows(&mut reader).await.map_err(one)?,
        }
        let tag = self.owner.tag();
        let kind = self.connection.action.makes().unwrap_or_default();
        let ours = self.inventory.operations().filter(|(op, made)| op.0.starts_with(&tag) && made.object == kind);
        self.told.gone = ours.filter(|(op, _)| !self.matched.contains(op)).count() as u64;
        let tally = Tally {
            read: self.told.rows,
            done: self.told.found,
            deferred: self.told.rows - self.told.found,
            ..Tally::default()
        };
        let run = history::rebuilt(&self.run, self.connection, tally, self.inventory.begun);
        self.ledger.commit(vec![Change::Run(run)]).await.map_err(one)?;
        Ok(self.told)
    }

    async fn rows(&mut self, reader: &mut Reader<'_>) -> Result<(), Problem> {
        let mut seen = HashSet::new();
        while let Some(rows) = reader.next().await? {
            let mut changes = Vec::new();
            for wanted in rows {
                self.told.rows += 1;
                let Some(id) = id_of(&wanted.mapped.key) else { continue };
                if seen.insert(id) || self.connection.duplicates == Duplicates::Last {
                    changes.extend(self.row(&wanted.mapped)?);
                }
            }
            commit(self.engine, changes).await?;
        }
        Ok(())
    }

    fn row(&mut self, mapped: &Mapped) -> Result<Vec<Change>, Problem> {
        let op = self.owner.operation(self.connection.action.name(), &mapped.key);
        if let Some(receipt) = self.inventory.made(&op) {
            return self.found(op, mapped, receipt);
        }
        self.told.without += 1;
        let is_there = !matches!(mapped.outcome, Outcome::Skipped);
        let request = ready(mapped);
        let row = RowRecord { content: mapped.content, request, ..self.blank(&mapped.key, RowState::There) };
        if is_there && matches!(self.connection.action, Action::OnInvoice(Act::Send)) {
            return Ok(self.was_it_mailed(&op, row));
        }
        Ok(self.there(is_there, row))
    }

    /// Stripe does not tell whether an invoice was mailed: that is a question to a person.
    fn was_it_mailed(&self, op: &OperationId, row: RowRecord) -> Vec<Change> {
        let message = "the ledger was made again, and does not know whether the invoice was mailed";
        let problem = Problem::new("row.unsure", message).advise(
            "look at the invoice in Stripe; mailed: `rowbill rows resolve NAME KEY --stripe-id ID`; not mailed: `--none`",
        );
        let now = OperationRecord {
            row: row.id,
            state: State::Review { generation: 0 },
            operation: Act::Send.operation().to_owned(),
            problem: Some(problem.clone()),
            ..bare(op, &self.connection.name, Act::Send.name(), "", self.inventory.begun)
        };
        let row = RowRecord { state: RowState::NeedsReview, problem: Some(problem), ..row };
        vec![Change::Operation { was: State::New, now }, Change::Row(row)]
    }

    fn found(&mut self, op: OperationId, mapped: &Mapped, receipt: &Receipt) -> Result<Vec<Change>, Problem> {
        let step = self.connection.action.name();
        let line = self.engine.line(self.connection)?;
        let mut row = RowRecord {
            content: mapped.content,
            request: ready(mapped),
            objects: vec![object_ref(step, receipt)],
            bound: receipt.invoice.clone(),
            ..self.blank(&mapped.key, RowState::Done)
        };
        let mut now = bare(&op, &self.connection.name, step, &receipt.id, self.inventory.begun);
        (now.row, now.run) = (row.id, self.run.clone());
        if let Outcome::Ready(prepared) = &mapped.outcome {
            let compared = compare(line.target.as_ref(), prepared, receipt);
            now.body = compared.body();
            if !compared.differences.is_empty() {
                // The next run meets a row that is not as it was sent, and does with it what `on_change` says.
                (row.content, row.request) = Default::default();
                self.told.differ += 1;
            }
        }
        if self.matched.insert(op) {
            self.told.found += 1;
        }
        Ok(vec![Change::Operation { was: now.state.clone(), now }, Change::Row(row)])
    }

    /// What `first_run: only_new` has left alone cannot be told from what was never sent: it stays alone.
    fn there(&self, is_there: bool, row: RowRecord) -> Vec<Change> {
        let is_left_alone = is_there && self.connection.first_run == FirstRun::OnlyNew;
        if is_left_alone { vec![Change::Row(row)] } else { Vec::new() }
    }

    fn blank(&self, key: &[String], state: RowState) -> RowRecord {
        RowRecord {
            connection: self.connection.name.clone(),
            id: RowId(id_of(key).unwrap_or_default()),
            key: key.to_vec(),
            state,
            content: Digest::default(),
            request: Digest::default(),
            revision: 0,
            problem: None,
            objects: Vec::new(),
            members: Vec::new(),
            bound: None,
            run: self.run.clone(),
            at: self.inventory.begun,
        }
    }
}

fn ready(mapped: &Mapped) -> Digest {
    match &mapped.outcome {
        Outcome::Ready(prepared) => prepared_digest(prepared),
        _ => Digest::default(),
    }
}
