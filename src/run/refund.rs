//! A refund that a person asks for: planned first, then sent once. Each refund of an invoice has a number of its own, and
//! one whose answer is missing is settled before another one may begin.

use indexmap::IndexMap;
use rowbill_connector::{Bill, Call, Param, Problem, Receipt, SendError};
use serde::{Deserialize, Serialize};

use super::act::Named;
use super::act::judge::{Verdict, Wish};
use super::adopt::adopt_once;
use super::claims::decimal;
use super::customer::with_op;
use super::decision::find;
use super::drive::{Driven, Driver, Operation};
use super::engine::{AccountLine, Engine};
use super::execute::refresh;
use super::follow::{learn, money_of};
use super::history::next_id;
use crate::config::{Act, Connection};
use crate::ledger::{OperationRecord, RowState};
use crate::mapping::money::{Money, to_minor};
use crate::protocol::{State, WhenUnsure};

/// What a person asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundAsk {
    /// The key of the row whose invoice was paid.
    pub key: Vec<String>,
    /// How much, in major units of the invoice's currency; all that is left if none.
    pub amount: Option<String>,
    /// Stripe's word for why.
    pub reason: Option<String>,
    /// Only look what it would be.
    pub dry_run: bool,
    /// The number that a look at it has told: just this refund, and no other.
    pub number: Option<u32>,
}

/// A refund, as it is or would be. Amounts are minor units of `currency`.
#[derive(Clone, Debug, Serialize)]
pub struct Repaid {
    /// The connection that made the invoice.
    pub connection: String,
    /// The key of its row.
    pub key: Vec<String>,
    /// The invoice.
    pub invoice: String,
    /// Whether it is real money.
    pub livemode: bool,
    /// Lower-case currency code.
    pub currency: String,
    /// What was paid through the target.
    pub paid: i64,
    /// What of it had gone back before.
    pub refunded_before: i64,
    /// What goes back now.
    pub amount: i64,
    /// The refund's id, once it is there.
    pub refund: Option<String>,
    /// It was asked for earlier, and its answer was missing.
    pub is_earlier: bool,
    /// Which refund of the invoice it is, from 1.
    pub number: u32,
    /// What went wrong after it was done: it is done all the same.
    pub notes: Vec<Problem>,
}

/// Refunds invoices of one connection.
pub struct Refunding<'a> {
    /// What runs share.
    pub engine: &'a Engine,
    /// The connection that made the invoice.
    pub connection: &'a Connection,
    /// Who asks.
    pub by: &'a str,
}

impl Refunding<'_> {
    /// Plans it or does it, and shows it in the source.
    pub async fn take(&self, ask: &RefundAsk) -> Result<Repaid, Vec<Problem>> {
        let mut repaid = self.taken(ask).await.map_err(|problem| vec![problem])?;
        if !ask.dry_run && self.connection.write_back.shows_payments() {
            repaid.notes.extend(refresh(self.engine, self.connection).await.err().unwrap_or_default());
        }
        Ok(repaid)
    }

    async fn taken(&self, ask: &RefundAsk) -> Result<Repaid, Problem> {
        let ledger = self.engine.ledger()?;
        let row = find(&*ledger, self.connection, &ask.key).await?;
        let made = row.objects.iter().find(|object| object.step == "create_invoice");
        let Some(invoice) = made.map(|object| object.id.clone()) else {
            let message = format!("`{}` has made no invoice of {}", self.connection.name, row.key.join(", "));
            return Err(
                Problem::new("claims.no_invoice", message).advise("name the connection that makes the invoices")
            );
        };
        let line = self.engine.line(self.connection)?;
        let run = next_id();
        if !ask.dry_run {
            adopt_once(self.engine, self.connection, &run).await.map_err(|error| told(&line, &error))?;
        }
        let target = money_of(line.target.as_ref())?;
        let bill = target.bill(&invoice).await.map_err(|error| told(&line, &error))?;
        let made = target.made_of("refund", &bill).await.map_err(|error| told(&line, &error))?;
        let made_by = Some((self.connection.name.clone(), row.key.clone()));
        let named = Named { invoice, made_by };
        let mut repaid = self.before(&named, &bill);
        let operation = match self.next(&line, &bill, &made, ask).await? {
            Next::Send(number, operation) => {
                repaid.number = number;
                *operation
            }
            Next::Done(number, receipt) => {
                (repaid.number, repaid.amount) = (number, receipt.amount.unwrap_or_default());
                (repaid.refund, repaid.is_earlier) = (Some(receipt.id), true);
                return Ok(repaid);
            }
        };
        repaid.is_earlier = operation.stored.as_ref().is_some_and(OperationRecord::is_open);
        repaid.amount = super::amounts::field_sent(&operation.request.body, "amount")
            .and_then(|amount| amount.parse().ok())
            .unwrap_or_default();
        if ask.dry_run {
            return Ok(repaid);
        }
        let driver = Driver::new(self.engine, self.connection, &run)?;
        match driver.drive(operation, None, RowState::Done).await? {
            Driven::Done(receipt) => repaid.refund = Some(receipt.id),
            Driven::Failed(problem) | Driven::Review(problem) => return Err(problem),
            Driven::Deferred(problem) => {
                return Err(problem.advise("ask for it once more: it is the same refund until its answer is there"));
            }
        }
        let why = format!("refund by {}", self.by);
        repaid.notes.extend(learn(&*ledger, target, &named, self.engine.clock.now(), &why).await.err());
        Ok(repaid)
    }

    fn before(&self, named: &Named, bill: &Bill) -> Repaid {
        let of_target = bill.payments.iter().filter(|payment| payment.is_of_target);
        Repaid {
            connection: self.connection.name.clone(),
            key: named.made_by.as_ref().map(|(_, key)| key.clone()).unwrap_or_default(),
            invoice: named.invoice.clone(),
            livemode: self.engine.is_live(self.connection),
            currency: bill.currency.clone(),
            paid: of_target.clone().map(|payment| payment.amount).sum(),
            refunded_before: of_target.map(|payment| payment.refunded).sum(),
            amount: 0,
            refund: None,
            is_earlier: false,
            number: 0,
            notes: Vec::new(),
        }
    }

    /// The first refund of the invoice that is not there yet: a new one, or an earlier one whose answer is missing, which
    /// goes on as it was.
    async fn next(&self, line: &AccountLine, bill: &Bill, made: &[Receipt], ask: &RefundAsk) -> Result<Next, Problem> {
        let (ledger, owner) = (self.engine.ledger()?, self.engine.owner(self.connection));
        let mut number = 1_u32;
        let (id, stored) = loop {
            let id = owner.operation(STEP, &[bill.invoice.clone(), number.to_string()]);
            let stored = ledger.operation(&id).await?;
            // A ledger that was lost does not know it, and a refund that has failed at the bank is not one any more.
            let there = made.iter().find(|receipt| receipt.op.as_ref() == Some(&id));
            let is_open = stored.as_ref().is_some_and(|stored| matches!(stored.state, State::Intent(_)));
            if let (Some(receipt), true) = (there, ask.number == Some(number) && !is_open) {
                return Ok(Next::Done(number, Box::new(receipt.clone())));
            }
            match stored.as_ref().map(|stored| &stored.state) {
                Some(State::Intent(_)) => break (id, stored),
                Some(State::Done { .. }) => {}
                _ if there.is_some() => {}
                _ => break (id, stored),
            }
            number += 1;
        };
        if ask.number.is_some_and(|asked| asked != number) {
            let message = format!("the refunds of invoice {} have changed meanwhile; nothing was sent", bill.invoice);
            return Err(Problem::new("payments.changed", message).advise("look again: --dry-run"));
        }
        if let Some(open) = stored.clone().filter(OperationRecord::is_open) {
            let open = Operation { unsure: WhenUnsure::Resend, ..Operation::resumed(open) };
            return Ok(Next::Send(number, Box::new(open)));
        }
        let currencies = &self.engine.catalog.currencies;
        let mut params = IndexMap::new();
        if let Some(amount) = &ask.amount {
            let money = Money { amount: decimal(amount)?, currency: bill.currency.clone() };
            params.insert("amount".to_owned(), Param::Int(to_minor(&money, currencies)?));
        }
        params.extend(ask.reason.clone().map(|reason| ("reason".to_owned(), Param::Text(reason))));
        let call = match (Wish { act: Act::Refund, bill, params, currencies }).judge() {
            Verdict::Do(call) => call,
            Verdict::Refused(problem) => return Err(problem),
            Verdict::Already => return Err(Problem::new("row.nothing_left", "there is nothing to refund")),
        };
        let call = Call { params: with_op(call.params, &id.0), ..call };
        let request = line.target.encode(&call);
        let (step, unsure) = (STEP.to_owned(), WhenUnsure::Resend);
        Ok(Next::Send(number, Box::new(Operation { id, step, request, stored, retry: true, unsure })))
    }
}

/// What comes next of an invoice's refunds.
enum Next {
    /// This one is to be sent.
    Send(u32, Box<Operation>),
    /// The one that is asked for is there.
    Done(u32, Box<Receipt>),
}

/// The step of a refund by hand.
const STEP: &str = "refund";

fn told(line: &AccountLine, error: &SendError) -> Problem {
    line.heed(error);
    error.problem().clone()
}
