//! Takes back what one run has made, where the target still allows it: first a plan, then the deed.
//!
//! Rows that were undone stay so: they are left out until a person says `rows retry`.

mod plan;

use std::collections::BTreeSet;

use rowbill_connector::{Call, Problem, SendError};
use serde::Serialize;

use crate::config::Connection;
use crate::ledger::{Change, OperationRecord, RowId, RowRecord, RowState, RunRecord};
use crate::mapping::money::Minor;
use crate::protocol::WhenUnsure;
use crate::run::{Driven, Driver, Engine, Operation, adopt_once, forgotten, history};

pub use plan::plan;

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It is deleted.
    Delete,
    /// It is voided: it stays visible, and nobody owes it.
    Void,
    /// It is gone or void already; only the ledger is told.
    Forget,
    /// It stays: a person must see to it.
    Leave,
}

/// One object that a run has made, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The key of its row or group.
    pub key: Vec<String>,
    /// The object's id.
    pub object: String,
    /// What is to be done, or was.
    pub act: Act,
    /// Why it stays, or what else is to be known.
    pub why: Option<String>,
    /// What it is over.
    pub amount: Option<Minor>,
    row: Option<RowRecord>,
    /// What the ledger has to forget with it.
    operations: Vec<OperationRecord>,
}

/// What an undo would do.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The run that is undone.
    pub run: RunRecord,
    /// Its deeds, one for each object.
    pub deeds: Vec<Deed>,
}

impl Undo {
    /// How many objects there is something to be done with.
    pub fn to_do(&self) -> usize {
        self.deeds.iter().filter(|deed| deed.act != Act::Leave).count()
    }
}

/// Does what a plan says. What could not be done comes back as left, with the reason. The id of the run that did it.
pub async fn undo(engine: &Engine, connection: &Connection, undo: &mut Undo) -> Result<String, Problem> {
    let run = history::next_id();
    adopt_once(engine, connection, &run).await.map_err(|error| error.problem().clone())?;
    let driver = Driver::new(engine, connection, &run)?;
    let undoing = Undoing { engine, connection, driver };
    for deed in undo.deeds.iter_mut().filter(|deed| deed.act != Act::Leave) {
        if let Err(why) = undoing.carry_out(deed).await? {
            (deed.act, deed.why) = (Act::Leave, Some(why.message));
        }
    }
    let (all, done) = (undo.deeds.len() as u64, undo.to_do() as u64);
    let record = history::undone(&run, &undo.run, all, done, engine.clock.now());
    undoing.driver.ledger.commit(vec![Change::Run(record)]).await?;
    Ok(run)
}

struct Undoing<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    driver: Driver,
}

/// Done, or why not.
type Outcome = Result<Result<(), Problem>, Problem>;

impl Undoing<'_> {
    async fn carry_out(&self, deed: &mut Deed) -> Outcome {
        let done = match deed.act {
            Act::Delete if deed.row.is_none() => self.customer(&deed.object).await?,
            Act::Delete => self.delete(&deed.object).await,
            Act::Void => self.void(deed).await?,
            Act::Forget | Act::Leave => Ok(()),
        };
        if done.is_ok() {
            self.forget(deed).await?;
        }
        Ok(done)
    }

    /// A customer that was made on the way goes last, and only when all that was to go before it has gone.
    async fn customer(&self, id: &str) -> Outcome {
        match plan::tied(self.driver.line.target.as_ref(), id, &BTreeSet::new()).await? {
            None => Ok(self.delete(id).await),
            Some(other) => Ok(Err(Problem::new("undo.tied", format!("{other} is still there")))),
        }
    }

    /// Deleting twice leaves the same as once: it needs no intent.
    async fn delete(&self, id: &str) -> Result<(), Problem> {
        if let Some(halted) = self.driver.line.halted() {
            return Err(halted);
        }
        self.driver.line.target.delete(id).await.map_err(|error| {
            if let SendError::Halt(problem) = &error {
                self.driver.line.halt(problem.clone());
            }
            error.problem().clone()
        })
    }

    /// Voiding is an operation like any other: written down, sent under a key of its own, looked up when unclear.
    async fn void(&self, deed: &Deed) -> Outcome {
        let step = format!("void.{}", deed.object);
        let id = self.engine.owner(self.connection).operation(&step, &deed.key);
        let call = Call {
            operation: "POST /v1/invoices/{invoice}/void",
            path: vec![deed.object.clone()],
            params: indexmap::IndexMap::new(),
        };
        let request = self.driver.line.target.encode(&call);
        let stored = self.driver.ledger.operation(&id).await?;
        let operation = Operation { id, step, request, stored, retry: true, unsure: WhenUnsure::Resend };
        Ok(match self.driver.drive(operation, None, RowState::Done).await? {
            Driven::Done(_) => Ok(()),
            Driven::Failed(problem) | Driven::Review(problem) | Driven::Deferred(problem) => Err(problem),
        })
    }

    /// The ledger lets go of the object, and the row is left out until a person asks for another try.
    async fn forget(&self, deed: &Deed) -> Result<(), Problem> {
        let minute = self.engine.clock.minute();
        let mut changes: Vec<Change> = Vec::new();
        let mut let_go = |operation: &OperationRecord| {
            changes.push(Change::Operation { was: operation.state.clone(), now: forgotten(operation, minute) });
        };
        deed.operations.iter().for_each(&mut let_go);
        let items = self.items(deed).await?;
        items.iter().flat_map(|(_, operation)| operation).for_each(&mut let_go);
        changes.extend(items.into_iter().map(|(row, _)| Change::Row(row)));
        changes.extend(deed.row.as_ref().map(|row| Change::Row(self.left_out(row, &deed.object, deed.act))));
        self.driver.ledger.commit(changes).await
    }

    /// The rows whose items were on an undone invoice: free again where the items are still there, else undone too.
    async fn items(&self, deed: &Deed) -> Result<Vec<(RowRecord, Option<OperationRecord>)>, Problem> {
        let items = self.connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref());
        let (Some(items), Some(row)) = (items, &deed.row) else { return Ok(Vec::new()) };
        let items = self.engine.project.connection(items)?;
        let ids: Vec<RowId> = crate::run::invoiced(&row.members).iter().map(|member| RowId(*member)).collect();
        let mut told = Vec::new();
        for item in self.driver.ledger.rows(&items.name, &ids).await?.into_iter().flatten() {
            let Some(object) = item.objects.first().map(|object| object.id.clone()) else { continue };
            if item.bound.as_deref().is_some_and(|bound| bound != deed.object) {
                continue;
            }
            if self.is_pending(&object).await {
                told.push((RowRecord { bound: None, ..item }, None));
                continue;
            }
            let id = self.engine.owner(items).operation(items.action.name(), &item.key);
            let operation = self.driver.ledger.operation(&id).await?;
            let operation = operation.filter(OperationRecord::is_done);
            told.push((self.left_out(&item, &object, Act::Forget), operation));
        }
        Ok(told)
    }

    async fn is_pending(&self, item: &str) -> bool {
        let found = self.driver.line.target.get(item).await;
        found.is_ok_and(|item| item.invoice.is_none() && item.status.as_deref() != Some("deleted"))
    }

    fn left_out(&self, row: &RowRecord, object: &str, act: Act) -> RowRecord {
        let how = match act {
            Act::Delete => "deleted",
            Act::Void => "voided",
            Act::Forget | Act::Leave => "gone with what it was on",
        };
        let message = format!("undone: {object} was {how}");
        let problem = Problem::new("row.undone", message).advise("`rowbill rows retry NAME KEY` bills it again");
        RowRecord {
            state: RowState::Skipped,
            problem: Some(problem),
            objects: Vec::new(),
            members: Vec::new(),
            bound: None,
            run: self.driver.run.clone(),
            at: self.engine.clock.now(),
            ..row.clone()
        }
    }
}
