//! What a person decides about a row: try again, leave out, take the edit, say what became of it.

use std::sync::Arc;

use rowbill_connector::{OperationId, Problem, Receipt, SendError, Target};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::amounts::field_sent;
use super::lines::item_steps;
use super::members::asked_about;
use super::records::object_ref;
use crate::config::{Action, Connection};
use crate::ledger::{Change, Ledger, OperationRecord, RowId, RowRecord, RowState};
use crate::mapping::binding::normal;
use crate::mapping::column::clean;
use crate::mapping::identity::{Owner, row_id};
use crate::mapping::time;
use crate::payments::record::invoice_of;
use crate::payments::{PaymentRecord, payments};
use crate::protocol::{State, Time};

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Try a failed row again in the next run.
    Retry,
    /// Leave a row out from now on.
    Skip,
    /// Take the edited content of a row that was done.
    Accept,
    /// The object of a row whose answer was lost is there, and this is its id.
    Is(String),
    /// It is not there.
    IsNot,
}

/// What a decision is made with.
pub struct Deciding<'a> {
    /// The ledger.
    pub ledger: &'a dyn Ledger,
    /// The connection.
    pub connection: &'a Connection,
    /// Whom its operations belong to.
    pub owner: Owner,
    /// Opens the account, where an object is to be looked at.
    pub target: &'a (dyn Fn() -> Result<Arc<dyn Target>, Problem> + Send + Sync),
    /// Now.
    pub now: Time,
}

/// Finds the row with this key, as a person types it.
pub async fn find(ledger: &dyn Ledger, connection: &Connection, key: &[String]) -> Result<RowRecord, Problem> {
    let columns = connection.action.invoice().map_or(&connection.recipe.key, |invoice| &invoice.group_by);
    let key: Vec<String> = key
        .iter()
        .zip(columns)
        .map(|(text, name)| {
            let column = connection.recipe.columns.iter().find(|column| column.name == *name);
            let text = clean(text);
            column.map_or(text.clone(), |column| normal(text, &column.kind))
        })
        .collect();
    let row = ledger.row(&connection.name, RowId(row_id(&key))).await?;
    row.ok_or_else(|| {
        Problem::new("config.key", format!("the ledger knows no row {} of {}", key.join(","), connection.name))
            .advise("see `rowbill rows`; a key of several columns is one CSV record")
    })
}

/// Rows as `-o json` prints them, with the payments of their invoices.
pub async fn row_values(ledger: &dyn Ledger, rows: &[RowRecord]) -> Result<Vec<Value>, Problem> {
    let payments = payments(ledger, &rows.iter().collect::<Vec<_>>()).await?;
    let payment = |row| invoice_of(row).and_then(|invoice| payments.get(invoice));
    Ok(rows.iter().map(|row| row_value(row, payment(row))).collect())
}

fn row_value(row: &RowRecord, payment: Option<&PaymentRecord>) -> Value {
    json!({
        "key": row.key, "state": word(row.state), "objects": row.objects, "payment": payment.map(|payment| payment.state),
        "payment_details": payment.map(PaymentRecord::value), "problem": row.problem, "invoice": row.bound,
        "run": row.run, "at": time::display(row.at),
    })
}

/// The words of the equation; an open operation waits.
pub fn word(state: RowState) -> &'static str {
    match state {
        RowState::Done => "done",
        RowState::There => "already_there",
        RowState::Failed => "failed",
        RowState::NeedsReview => "needs_review",
        RowState::Deferred | RowState::Sending => "deferred",
        RowState::Skipped => "skipped",
    }
}

impl Deciding<'_> {
    /// Takes a decision about a row: the row as it is then, and what a person is told.
    pub async fn take(&self, key: &[String], decision: &Decision) -> Result<(RowRecord, String), Problem> {
        let row = find(self.ledger, self.connection, key).await?;
        let mut taker = Taker { with: self, row };
        let told = match decision {
            Decision::Retry => taker.retry().await?,
            Decision::Skip => taker.skip().await?,
            Decision::Accept => taker.accept().await?,
            Decision::Is(id) => taker.resolve(id).await?,
            Decision::IsNot => {
                if !taker.has_problem("row.unsure") {
                    return Err(nothing_to_resolve());
                }
                taker.again().await?
            }
        };
        Ok((taker.row, told))
    }
}

struct Taker<'a> {
    with: &'a Deciding<'a>,
    row: RowRecord,
}

impl Taker<'_> {
    async fn retry(&mut self) -> Result<String, Problem> {
        self.needs_state(
            &[RowState::Failed, RowState::NeedsReview, RowState::Deferred, RowState::Skipped],
            "tried again",
        )?;
        if self.has_problem("row.joined_after_invoice") {
            let problem = Problem::new("rows.state", "the invoice of this group is made; it is not made again");
            return Err(problem.advise("undo the edit, or take it: rowbill rows accept NAME KEY"));
        }
        if self.has_problem("row.unsure") {
            let problem = Problem::new("rows.unsure", "only a look into Stripe tells whether this was made");
            return Err(
                problem.advise("`rowbill rows resolve NAME KEY --stripe-id ID`, or `--none` if it is not there")
            );
        }
        self.again().await
    }

    async fn again(&mut self) -> Result<String, Problem> {
        let is_done = !self.row.objects.is_empty() && !self.is_group();
        self.row.state = if is_done { RowState::Done } else { RowState::Failed };
        self.row.problem = Some(Problem::new("row.retry", "it is tried again by the next run"));
        let told = format!("it is tried again by the next run: rowbill run-now {}", self.with.connection.name);
        self.save(&told, Vec::new()).await
    }

    async fn skip(&mut self) -> Result<String, Problem> {
        self.needs_state(&[RowState::Failed, RowState::NeedsReview, RowState::Deferred], "skipped")?;
        let draft = self.with.owner.operation(self.with.connection.action.name(), &self.row.key);
        if self.with.ledger.operation(&draft).await?.is_some_and(|draft| draft.is_open()) {
            let problem =
                Problem::new("rows.state", "an answer about this row is still missing: it cannot be skipped yet");
            return Err(problem.advise("run it once more, then decide: rowbill run-now NAME"));
        }
        self.row.state = RowState::Skipped;
        self.row.problem = Some(Problem::new("row.skipped_by_person", "a person said to leave it out"));
        self.save("it is left out from now on", Vec::new()).await
    }

    /// Takes exactly the edit that was put to the person.
    async fn accept(&mut self) -> Result<String, Problem> {
        if self.has_problem("row.check_amount") {
            return self.settle("the object is taken as it is in Stripe").await;
        }
        if self.is_group() && self.has_problem("row.check_total") {
            return self.accept_invoice().await;
        }
        let nothing = || {
            Problem::new("rows.nothing_to_accept", "no edit of this row waits for a decision")
                .advise("see `rowbill rows`")
        };
        if self.is_group() {
            self.row.members = asked_about(&self.row.members).ok_or_else(nothing)?.to_vec();
            return self
                .settle("the rows are taken as they are now; the invoice stays as it is, and the rest is not billed")
                .await;
        }
        let [content, request] = self.row.members[..] else { return Err(nothing()) };
        if matches!(self.with.connection.action, Action::CreateCustomer) {
            self.row.problem = Some(Problem::new("row.accepted", "the edit was accepted; the next run sends it"));
            return self.save("the next run updates the customer", Vec::new()).await;
        }
        self.row.content = content;
        self.row.request = request;
        self.row.members.clear();
        self.settle("the edit is accepted; what Stripe has stays as it is").await
    }

    /// The invoice is taken as it is in Stripe: only one that nobody can change any more.
    async fn accept_invoice(&mut self) -> Result<String, Problem> {
        let draft =
            self.row.objects.iter().find(|object| object.step == "create_invoice").map(|object| object.id.clone());
        let Some(id) = draft else { return Err(nothing_to_resolve()) };
        let receipt = (self.with.target)()?.get(&id).await.map_err(|error| error.problem().clone())?;
        if receipt.status.as_deref() == Some("draft") {
            let problem = Problem::new("rows.state", format!("invoice {id} is a draft, and would stay one"));
            return Err(problem.advise("correct or delete it in Stripe, then: rowbill rows retry NAME KEY"));
        }
        self.settle(&format!("invoice {id} is taken as it is in Stripe")).await
    }

    async fn settle(&mut self, told: &str) -> Result<String, Problem> {
        self.row.state = if self.row.objects.is_empty() { RowState::There } else { RowState::Done };
        self.row.problem = None;
        self.save(told, Vec::new()).await
    }

    fn has_problem(&self, code: &str) -> bool {
        self.row.problem.as_ref().is_some_and(|problem| problem.code == code)
    }

    fn is_group(&self) -> bool {
        matches!(self.with.connection.action, Action::CreateInvoice(_))
    }

    /// The person found the object: the open operation is done with it.
    async fn resolve(&mut self, id: &str) -> Result<String, Problem> {
        self.needs_state(&[RowState::NeedsReview], "resolved")?;
        let open = self.open_operation().await?;
        let receipt = (self.with.target)()?.get(id).await.map_err(|error| match error {
            SendError::Refused(problem) => problem.advise("check the id, and that it is of this account and mode"),
            other => other.problem().clone(),
        })?;
        fits(&open, &receipt)?;
        let was = open.state.clone();
        let now = OperationRecord { state: State::Done { object: receipt.id.clone() }, problem: None, ..open };
        let object = object_ref(&now.step, &receipt);
        self.row.objects.retain(|other| other.step != object.step);
        self.row.objects.push(object);
        self.row.state = if self.is_group() { RowState::Sending } else { RowState::Done };
        self.row.problem = None;
        self.save(&format!("{id} is this row's"), vec![Change::Operation { was, now }]).await
    }

    async fn open_operation(&self) -> Result<OperationRecord, Problem> {
        let owner = &self.with.owner;
        let action = self.with.connection.action.name();
        let mut steps = [action, "add_lines", "finalize", "send"].map(str::to_owned).to_vec();
        steps.extend(item_steps(&self.row.members));
        let ids: Vec<OperationId> = steps.iter().map(|step| owner.operation(step, &self.row.key)).collect();
        let stored = self.with.ledger.operations(&ids).await?;
        let is_open = |stored: &OperationRecord| matches!(stored.state, State::Review { .. });
        stored.into_iter().flatten().find(is_open).ok_or_else(nothing_to_resolve)
    }

    fn needs_state(&self, states: &[RowState], what: &str) -> Result<(), Problem> {
        if states.contains(&self.row.state) {
            return Ok(());
        }
        let message = format!("this row is {}: it cannot be {what}", word(self.row.state));
        Err(Problem::new("rows.state", message).advise("see `rowbill rows`"))
    }

    async fn save(&mut self, told: &str, mut changes: Vec<Change>) -> Result<String, Problem> {
        self.row.at = self.with.now;
        changes.push(Change::Row(self.row.clone()));
        self.with.ledger.commit(changes).await?;
        Ok(told.to_owned())
    }
}

fn nothing_to_resolve() -> Problem {
    Problem::new("rows.nothing_to_resolve", "no operation of this row waits for a decision")
        .advise("see `rowbill rows`")
}

/// Whether an object can be what an operation made: its kind, its mark, its amount.
fn fits(open: &OperationRecord, receipt: &Receipt) -> Result<(), Problem> {
    let wrong = |what: String| {
        let message = format!("{} is not what this row was sent as: {what}", receipt.id);
        Err(Problem::new("rows.other_object", message).advise("check the id in Stripe; nothing was changed"))
    };
    let kind = match open.operation.as_str() {
        "POST /v1/customers" => "customer",
        "POST /v1/invoiceitems" => "invoiceitem",
        "POST /v1/refunds" => "refund",
        "POST /v1/credit_notes" => "credit_note",
        _ => "invoice",
    };
    if receipt.object != kind {
        return wrong(format!("it is of the kind {}, not {kind}", receipt.object));
    }
    if let Some(op) = receipt.op.as_ref().filter(|op| kind != "invoice" && **op != open.id) {
        return wrong(format!("it carries the mark of another operation ({})", op.0));
    }
    let sent = field_sent(&open.body, "amount").and_then(|amount| amount.parse::<i64>().ok());
    match (sent, receipt.amount) {
        (Some(sent), Some(amount)) if kind != "invoice" && sent != amount => {
            wrong(format!("it is over {amount}, not {sent} (in minor units)"))
        }
        _ => Ok(()),
    }
}
