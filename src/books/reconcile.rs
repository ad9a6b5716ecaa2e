//! The three books compared: what is missing, what is too much, and where amounts differ. Nothing is changed.

mod invoices;
mod rows;

use std::collections::HashSet;
use std::sync::Arc;

use rowbill_connector::{Problem, Receipt, SendError};
use serde::Serialize;

use super::Inventory;
use super::reader::Reader;
use crate::config::{Action, Connection};
use crate::ledger::{Ledger, RowFilter, RowRecord, RowState};
use crate::mapping::identity::{Digest, Owner};
use crate::mapping::money::{Minor, display};
use crate::run::{Amounts, Engine};

/// One of the three books: how many, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Rows, or objects.
    pub count: u64,
    /// What they come to.
    pub amounts: Amounts,
}

impl Side {
    fn add(&mut self, minor: Option<&Minor>) {
        self.count += 1;
        if let Some(minor) = minor {
            self.amounts.add(&minor.currency, minor.amount);
        }
    }
}

/// What does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The ledger has an object that is not at the target.
    Missing,
    /// The target has an object of ours that the ledger does not know.
    Unknown,
    /// Source, ledger and target do not say the same amount.
    DifferentAmount,
    /// An operation has made two objects.
    Double,
    /// The object is there, and its row is gone from the source.
    Extra,
    /// The invoice is void: nobody owes it.
    Void,
}

impl Kind {
    /// Whether a person must look at it. Rows that were archived and invoices that were voided are somebody's will.
    pub fn is_wrong(self) -> bool {
        !matches!(self, Self::Extra | Self::Void)
    }
}

/// One row, group or object that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What does not agree.
    pub kind: Kind,
    /// The row's or group's key, where it is known.
    pub key: Vec<String>,
    /// The object's id.
    pub object: Option<String>,
    /// In words.
    pub message: String,
}

/// The three books of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Its name.
    pub connection: String,
    /// Its account.
    pub account: String,
    /// Rows of the source that can be sent; of an invoice connection its groups.
    pub source: Side,
    /// Rows and groups that the ledger calls done.
    pub ledger: Side,
    /// Their objects at the target, void ones left out.
    pub target: Side,
    /// Rows or groups of the source that are not billed yet.
    pub to_send: u64,
    /// What does not agree.
    pub findings: Vec<Finding>,
}

/// Compares connections with what is at their accounts.
pub async fn reconcile(engine: &Engine, connections: &[&Connection]) -> Result<Vec<Reconciled>, Vec<Problem>> {
    let one = |problem| vec![problem];
    let ledger = engine.ledger().map_err(one)?;
    let inventories = Inventory::of_all(engine).await.map_err(one)?;
    let mut all = Vec::new();
    for connection in connections {
        let Some(inventory) = inventories.get(&connection.account) else { continue };
        let comparing = Comparing::new(engine, connection, inventory, Arc::clone(&ledger));
        all.push(comparing.all().await?);
    }
    Ok(all)
}

struct Comparing<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    owner: Owner,
    inventory: &'a Inventory,
    ledger: Arc<dyn Ledger>,
    /// Rows or groups of the source.
    seen: HashSet<Digest>,
    /// Objects that the ledger knows.
    known: HashSet<String>,
    told: Reconciled,
}

impl<'a> Comparing<'a> {
    fn new(engine: &'a Engine, connection: &'a Connection, inventory: &'a Inventory, ledger: Arc<dyn Ledger>) -> Self {
        let (name, account) = (connection.name.clone(), connection.account.clone());
        let told = Reconciled { connection: name, account, ..Reconciled::default() };
        let owner = engine.owner(connection);
        Self { engine, connection, owner, inventory, ledger, seen: HashSet::new(), known: HashSet::new(), told }
    }

    async fn all(mut self) -> Result<Reconciled, Vec<Problem>> {
        let one = |problem| vec![problem];
        let mut reader = Reader::open(self.engine, self.connection).await?;
        match &self.connection.action {
            Action::CreateInvoice(invoice) => self.invoices(invoice, &mut reader).await.map_err(one)?,
            // What only changes an invoice has no object of its own to compare.
            Action::OnInvoice(act) if act.makes().is_none() => return Ok(self.told),
            _ => self.rows(&mut reader).await.map_err(one)?,
        }
        self.of_ledger().await.map_err(one)?;
        self.of_target();
        Ok(self.told)
    }

    /// Rows of the ledger that the source does not have any more.
    async fn of_ledger(&mut self) -> Result<(), Problem> {
        let mut filter = RowFilter { limit: 1000, ..RowFilter::default() };
        loop {
            let rows = self.ledger.list_rows(&self.connection.name, &filter).await?;
            let Some(last) = rows.last().map(|row| row.id) else { return Ok(()) };
            filter.after = Some(last);
            for row in rows {
                self.known.extend(row.objects.iter().map(|object| object.id.clone()));
                if !self.seen.contains(&row.id.0) {
                    self.gone(&row).await?;
                }
            }
        }
    }

    async fn gone(&mut self, row: &RowRecord) -> Result<(), Problem> {
        let Some(object) = main_object(self.connection, row) else { return Ok(()) };
        match self.there(&object).await? {
            Some(_) => self.find(
                Kind::Extra,
                &row.key,
                Some(&object),
                format!("{object} is there, and its row is gone from the source"),
            ),
            None => self.find(
                Kind::Missing,
                &row.key,
                Some(&object),
                format!("{object} is not there, and neither is its row"),
            ),
        }
        Ok(())
    }

    /// Objects of this connection that no row of the ledger knows, and operations that made two.
    fn of_target(&mut self) {
        let (tag, kind) = (self.owner.tag(), self.connection.action.makes().unwrap_or_default());
        let inventory = self.inventory;
        for (op, made) in inventory.operations().filter(|(op, _)| op.0.starts_with(&tag)) {
            let doubles = inventory.doubles(op);
            if !doubles.is_empty() {
                let ids: Vec<&str> = doubles.iter().map(|receipt| receipt.id.as_str()).collect();
                self.find(Kind::Double, &[], Some(&made.id), format!("one operation has made {}", ids.join(" and ")));
            }
            // An item that an invoice of its own lost, when a person deleted the draft, is nobody's.
            let is_loose = made.object == "invoiceitem" && made.invoice.is_none();
            if (made.object == kind || is_loose) && !self.known.contains(&made.id) && !inventory.is_void(made) {
                let message = format!("{} carries our mark, and no row of the ledger knows it", made.id);
                self.find(Kind::Unknown, &[], Some(&made.id), message);
            }
        }
    }

    /// An object that the ledger names; none when it is not at the target. One without our mark was adopted.
    async fn there(&self, id: &str) -> Result<Option<Receipt>, Problem> {
        if let Some(receipt) = self.inventory.object(id) {
            return Ok(Some(receipt.clone()));
        }
        match self.engine.line(self.connection)?.target.get(id).await {
            Ok(receipt) => Ok(Some(receipt).filter(|receipt| receipt.status.as_deref() != Some("deleted"))),
            Err(SendError::Refused(_)) => Ok(None),
            Err(error) => Err(error.problem().clone()),
        }
    }

    fn find(&mut self, kind: Kind, key: &[String], object: Option<&str>, message: String) {
        self.told.findings.push(Finding { kind, key: key.to_vec(), object: object.map(str::to_owned), message });
    }

    fn missing(&mut self, key: &[String], object: &str) {
        let message = format!("the ledger calls {object} done, and it is not there");
        self.find(Kind::Missing, key, Some(object), message);
    }

    /// What each book says, compared; a book that does not say anything cannot differ.
    fn amounts(&mut self, key: &[String], object: &str, said: [Option<Minor>; 3]) {
        let books = ["source", "ledger", "Stripe"].into_iter().zip(said);
        let told: Vec<(&str, Minor)> = books.filter_map(|(book, minor)| Some((book, minor?))).collect();
        if told.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return;
        }
        let currencies = &self.engine.catalog.currencies;
        let words: Vec<String> = told
            .iter()
            .map(|(book, minor)| format!("{book} {}", display(minor.amount, &minor.currency, currencies)))
            .collect();
        self.find(Kind::DifferentAmount, key, Some(object), format!("{object}: {}", words.join(", ")));
    }
}

/// The object that a row of a connection is about.
fn main_object(connection: &Connection, row: &RowRecord) -> Option<String> {
    let step = connection.action.name();
    Some(row.objects.iter().find(|object| object.step == step)?.id.clone())
}

/// Whether the ledger says that a row's object is whole.
fn is_made(row: &RowRecord) -> bool {
    matches!(row.state, RowState::Done | RowState::NeedsReview) && !row.objects.is_empty()
}
