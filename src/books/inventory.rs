//! Everything at an account that carries our mark.

use std::collections::{BTreeMap, HashMap};

use rowbill_connector::{Filter, OperationId, Problem, Receipt, SendError, Target};

use crate::protocol::Time;
use crate::run::{Engine, KINDS, listen};

/// The objects of one account that carry our mark, by operation.
#[derive(Debug, Default)]
pub struct Inventory {
    by_op: BTreeMap<OperationId, Vec<Receipt>>,
    by_id: HashMap<String, OperationId>,
    by_invoice: HashMap<String, Vec<String>>,
    /// When it was begun (seconds, UTC): what was made before is in it.
    pub begun: Time,
}

impl Inventory {
    /// Lists all objects, however old; never by search, which lags and does not know items.
    pub async fn take(target: &dyn Target, now: Time) -> Result<Self, SendError> {
        let mut inventory = Self { begun: now, ..Self::default() };
        for kind in KINDS {
            let all = Filter { fields: true, ..Filter::default() };
            for receipt in target.list(kind, &all).await? {
                inventory.add(receipt);
            }
        }
        Ok(inventory)
    }

    /// The inventories of all accounts of an engine, by name.
    pub async fn of_all(engine: &Engine) -> Result<BTreeMap<String, Self>, Problem> {
        let mut all = BTreeMap::new();
        for (name, line) in &engine.accounts {
            let target = line.target.as_ref();
            listen(target).await.map_err(|error| unread(name, &error))?;
            let taken = Self::take(target, engine.clock.now_for(target)).await.map_err(|error| unread(name, &error))?;
            all.insert(name.clone(), taken);
        }
        Ok(all)
    }

    fn add(&mut self, receipt: Receipt) {
        let Some(op) = receipt.op.clone().filter(|_| receipt.status.as_deref() != Some("deleted")) else { return };
        self.by_id.insert(receipt.id.clone(), op.clone());
        if let Some(invoice) = &receipt.invoice {
            self.by_invoice.entry(invoice.clone()).or_default().push(receipt.id.clone());
        }
        self.by_op.entry(op).or_default().push(receipt);
    }

    /// What an operation has made: of several objects the one that counts, which is not void.
    pub fn made(&self, op: &OperationId) -> Option<&Receipt> {
        let made = self.by_op.get(op)?;
        made.iter().find(|receipt| !self.is_void(receipt)).or(made.first())
    }

    /// The object with this id, if it is ours.
    pub fn object(&self, id: &str) -> Option<&Receipt> {
        self.by_op.get(self.by_id.get(id)?)?.iter().find(|receipt| receipt.id == id)
    }

    /// Our items on an invoice.
    pub fn items_on<'a>(&'a self, invoice: &str) -> impl Iterator<Item = &'a Receipt> {
        self.by_invoice.get(invoice).into_iter().flatten().filter_map(|id| self.object(id))
    }

    /// Operations with what they made, in the order of their ids.
    pub fn operations(&self) -> impl Iterator<Item = (&OperationId, &Receipt)> {
        self.by_op.keys().filter_map(|op| Some((op, self.made(op)?)))
    }

    /// What an operation made twice, if it did: objects that both count.
    pub fn doubles(&self, op: &OperationId) -> Vec<&Receipt> {
        let made = self.by_op.get(op).into_iter().flatten().filter(|receipt| !self.is_void(receipt));
        let made: Vec<&Receipt> = made.collect();
        if made.len() > 1 { made } else { Vec::new() }
    }

    /// Whether nobody owes anything for it: a void invoice, or an item that is on one.
    pub fn is_void(&self, receipt: &Receipt) -> bool {
        let is_void = |receipt: &Receipt| receipt.object == "invoice" && receipt.status.as_deref() == Some("void");
        let invoice = receipt.invoice.as_ref().and_then(|invoice| self.object(invoice));
        is_void(receipt) || invoice.is_some_and(is_void)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

fn unread(account: &str, error: &SendError) -> Problem {
    let problem = error.problem().clone();
    let message = format!("account `{account}` could not be read: {}; nothing was changed", problem.message);
    Problem { message, ..problem }
}
