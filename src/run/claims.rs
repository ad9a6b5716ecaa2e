//! Payments by hand: claimed, and then confirmed or cancelled. A confirmation marks the invoice as paid outside of the
//! target, once, whatever fails; money that came through the target is never mixed with it.

use indexmap::IndexMap;
use rowbill_connector::{Bill, Call, Param, Payments, Problem};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::adopt::adopt_once;
use super::decision::find;
use super::drive::{Driven, Driver, Operation};
use super::engine::Engine;
use super::execute::refresh;
use super::follow::money_of;
use super::history::next_id;
use crate::config::Connection;
use crate::ledger::{Change, DocumentFilter, DocumentKind, OperationRecord, RowState};
use crate::mapping::money::{Money, display, to_minor};
use crate::payments::record::invoice_of;
use crate::payments::{ClaimRecord, ClaimState, PaymentRecord};
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

impl Claiming<'_> {
    /// Does it, and shows it in the source: the claim as it is then. What was done already is not done again.
    pub async fn take(&self, ask: &ClaimAsk) -> Result<ClaimRecord, Vec<Problem>> {
        let claim = self.taken(ask).await.map_err(|problem| vec![problem])?;
        if claim.state == ClaimState::Confirmed && self.connection.write_back.shows_payments() {
            refresh(self.engine, self.connection).await?;
        }
        Ok(claim)
    }

    async fn taken(&self, ask: &ClaimAsk) -> Result<ClaimRecord, Problem> {
        match ask {
            ClaimAsk::Claim { key, method, note } => self.claim(key, method, note.as_ref()).await,
            ClaimAsk::Confirm { id, amount, paid_on, reference } => {
                self.confirm(self.known(id).await?, amount, paid_on, reference.as_ref()).await
            }
            ClaimAsk::Cancel { id, reason } => self.cancel(self.known(id).await?, reason).await,
        }
    }

    async fn known(&self, id: &str) -> Result<ClaimRecord, Problem> {
        ClaimRecord::find(&*self.engine.ledger()?, id).await
    }

    /// Two people may say the same: an open claim of the same kind is the same claim.
    async fn claim(&self, key: &[String], method: &str, note: Option<&String>) -> Result<ClaimRecord, Problem> {
        let ledger = self.engine.ledger()?;
        let row = find(&*ledger, self.connection, key).await?;
        let Some(invoice) = invoice_of(&row).map(str::to_owned) else {
            let message = format!("there is no invoice of {} yet", row.key.join(", "));
            return Err(Problem::new("claims.no_invoice", message).advise("make it first: rowbill run-now NAME"));
        };
        let state = Some(ClaimState::Claimed.name().to_owned());
        let filter =
            DocumentFilter { state, ..DocumentFilter::of(DocumentKind::Claim, &self.connection.name, u32::MAX) };
        for document in ledger.list_documents(&filter).await? {
            let open = ClaimRecord::from_document(document)?;
            if open.invoice == invoice && open.method == method {
                return Ok(open);
            }
        }
        let mut claim = ClaimRecord {
            id: next_id(),
            connection: self.connection.name.clone(),
            state: ClaimState::Claimed,
            invoice,
            key: row.key,
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

    async fn cancel(&self, mut claim: ClaimRecord, reason: &str) -> Result<ClaimRecord, Problem> {
        match claim.state {
            ClaimState::Cancelled => return Ok(claim),
            ClaimState::Confirmed => return Err(settled(&claim)),
            ClaimState::Claimed => {}
        }
        let id = self.engine.owner(self.connection).operation(STEP, std::slice::from_ref(&claim.invoice));
        if self.engine.ledger()?.operation(&id).await?.is_some_and(|stored| stored.is_under_way()) {
            let message = format!("the claim {} is being confirmed: the invoice is or may be marked as paid", claim.id);
            return Err(Problem::new("claims.state", message).advise("confirm it once more to see what became of it"));
        }
        claim.state = ClaimState::Cancelled;
        claim.step("cancelled", self.by, self.engine.clock.now(), Some(reason.to_owned()));
        self.save(&claim).await?;
        Ok(claim)
    }

    async fn confirm(
        &self,
        mut claim: ClaimRecord,
        amount: &str,
        paid_on: &str,
        reference: Option<&String>,
    ) -> Result<ClaimRecord, Problem> {
        match claim.state {
            ClaimState::Confirmed => return Ok(claim),
            ClaimState::Cancelled => return Err(settled(&claim)),
            ClaimState::Claimed => {}
        }
        let run = next_id();
        adopt_once(self.engine, self.connection, &run).await.map_err(|error| error.problem().clone())?;
        let line = self.engine.line(self.connection)?;
        let target = money_of(line.target.as_ref())?;
        let bill = read(target, &claim.invoice).await?;
        let id = self.engine.owner(self.connection).operation(STEP, std::slice::from_ref(&claim.invoice));
        let stored = self.engine.ledger()?.operation(&id).await?;
        let amount = decimal(amount)?;
        let minor = to_minor(&Money { amount, currency: bill.currency.clone() }, &self.engine.catalog.currencies)?;
        if !stored.as_ref().is_some_and(OperationRecord::is_under_way) {
            self.fits(&bill, minor)?;
        }
        claim.amount = Some(minor);
        claim.currency = Some(bill.currency.clone());
        claim.paid_on = Some(paid_on.to_owned());
        claim.reference = reference.cloned();
        claim.step("confirming", self.by, self.engine.clock.now(), reference.cloned());
        self.save(&claim).await?;
        let params = IndexMap::from([("paid_out_of_band".to_owned(), Param::Bool(true))]);
        let path = vec![claim.invoice.clone()];
        let call = Call { operation: "POST /v1/invoices/{invoice}/pay", path, params };
        let (request, step) = (line.target.encode(&call), STEP.to_owned());
        let operation = Operation { id, step, request, stored, retry: true, unsure: WhenUnsure::Resend };
        let driver = Driver::new(self.engine, self.connection, &run)?;
        match driver.drive(operation, None, RowState::Done).await? {
            Driven::Done(_) => {}
            Driven::Failed(problem) | Driven::Review(problem) | Driven::Deferred(problem) => {
                return Err(problem.advise("the claim stays; confirm it once more, which never pays twice"));
            }
        }
        claim.state = ClaimState::Confirmed;
        claim.step("confirmed", self.by, self.engine.clock.now(), None);
        self.save(&claim).await?;
        self.follow(target, &claim).await?;
        Ok(claim)
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

    /// The payment as it is now, for rows and reports.
    async fn follow(&self, target: &dyn Payments, claim: &ClaimRecord) -> Result<(), Problem> {
        let ledger = self.engine.ledger()?;
        let bill = read(target, &claim.invoice).await?;
        let before = PaymentRecord::find(&*ledger, &claim.invoice).await?;
        let (connection, key) = (claim.connection.clone(), claim.key.clone());
        let now = self.engine.clock.now();
        let record = PaymentRecord::of(&bill, before, connection, key, now, &format!("claim {}", claim.id));
        ledger.commit(vec![Change::Document(record.document())]).await
    }

    async fn save(&self, claim: &ClaimRecord) -> Result<(), Problem> {
        self.engine.ledger()?.commit(vec![Change::Document(claim.document())]).await
    }
}

/// One for each invoice: it is marked as paid outside at most once.
const STEP: &str = "record_payment";

fn decimal(text: &str) -> Result<Decimal, Problem> {
    text.trim().parse().map_err(|_| {
        Problem::new("claims.amount", format!("`{text}` is not an amount"))
            .advise("write it with a point, without the currency: 80.00")
    })
}

async fn read(target: &dyn Payments, invoice: &str) -> Result<Bill, Problem> {
    target.bill(invoice).await.map_err(|error| error.problem().clone())
}

fn settled(claim: &ClaimRecord) -> Problem {
    Problem::new("claims.state", format!("the claim {} is {} already", claim.id, claim.state.name()))
        .advise("make a new one: rowbill payments claim NAME KEY")
}
