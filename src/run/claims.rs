//! Payments by hand: claimed, and then confirmed or cancelled. A confirmation marks the invoice as paid outside of the
//! target, once, whatever fails; money that came through the target is never mixed with it.

use indexmap::IndexMap;
use rowbill_connector::{Bill, Call, OperationId, Param, Problem, SendError, Stage};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::act::Named;
use super::adopt::adopt_once;
use super::decision::find;
use super::drive::{Driven, Driver, Operation};
use super::engine::{AccountLine, Engine};
use super::execute::refresh;
use super::follow::{learn, money_of};
use super::history::next_id;
use crate::config::{Act, Connection};
use crate::ledger::{Change, DocumentKind, OperationRecord, RowState};
use crate::mapping::money::{Money, display, to_minor};
use crate::payments::record::invoice_of;
use crate::payments::{ClaimRecord, ClaimState};
use crate::protocol::WhenUnsure;

/// What somebody asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimAsk {
    /// It was paid, they say.
    Claim {
        /// The key of the row.
        key: Vec<String>,
        /// How.
        method: String,
        /// What else they say.
        note: Option<String>,
    },
    /// The money is there.
    Confirm {
        /// The claim.
        id: String,
        /// How much came, in major units, with a point: `80.00`.
        amount: String,
        /// On which day.
        paid_on: String,
        /// What it can be found by at the bank.
        reference: Option<String>,
    },
    /// It is not, and will not be.
    Cancel {
        /// The claim.
        id: String,
        /// Why.
        reason: String,
    },
}

/// What is done with claims of one connection.
pub struct Claiming<'a> {
    /// What runs share; its ledger is written.
    pub engine: &'a Engine,
    /// The connection that made the invoice.
    pub connection: &'a Connection,
    /// Who asks.
    pub by: &'a str,
}

/// Why a claim stays as it was.
#[derive(Debug)]
pub enum Untaken {
    /// Somebody must change something.
    Refused(Problem),
    /// The answer is missing, or nothing may be sent now.
    Later(Problem),
    /// The ledger cannot be read or written.
    Broken(Problem),
}

impl From<Problem> for Untaken {
    fn from(problem: Problem) -> Self {
        Self::Broken(problem)
    }
}

impl Untaken {
    /// What to tell a person.
    pub fn problem(self) -> Problem {
        match self {
            Self::Refused(problem) | Self::Later(problem) | Self::Broken(problem) => problem,
        }
    }
}

/// How much came.
#[derive(Clone, Copy, Debug)]
pub enum Sum<'a> {
    /// As a person typed it, in major units of the invoice's currency.
    Typed(&'a str),
    /// In minor units of this currency.
    Minor(i64, &'a str),
}

/// What came, when, and under which name.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// How much.
    pub amount: Sum<'a>,
    /// On which day: `2026-11-27`.
    pub paid_on: &'a str,
    /// What it can be found by at the bank.
    pub reference: Option<&'a String>,
}

impl Claiming<'_> {
    /// Does it, and shows it in the source: the claim as it is then. What was done already is not done again.
    pub async fn take(&self, ask: &ClaimAsk) -> Result<ClaimRecord, Vec<Problem>> {
        let claim = self.taken(ask).await.map_err(|untaken| vec![untaken.problem()])?;
        if claim.state == ClaimState::Confirmed && self.connection.write_back.shows_payments() {
            refresh(self.engine, self.connection).await?;
        }
        Ok(claim)
    }

    async fn taken(&self, ask: &ClaimAsk) -> Result<ClaimRecord, Untaken> {
        match ask {
            ClaimAsk::Claim { key, method, note } => self.claim(key, method, note.as_ref()).await,
            ClaimAsk::Confirm { id, amount, paid_on, reference } => {
                let received = Received { amount: Sum::Typed(amount), paid_on, reference: reference.as_ref() };
                self.confirm(self.known(id).await?, &received).await
            }
            ClaimAsk::Cancel { id, reason } => self.cancel(self.known(id).await?, reason).await,
        }
    }

    async fn known(&self, id: &str) -> Result<ClaimRecord, Problem> {
        ClaimRecord::find(&*self.engine.ledger()?, id).await
    }

    /// Two people may say the same: an open claim of the same kind is the same claim.
    async fn claim(&self, key: &[String], method: &str, note: Option<&String>) -> Result<ClaimRecord, Untaken> {
        let ledger = self.engine.ledger()?;
        let row = find(&*ledger, self.connection, key).await?;
        let Some(invoice) = invoice_of(&row).map(str::to_owned) else {
            let message = format!("there is no invoice of {} yet", row.key.join(", "));
            let problem = Problem::new("claims.no_invoice", message);
            return Err(Untaken::Refused(problem.advise("make it first: rowbill run-now NAME")));
        };
        let open = ClaimRecord::list(&*ledger, &self.connection.name, Some(ClaimState::Claimed)).await?;
        if let Some(open) = open.into_iter().find(|open| open.invoice == invoice && open.method == method) {
            return Ok(open);
        }
        let named = Named { invoice, made_by: Some((self.connection.name.clone(), row.key)) };
        self.kept(next_id(), &named, method, note).await
    }

    /// The claim with this id, which is written down if it is new.
    pub async fn kept(
        &self,
        id: String,
        named: &Named,
        method: &str,
        note: Option<&String>,
    ) -> Result<ClaimRecord, Untaken> {
        if let Some(known) = self.engine.ledger()?.document(DocumentKind::Claim, &id).await? {
            return Ok(ClaimRecord::from_document(known)?);
        }
        let mut claim = ClaimRecord {
            id,
            connection: self.connection.name.clone(),
            state: ClaimState::Claimed,
            invoice: named.invoice.clone(),
            key: named.made_by.as_ref().map(|(_, key)| key.clone()).unwrap_or_default(),
            method: method.to_owned(),
            note: note.cloned(),
            amount: None,
            currency: None,
            paid_on: None,
            reference: None,
            history: Vec::new(),
        };
        claim.step("claimed", self.by, self.engine.clock.now(), note.cloned());
        self.save(&claim).await?;
        Ok(claim)
    }

    /// It did not come, and will not.
    pub async fn cancel(&self, mut claim: ClaimRecord, reason: &str) -> Result<ClaimRecord, Untaken> {
        match claim.state {
            ClaimState::Cancelled => return Ok(claim),
            ClaimState::Confirmed => return Err(Untaken::Refused(settled(&claim))),
            ClaimState::Claimed => {}
        }
        let id = self.engine.owner(self.connection).operation(STEP, std::slice::from_ref(&claim.invoice));
        let stored = self.engine.ledger()?.operation(&id).await?;
        if claim.was_sent() && stored.is_some_and(|stored| stored.is_under_way()) {
            let message = format!("the claim {} is being confirmed: the invoice is or may be marked as paid", claim.id);
            let problem = Problem::new("claims.state", message);
            return Err(Untaken::Refused(problem.advise("confirm it once more to see what became of it")));
        }
        claim.state = ClaimState::Cancelled;
        claim.step("cancelled", self.by, self.engine.clock.now(), Some(reason.to_owned()));
        self.save(&claim).await?;
        Ok(claim)
    }

    /// It came: the invoice is marked as paid outside, once.
    pub async fn confirm(&self, claim: ClaimRecord, received: &Received<'_>) -> Result<ClaimRecord, Untaken> {
        is_day(received.paid_on).map_err(Untaken::Refused)?;
        let line = self.engine.line(self.connection)?;
        // Two claims of one invoice are confirmed one after the other.
        let _alone = line.shared.persons.alone(&claim.invoice).await;
        let mut claim = self.known(&claim.id).await?;
        match claim.state {
            ClaimState::Confirmed => return Ok(claim),
            ClaimState::Cancelled => return Err(Untaken::Refused(settled(&claim))),
            ClaimState::Claimed => {}
        }
        let run = next_id();
        adopt_once(self.engine, self.connection, &run).await.map_err(|error| untaken(&line, &error))?;
        let target = money_of(line.target.as_ref())?;
        let bill = target.bill(&claim.invoice).await.map_err(|error| untaken(&line, &error))?;
        let id = self.engine.owner(self.connection).operation(STEP, std::slice::from_ref(&claim.invoice));
        let stored = self.engine.ledger()?.operation(&id).await?;
        let minor = self.minor(received.amount, &bill).map_err(Untaken::Refused)?;
        let is_under_way = stored.as_ref().is_some_and(OperationRecord::is_under_way);
        let is_taken = self.is_confirmed_by_another(&claim).await?;
        let is_own = is_under_way && claim.was_sent() && !is_taken;
        if is_own && claim.amount != Some(minor) {
            let begun = display(claim.amount.unwrap_or_default(), &bill.currency, &self.engine.catalog.currencies);
            let problem =
                Problem::new("claims.amount", format!("it was begun over {begun}, and its answer is missing"));
            return Err(Untaken::Refused(
                problem.advise("confirm that amount once more; what is then wrong is mended after"),
            ));
        }
        // Somebody has marked it as paid outside already, by just this: nothing is left to send.
        let is_so_already = stored.is_none() && !is_taken && paid_outside(&bill) == minor && bill.status == "paid";
        if !is_own && !is_so_already {
            self.fits(&bill, minor).map_err(Untaken::Refused)?;
            if is_under_way {
                return Err(Untaken::Refused(of_another(&bill)));
            }
        }
        claim.amount = Some(minor);
        claim.currency = Some(bill.currency.clone());
        claim.paid_on = Some(received.paid_on.to_owned());
        claim.reference = received.reference.cloned();
        claim.step("confirming", self.by, self.engine.clock.now(), received.reference.cloned());
        self.save(&claim).await?;
        if !is_so_already {
            self.mark_as_paid(&mut claim, id, stored, &run).await?;
        }
        claim.state = ClaimState::Confirmed;
        claim.step("confirmed", self.by, self.engine.clock.now(), None);
        self.save(&claim).await?;
        let made_by = Some((claim.connection.clone(), claim.key.clone()));
        let (named, why) = (Named { invoice: claim.invoice.clone(), made_by }, format!("claim {}", claim.id));
        learn(&*self.engine.ledger()?, target, &named, self.engine.clock.now(), &why).await?;
        Ok(claim)
    }

    /// The one operation of the invoice: a refusal is written down, so that it is not this claim's any more.
    async fn mark_as_paid(
        &self,
        claim: &mut ClaimRecord,
        id: OperationId,
        stored: Option<OperationRecord>,
        run: &str,
    ) -> Result<(), Untaken> {
        let params = IndexMap::from([("paid_out_of_band".to_owned(), Param::Bool(true))]);
        let path = vec![claim.invoice.clone()];
        let call = Call { operation: Act::RecordPayment.operation(), path, params };
        let (request, step) = (self.engine.line(self.connection)?.target.encode(&call), STEP.to_owned());
        let operation = Operation { id, step, request, stored, retry: true, unsure: WhenUnsure::Resend };
        let driver = Driver::new(self.engine, self.connection, run)?;
        let again = "the claim stays; confirm it once more, which never pays twice";
        match driver.drive(operation, None, RowState::Done).await? {
            Driven::Done(_) => Ok(()),
            Driven::Failed(problem) | Driven::Review(problem) => {
                claim.step("refused", self.by, self.engine.clock.now(), Some(problem.message.clone()));
                self.save(claim).await?;
                Err(Untaken::Refused(problem.advise(again)))
            }
            Driven::Deferred(problem) => Err(Untaken::Later(problem.advise(again))),
        }
    }

    async fn is_confirmed_by_another(&self, claim: &ClaimRecord) -> Result<bool, Problem> {
        let ledger = self.engine.ledger()?;
        let confirmed = ClaimRecord::list(&*ledger, &claim.connection, Some(ClaimState::Confirmed)).await?;
        Ok(confirmed.iter().any(|other| other.invoice == claim.invoice && other.id != claim.id))
    }

    fn minor(&self, amount: Sum<'_>, bill: &Bill) -> Result<i64, Problem> {
        match amount {
            Sum::Minor(minor, code) if code == bill.currency => Ok(minor),
            Sum::Minor(_, code) => {
                let (came, invoice) = (code.to_uppercase(), bill.currency.to_uppercase());
                let message = format!("the payment is in {came}, and invoice {} in {invoice}", bill.invoice);
                Err(Problem::new("row.currency_mismatch", message).advise("correct the currency of the row"))
            }
            Sum::Typed(text) => {
                let amount = decimal(text)?;
                to_minor(&Money { amount, currency: bill.currency.clone() }, &self.engine.catalog.currencies)
            }
        }
    }

    /// An invoice is marked as paid outside as a whole: what came must be what is left.
    fn fits(&self, bill: &Bill, minor: i64) -> Result<(), Problem> {
        let money = |amount| display(amount, &bill.currency, &self.engine.catalog.currencies);
        if !matches!(bill.status.as_str(), "open" | "uncollectible") {
            let message = format!("invoice {} is {}: nothing is left to pay", bill.invoice, bill.status);
            return Err(Problem::new("claims.nothing_left", message)
                .advise("cancel the claim with a reason, or pay the money back"));
        }
        if minor != bill.remaining {
            let message =
                format!("{} is left to pay on {}, and not {}", money(bill.remaining), bill.invoice, money(minor));
            return Err(Problem::new("claims.amount", message).advise(
                "an invoice is marked as paid as a whole; wait for the rest, or credit the difference in Stripe",
            ));
        }
        Ok(())
    }

    async fn save(&self, claim: &ClaimRecord) -> Result<(), Problem> {
        self.engine.ledger()?.commit(vec![Change::Document(claim.document())]).await
    }
}

/// A day as `2026-11-27`.
pub fn is_day(text: &str) -> Result<(), Problem> {
    let problem = || Problem::new("claims.date", format!("`{text}` is not a day")).advise("write it as 2026-11-27");
    text.parse::<jiff::civil::Date>().map(drop).map_err(|_| problem())
}

/// What came otherwise than through the target.
fn paid_outside(bill: &Bill) -> i64 {
    let of_target = bill.payments.iter().filter(|payment| payment.is_of_target && payment.stage == Stage::Succeeded);
    bill.paid - of_target.map(|payment| payment.amount).sum::<i64>()
}

/// The invoice is marked as paid once: that belongs to one claim.
fn of_another(bill: &Bill) -> Problem {
    Problem::new("claims.state", format!("another claim of invoice {} is being confirmed", bill.invoice))
        .advise("confirm that one once more, and cancel this one: rowbill payments list --claimed")
}

fn untaken(line: &AccountLine, error: &SendError) -> Untaken {
    line.heed(error);
    match error {
        SendError::Refused(problem) => Untaken::Refused(problem.clone()),
        other => Untaken::Later(other.problem().clone()),
    }
}

/// One for each invoice: it is marked as paid outside at most once.
const STEP: &str = "record_payment";

/// An amount as a person types it.
pub fn decimal(text: &str) -> Result<Decimal, Problem> {
    text.trim().parse().map_err(|_| {
        Problem::new("claims.amount", format!("`{text}` is not an amount"))
            .advise("write it with a point, without the currency: 80.00")
    })
}

/// Nothing more happens to it.
pub fn settled(claim: &ClaimRecord) -> Problem {
    Problem::new("claims.state", format!("the claim {} is {} already", claim.id, claim.state.name()))
        .advise("make a new one: rowbill payments claim NAME KEY")
}
