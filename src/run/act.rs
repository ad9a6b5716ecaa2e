//! Settles one row that does something to an invoice which is there: the invoice is found and read, what the row asks for
//! is judged, and then sent through the row protocol like anything else.

pub mod judge;
mod record_payment;

use rowbill_connector::{Bill, Call, Problem, Receipt, Request, SendError};

use self::judge::{Verdict, Wish};
use super::amounts::{amount_of, differs};
use super::customer::with_op;
use super::drive::{Driven, Operation};
use super::follow::{learn, money_of};
use super::index::Class;
use super::records::object_ref;
use super::report::Fate;
use super::row::{RowTask, Rows, Settled};
use crate::config::Act;
use crate::ledger::{ObjectRef, OperationRecord, RowId, RowState};
use crate::mapping::identity::row_id;
use crate::mapping::money::Minor;
use crate::mapping::object::ObjectName;
use crate::mapping::recipe::Prepared;
use crate::payments::record::invoice_of;
use crate::protocol::WhenUnsure;

/// Either what comes next, or how the row ends for now.
type Step<T> = Result<Result<T, Settled>, Problem>;

/// An invoice that a row names, and the row that made it.
pub struct Named {
    /// The invoice's id.
    pub invoice: String,
    /// The connection and the key of its row, where they are known.
    pub made_by: Option<(String, Vec<String>)>,
}

impl Rows<'_> {
    /// Does it, once.
    pub async fn act(&self, act: Act, mut task: RowTask) -> Result<Settled, Problem> {
        if act == Act::RecordPayment {
            return self.record_payment(task).await;
        }
        let settled = match task.stored.clone().filter(OperationRecord::is_under_way) {
            Some(open) => self.resume(act, &mut task, open).await?,
            None => self.begin(act, &mut task).await?,
        };
        match settled {
            Ok(settled) if task.class == Class::Resume => self.after_resume(task, settled).await,
            Ok(settled) | Err(settled) => Ok(settled),
        }
    }

    /// What was begun goes on with its own bytes.
    async fn resume(&self, act: Act, task: &mut RowTask, open: OperationRecord) -> Step<Settled> {
        let invoice = task.record.bound.clone().or_else(|| invoice_in(&open.path));
        let named = match (invoice, &task.spooled.prepared) {
            (Some(invoice), _) => Some(Named { invoice, made_by: None }),
            (None, Some(prepared)) => self.named(prepared).await?.ok(),
            (None, None) => None,
        };
        let Some(named) = named else { return self.not_now(task, RowState::NeedsReview, forgotten()).await.map(Err) };
        self.send(act, task, open.request(), &named).await
    }

    async fn begin(&self, act: Act, task: &mut RowTask) -> Step<Settled> {
        let Some(prepared) = task.spooled.prepared.clone() else { return Ok(Err(left_out(task))) };
        let named = match self.named(&prepared).await? {
            Ok(named) => named,
            Err(problem) => return self.not_now(task, RowState::Deferred, problem).await.map(Err),
        };
        let target = self.driver.line.target.as_ref();
        let bill = match money_of(target)?.bill(&named.invoice).await {
            Ok(bill) => bill,
            Err(error) => return self.unread(task, &error).await.map(Err),
        };
        if let Some(problem) = self.unfinished(act, &bill).await? {
            return self.not_now(task, RowState::Deferred, problem).await.map(Err);
        }
        // A ledger that was lost or restored does not know its own refund, after which nothing may be left.
        match self.made_before(act, task, &bill).await? {
            Ok(Some(receipt)) => return self.found(act, task, &receipt, &named).await.map(Ok),
            Ok(None) => {}
            Err(settled) => return Ok(Err(settled)),
        }
        let currencies = &self.engine.catalog.currencies;
        task.record.bound = Some(named.invoice.clone());
        match (Wish { act, bill: &bill, params: prepared.params.clone(), currencies }).judge() {
            Verdict::Already => self.already(act, task, &named).await.map(Ok),
            Verdict::Refused(problem) => self.not_now(task, RowState::Failed, problem).await.map(Err),
            Verdict::Do(call) => {
                let id = self.owner.operation(act.name(), &task.spooled.key);
                let made = act.makes().is_some();
                let call = if made { Call { params: with_op(call.params, &id.0), ..call } } else { call };
                accept(task);
                self.send(act, task, target.encode(&call), &named).await
            }
        }
    }

    async fn send(&self, act: Act, task: &mut RowTask, request: Request, named: &Named) -> Step<Settled> {
        let otherwise = if act == Act::Send { WhenUnsure::Ask } else { WhenUnsure::Resend };
        let operation = Operation {
            id: self.owner.operation(act.name(), &task.spooled.key),
            step: act.name().to_owned(),
            request,
            stored: task.stored.clone(),
            retry: task.record.asked_again(),
            unsure: self.connection.when_unsure.unwrap_or(otherwise),
        };
        match self.driver.drive(operation, Some(&mut task.record), RowState::Done).await? {
            Driven::Done(receipt) => {
                self.tell(named).await?;
                match came_to_nothing(act, &receipt) {
                    Some(problem) => self.ask_about(task, problem).await.map(Err),
                    None => Ok(Ok(Settled { fate: Fate::Done, problem: None, amount: moved(act, &receipt) })),
                }
            }
            Driven::Failed(problem) => Ok(Err(Settled::not(Fate::Failed, problem))),
            Driven::Review(problem) => Ok(Err(Settled::not(Fate::NeedsReview, problem))),
            Driven::Deferred(problem) => Ok(Err(Settled::not(Fate::Deferred, problem))),
        }
    }

    /// An invoice that a row of ours is still making, or that waits for a person, is not final, mailed or charged past
    /// that; while it is being made nothing is done to it at all.
    async fn unfinished(&self, act: Act, bill: &Bill) -> Result<Option<Problem>, Problem> {
        let Some(op) = &bill.op else { return Ok(None) };
        let ledger = self.driver.ledger.as_ref();
        let Some(made) = ledger.operation(op).await? else { return Ok(None) };
        let Some(row) = ledger.row(&made.connection, made.row).await? else { return Ok(None) };
        let goes_on = matches!(act, Act::Finalize | Act::Send | Act::Pay);
        let waits = match row.state {
            RowState::Sending => "is still being made",
            RowState::Failed | RowState::NeedsReview | RowState::Deferred if goes_on => "is not as its rows say yet",
            _ => return Ok(None),
        };
        let message = format!("invoice {} of {} {waits}", bill.invoice, row.key.join(", "));
        let advice = format!("it is taken up again by itself once `{}` has done that row", made.connection);
        Ok(Some(Problem::new("row.invoice_not_yet", message).advise(advice)))
    }

    /// The invoice that a row names.
    pub(super) async fn named(&self, prepared: &Prepared) -> Result<Result<Named, Problem>, Problem> {
        match &prepared.about {
            Some(ObjectName::From { connection, key }) => {
                let key = self.customers.compared(connection, key);
                let row = self.driver.ledger.row(connection, RowId(row_id(&key))).await?;
                let Some(row) = row.filter(|row| invoice_of(row).is_some()) else {
                    let message = format!("`{connection}` has made no invoice for {} yet", key.join(", "));
                    let advice = format!("it is taken up again by itself once `{connection}` has made it");
                    return Ok(Err(Problem::new("row.invoice_not_yet", message).advise(advice)));
                };
                let invoice = invoice_of(&row).unwrap_or_default().to_owned();
                Ok(Ok(Named { invoice, made_by: Some((connection.clone(), row.key)) }))
            }
            Some(ObjectName::Id(id)) => Ok(Ok(Named { invoice: id.clone(), made_by: None })),
            _ => Ok(Err(Problem::new("row.no_invoice", "the row names no invoice"))),
        }
    }

    /// It was so before: by hand, by another row, or by a ledger that was lost.
    async fn already(&self, act: Act, task: &mut RowTask, named: &Named) -> Result<Settled, Problem> {
        let (step, id) = (act.name().to_owned(), named.invoice.clone());
        self.done(task, ObjectRef { step, id, amount: None, currency: None, url: None }, named).await
    }

    /// An object with the mark of this row is there: a ledger that was lost or restored has made it.
    async fn found(&self, act: Act, task: &mut RowTask, receipt: &Receipt, named: &Named) -> Result<Settled, Problem> {
        let expected = task.spooled.prepared.as_ref().and_then(|prepared| amount_of(&prepared.params));
        if let Some(problem) = differs(receipt, expected.as_ref()).or_else(|| came_to_nothing(act, receipt)) {
            task.record.objects = vec![object_ref(act.name(), receipt)];
            task.record.bound = Some(named.invoice.clone());
            return self.ask_about(task, problem).await;
        }
        self.done(task, object_ref(act.name(), receipt), named).await
    }

    /// It is there, and not as it should be: a person looks.
    async fn ask_about(&self, task: &mut RowTask, problem: Problem) -> Result<Settled, Problem> {
        accept(task);
        task.record.members = vec![task.spooled.content, task.spooled.request];
        self.not_now(task, RowState::NeedsReview, problem).await
    }

    async fn made_before(&self, act: Act, task: &mut RowTask, bill: &Bill) -> Step<Option<Receipt>> {
        let Some(kind) = act.makes() else { return Ok(Ok(None)) };
        let id = self.owner.operation(act.name(), &task.spooled.key);
        let listed = money_of(self.driver.line.target.as_ref())?.made_of(kind, bill).await;
        match listed {
            Ok(made) => Ok(Ok(made.into_iter().find(|receipt| receipt.op.as_ref() == Some(&id)))),
            Err(error) => self.unread(task, &error).await.map(Err),
        }
    }

    pub(super) async fn done(&self, task: &mut RowTask, object: ObjectRef, named: &Named) -> Result<Settled, Problem> {
        accept(task);
        task.record.state = RowState::Done;
        task.record.problem = None;
        task.record.bound = Some(named.invoice.clone());
        task.record.objects = vec![object];
        self.commit(&mut task.record).await?;
        self.tell(named).await?;
        Ok(Settled { fate: Fate::Done, problem: None, amount: None })
    }

    /// The payment as it is now, for rows and reports. What cannot be read now is read after the next event.
    pub(super) async fn tell(&self, named: &Named) -> Result<(), Problem> {
        let target = self.driver.line.target.as_ref();
        let why = format!("connection {}", self.connection.name);
        learn(self.driver.ledger.as_ref(), money_of(target)?, named, self.driver.clock.now(), &why).await
    }

    /// It stays as it was, and says why.
    pub(super) async fn not_now(
        &self,
        task: &mut RowTask,
        state: RowState,
        problem: Problem,
    ) -> Result<Settled, Problem> {
        let fate = match state {
            RowState::Failed => Fate::Failed,
            RowState::NeedsReview => Fate::NeedsReview,
            _ => Fate::Deferred,
        };
        // What a person has asked for is not forgotten because it has to wait.
        if fate == Fate::Deferred && task.record.asked_again() {
            return Ok(Settled::not(fate, problem));
        }
        task.record.state = state;
        task.record.problem = Some(problem.clone());
        self.commit(&mut task.record).await?;
        Ok(Settled::not(fate, problem))
    }

    pub(super) async fn unread(&self, task: &mut RowTask, error: &SendError) -> Result<Settled, Problem> {
        self.driver.line.heed(error);
        match error {
            SendError::Refused(problem) => self.not_now(task, RowState::Failed, problem.clone()).await,
            other => Ok(Settled::not(Fate::Deferred, other.problem().clone())),
        }
    }
}

/// What the row says now is what is done.
fn accept(task: &mut RowTask) {
    task.record.content = task.spooled.content;
    task.record.request = task.spooled.request;
}

pub(super) fn left_out(task: &RowTask) -> Settled {
    let none = || Problem::new("row.skipped", "the row is left out now");
    Settled::not(Fate::Deferred, task.spooled.problem.clone().unwrap_or_else(none))
}

fn forgotten() -> Problem {
    Problem::new("row.unsure", "it was begun, and the ledger does not know for which invoice")
        .advise("look in Stripe; then `rowbill rows resolve NAME KEY --stripe-id ID`, or `--none` to send it again")
}

/// The invoice that a path is about.
fn invoice_in(path: &str) -> Option<String> {
    let id = path.strip_prefix("/v1/invoices/")?.split('/').next()?;
    id.starts_with("in_").then(|| id.to_owned())
}

/// A refund that the bank has sent back, or a credit note that was voided, is there and has no effect.
fn came_to_nothing(act: Act, receipt: &Receipt) -> Option<Problem> {
    let status = receipt.status.as_deref().filter(|status| matches!(*status, "failed" | "canceled" | "void"))?;
    act.makes()?;
    let message = format!("{} is there, and it is {status}: nothing came of it", receipt.id);
    Some(Problem::new("row.check_effect", message).advise(
        "look at it in Stripe; `rowbill rows accept NAME KEY` takes it so, a row of its own asks for another one",
    ))
}

/// What it has moved.
fn moved(act: Act, receipt: &Receipt) -> Option<Minor> {
    act.makes().and_then(|_| Minor::of(receipt.amount, receipt.currency.as_deref()))
}
