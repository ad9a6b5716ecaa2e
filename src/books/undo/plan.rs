//! What can be taken back of a run, object by object. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::{Filter, OperationId, Problem, Receipt, SendError, Target};

use super::{Act, Deed, Undo};
use crate::config::{Action, Connection};
use crate::ledger::{Ledger, OperationRecord, RowId, RowRecord, RowState, RunRecord};
use crate::mapping::identity::Digest;
use crate::mapping::money::Minor;
use crate::protocol::State;
use crate::run::{Engine, history};

/// Looks at what a run has made and is still there.
pub async fn plan(engine: &Engine, connection: &Connection, run: RunRecord) -> Result<Undo, Problem> {
    if history::is_rebuilt(&run) {
        let message = "this is no run: the ledger was made again then, out of what earlier runs had made";
        return Err(Problem::new("undo.rebuilt", message).advise("undo its objects in Stripe, one by one"));
    }
    let ledger = engine.ledger()?;
    let line = engine.line(connection)?;
    let planning = Planning { engine, connection, ledger: &*ledger, target: line.target.as_ref() };
    let made = ledger.operations_of(&run.id).await?;
    let made: Vec<OperationRecord> = made.into_iter().filter(OperationRecord::is_done).collect();
    let nobodys = RowId(Digest::default());
    let rows: BTreeSet<RowId> = made.iter().map(|operation| operation.row).filter(|row| *row != nobodys).collect();
    let rows: Vec<RowId> = rows.into_iter().collect();
    let mut deeds = Vec::new();
    for row in ledger.rows(&connection.name, &rows).await?.into_iter().flatten() {
        let steps: BTreeSet<&str> =
            made.iter().filter(|operation| operation.row == row.id).map(|operation| operation.step.as_str()).collect();
        deeds.extend(planning.row(row.clone(), &steps).await?);
    }
    // Customers that were made on the way belong to no row. What goes with this undo does not tie them.
    let going = deeds.iter().filter(|deed: &&Deed| deed.act != Act::Leave).map(|deed| deed.object.clone()).collect();
    for operation in made.into_iter().filter(|operation| operation.step == "customer") {
        deeds.extend(planning.passing(operation, &going).await?);
    }
    Ok(Undo { run, deeds })
}

struct Planning<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    ledger: &'a dyn Ledger,
    target: &'a dyn Target,
}

/// What is to be done with an object, and why.
type Verdict = (Act, Option<String>);

fn leave(why: impl Into<String>) -> Verdict {
    (Act::Leave, Some(why.into()))
}

impl Planning<'_> {
    async fn row(&self, row: RowRecord, steps: &BTreeSet<&str>) -> Result<Option<Deed>, Problem> {
        let step = self.connection.action.name();
        let Some(object) = row.objects.iter().find(|object| object.step == step).cloned() else { return Ok(None) };
        let (act, why) = if row.state == RowState::Sending {
            leave("an operation of it is still open: run the connection first, then undo that run")
        } else if steps.iter().all(|step| step.starts_with("update_customer.")) {
            leave(
                "it was updated, and what it was before is not known: mend the row, and the next run updates it again",
            )
        } else {
            match self.look(&object.id).await? {
                None => (Act::Forget, Some("it is not there any more".to_owned())),
                Some(receipt) => self.verdict(&receipt).await?,
            }
        };
        let operations = if act == Act::Leave { Vec::new() } else { self.operations(&row).await? };
        let amount = amount(&row);
        Ok(Some(Deed { key: row.key.clone(), object: object.id, act, why, amount, row: Some(row), operations }))
    }

    async fn passing(&self, operation: OperationRecord, going: &BTreeSet<String>) -> Result<Option<Deed>, Problem> {
        let State::Done { object } = operation.state.clone() else { return Ok(None) };
        let (act, why) = match self.look(&object).await? {
            None => return Ok(None),
            Some(receipt) => match tied(self.target, &receipt.id, going).await? {
                None => (Act::Delete, Some("it was made on the way".to_owned())),
                Some(other) => tied_to(&other),
            },
        };
        Ok(Some(Deed { key: Vec::new(), object, act, why, amount: None, row: None, operations: vec![operation] }))
    }

    async fn verdict(&self, receipt: &Receipt) -> Result<Verdict, Problem> {
        match &self.connection.action {
            Action::CreateCustomer => Ok(match tied(self.target, &receipt.id, &BTreeSet::new()).await? {
                None => (Act::Delete, None),
                Some(other) => tied_to(&other),
            }),
            Action::AddInvoiceItem => self.item(receipt).await,
            Action::CreateInvoice(_) => Ok(invoice(receipt)),
            Action::OnInvoice(act) => Ok(leave(format!("{} is not taken back: see to it in Stripe", act.name()))),
        }
    }

    async fn item(&self, receipt: &Receipt) -> Result<Verdict, Problem> {
        let Some(invoice) = &receipt.invoice else { return Ok((Act::Delete, None)) };
        let on = self.look(invoice).await?;
        Ok(match on.as_ref().and_then(|invoice| invoice.status.as_deref()) {
            Some("void") => (Act::Forget, Some(format!("its invoice {invoice} is void"))),
            status => {
                let status = status.unwrap_or("of an unknown state");
                leave(format!("it is on invoice {invoice}, which is {status}: undo the run of the invoice first"))
            }
        })
    }

    /// An object; none when it is not there any more.
    async fn look(&self, id: &str) -> Result<Option<Receipt>, Problem> {
        match self.target.get(id).await {
            Ok(receipt) => Ok(Some(receipt).filter(|receipt| receipt.status.as_deref() != Some("deleted"))),
            Err(SendError::Refused(problem)) if problem.code.ends_with(".resource_missing") => Ok(None),
            Err(error) => Err(error.problem().clone()),
        }
    }

    /// All operations of a row that have made something.
    async fn operations(&self, row: &RowRecord) -> Result<Vec<OperationRecord>, Problem> {
        let owner = self.engine.owner(self.connection);
        let fixed = ["create_customer", "add_invoice_item", "create_invoice", "add_lines", "finalize", "send"];
        let items = row.objects.iter().map(|object| object.step.as_str()).filter(|step| step.starts_with("item."));
        let ids: Vec<OperationId> =
            fixed.into_iter().chain(items).map(|step| owner.operation(step, &row.key)).collect();
        let stored = self.ledger.operations(&ids).await?;
        Ok(stored.into_iter().flatten().filter(OperationRecord::is_done).collect())
    }
}

/// What is tied to a customer, so that it has to stay: an invoice that is not void, or an item that is on none.
pub(super) async fn tied(
    target: &dyn Target,
    customer: &str,
    going: &BTreeSet<String>,
) -> Result<Option<String>, Problem> {
    let of = Filter { customer: Some(customer.to_owned()), ..Filter::default() };
    let read = |error: SendError| error.problem().clone();
    let (free, owed): (Vec<Receipt>, Vec<Receipt>) = target
        .list("invoice", &of)
        .await
        .map_err(read)?
        .into_iter()
        .partition(|invoice| invoice.status.as_deref() == Some("void") || going.contains(&invoice.id));
    let is_loose =
        |item: &Receipt| !item.invoice.as_ref().is_some_and(|invoice| free.iter().any(|one| one.id == *invoice));
    let loose = target.list("invoiceitem", &of).await.map_err(read)?.into_iter().find(is_loose);
    Ok(owed.into_iter().next().or(loose).map(|other| other.id))
}

fn tied_to(other: &str) -> Verdict {
    leave(format!("{other} is the customer's: undo its run first"))
}

fn invoice(receipt: &Receipt) -> Verdict {
    match receipt.status.as_deref() {
        Some("draft") => (Act::Delete, None),
        Some("open" | "uncollectible") => (Act::Void, None),
        Some("void") => (Act::Forget, Some("it is void already".to_owned())),
        Some("paid") => leave("it is paid: refund it in Stripe"),
        _ => leave("its state is not known"),
    }
}

/// What a row was billed: its item, or those of its invoice that it made itself.
fn amount(row: &RowRecord) -> Option<Minor> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let items =
        row.objects.iter().filter(|object| object.step.starts_with("item.") || object.step == "add_invoice_item");
    for object in items {
        if let (Some(amount), Some(currency)) = (object.amount, &object.currency) {
            *sums.entry(currency.clone()).or_default() += amount;
        }
    }
    let (currency, amount) = sums.into_iter().next()?;
    Some(Minor { amount, currency })
}
