//! Payments and events as the ledger keeps them.

use std::collections::HashMap;

use rowbill_connector::{Bill, Event, Problem, Stage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{refunded, state_of, through_target};
use crate::ledger::{Document, DocumentKind, Ledger, RowRecord};
use crate::protocol::Time;

/// Where the payment of an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The invoice is not final.
    Draft,
    /// Nobody has paid.
    Open,
    /// The customer must confirm the payment at the bank (3-D Secure); it has not failed.
    RequiresAction,
    /// The last try has failed.
    Failed,
    /// All of it was paid.
    Paid,
    /// Some of it was paid.
    PartPaid,
    /// It was too little to charge, and went to the customer's balance: no money came.
    BelowMinimum,
    /// All that was paid went back.
    Refunded,
    /// Some of what was paid went back.
    PartRefunded,
    /// The customer disputes it, or has won a dispute.
    Disputed,
    /// The invoice does not count any more.
    Void,
    /// Given up.
    Uncollectible,
}

impl PaymentState {
    /// Its word, in JSON, tables and sheets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::RequiresAction => "requires_action",
            Self::Failed => "failed",
            Self::Paid => "paid",
            Self::PartPaid => "part_paid",
            Self::BelowMinimum => "below_minimum",
            Self::Refunded => "refunded",
            Self::PartRefunded => "part_refunded",
            Self::Disputed => "disputed",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }
}

/// The payment of one invoice. Amounts are minor units of `currency`, times seconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    /// The invoice's id.
    #[serde(skip)]
    pub invoice: String,
    /// The connection that made it.
    #[serde(skip)]
    pub connection: String,
    /// The key of its row, where it is known.
    pub key: Vec<String>,
    /// Where it stands.
    pub state: PaymentState,
    /// Lower-case currency code.
    pub currency: String,
    /// What the invoice is over.
    pub total: i64,
    /// What was paid.
    pub paid: i64,
    /// What of that came outside of the target.
    pub paid_outside: i64,
    /// What is left to pay.
    pub remaining: i64,
    /// What went back.
    pub refunded: i64,
    /// What is disputed.
    pub disputed: i64,
    /// When it was paid.
    pub paid_at: Option<Time>,
    /// How often the target tried to collect.
    pub attempts: u32,
    /// When it tries again.
    pub next_attempt: Option<Time>,
    /// Until when evidence for a dispute may be sent.
    pub due_by: Option<Time>,
    /// Why the last try failed.
    pub failure: Option<String>,
    /// Where the customer pays.
    pub url: Option<String>,
    /// How it came there, the oldest first.
    pub history: Vec<PaymentStep>,
    /// When it was last read.
    pub at: Time,
}

/// One change of a payment's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStep {
    /// The new state.
    pub state: PaymentState,
    /// What was paid by then.
    pub paid: i64,
    /// What had gone back by then.
    pub refunded: i64,
    /// When it was noticed.
    pub at: Time,
    /// The event that led to it.
    pub event: Option<String>,
}

impl PaymentRecord {
    /// What a bill makes of it, after what was known before.
    pub fn of(bill: &Bill, before: Option<Self>, connection: String, key: Vec<String>, now: Time, event: &str) -> Self {
        let state = state_of(bill);
        let mut history = before.map(|before| before.history).unwrap_or_default();
        let step =
            PaymentStep { state, paid: bill.paid, refunded: refunded(bill), at: now, event: Some(event.to_owned()) };
        let same =
            |last: &PaymentStep| (last.state, last.paid, last.refunded) == (step.state, step.paid, step.refunded);
        if !history.last().is_some_and(same) {
            history.push(step);
        }
        let open = bill.disputes.iter().filter(|dispute| dispute.won != Some(true));
        let failed = bill.payments.iter().rev().find(|payment| payment.stage == Stage::Failed);
        Self {
            invoice: bill.invoice.clone(),
            connection,
            key,
            state,
            currency: bill.currency.clone(),
            total: bill.total,
            paid: bill.paid,
            paid_outside: bill.paid - through_target(bill),
            remaining: bill.remaining,
            refunded: refunded(bill),
            disputed: open.clone().map(|dispute| dispute.amount).sum(),
            paid_at: bill.paid_at,
            attempts: bill.attempts,
            next_attempt: bill.next_attempt,
            due_by: open.filter_map(|dispute| dispute.due_by).min(),
            failure: failed.and_then(|payment| payment.failure.clone()),
            url: bill.url.clone(),
            history,
            at: now,
        }
    }

    /// As `-o json` prints it.
    pub fn value(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["invoice"] = self.invoice.clone().into();
        value
    }

    /// As the ledger keeps it.
    pub fn document(&self) -> Document {
        Document {
            kind: DocumentKind::Payment,
            id: self.invoice.clone(),
            owner: self.connection.clone(),
            state: self.state.name().to_owned(),
            record: json(self),
        }
    }

    /// What the ledger kept.
    pub fn from_document(document: Document) -> Result<Self, Problem> {
        let record: Self = read(&document)?;
        Ok(Self { invoice: document.id, connection: document.owner, ..record })
    }

    /// What is known of an invoice's payment.
    pub async fn find(ledger: &dyn Ledger, invoice: &str) -> Result<Option<Self>, Problem> {
        ledger.document(DocumentKind::Payment, invoice).await?.map(Self::from_document).transpose()
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It is written down, and nothing more.
    Pending,
    /// What it is about was read again.
    Applied,
    /// It is about nothing of ours.
    Ignored,
}

impl EventState {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Ignored => "ignored",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Pending, Self::Applied, Self::Ignored].into_iter().find(|state| state.name() == name)
    }
}

/// An event that was told, once for all tellings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its id.
    #[serde(skip)]
    pub id: String,
    /// The account.
    #[serde(skip)]
    pub account: String,
    /// Where it stands.
    #[serde(skip, default = "pending")]
    pub state: EventState,
    /// Its type.
    pub kind: String,
    /// When it happened.
    pub created: Time,
    /// When it was first told.
    pub received: Time,
    /// How it was first told.
    pub by: Way,
    /// What it is about: `invoice in_…`, `intent pi_…`, `charge ch_…`; nothing that changes a payment.
    pub subject: Option<(String, String)>,
}

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It was delivered to the webhook.
    Webhook,
    /// It was read from the list.
    Poll,
}

fn pending() -> EventState {
    EventState::Pending
}

impl EventRecord {
    /// An event as it was told.
    pub fn new(event: &Event, account: &str, by: Way, now: Time) -> Self {
        use rowbill_connector::Subject;
        let subject = match &event.subject {
            Subject::Invoice(id) => Some(("invoice", id)),
            Subject::Intent(id) => Some(("intent", id)),
            Subject::Charge(id) => Some(("charge", id)),
            Subject::Other => None,
        };
        Self {
            id: event.id.clone(),
            account: account.to_owned(),
            state: EventState::Pending,
            kind: event.kind.clone(),
            created: event.created,
            received: now,
            by,
            subject: subject.map(|(what, id)| (what.to_owned(), id.clone())),
        }
    }

    /// As the ledger keeps it.
    pub fn document(&self) -> Document {
        Document {
            kind: DocumentKind::Event,
            id: self.id.clone(),
            owner: self.account.clone(),
            state: self.state.name().to_owned(),
            record: json(self),
        }
    }

    /// What the ledger kept.
    pub fn from_document(document: Document) -> Result<Self, Problem> {
        let record: Self = read(&document)?;
        let state = EventState::of(&document.state).ok_or_else(|| unreadable(&document))?;
        Ok(Self { id: document.id, account: document.owner, state, ..record })
    }
}

/// The payments of these rows' invoices, by invoice.
pub async fn payments(ledger: &dyn Ledger, rows: &[&RowRecord]) -> Result<HashMap<String, PaymentRecord>, Problem> {
    let mut invoices: Vec<String> = rows.iter().filter_map(|row| invoice_of(row)).map(str::to_owned).collect();
    invoices.sort();
    invoices.dedup();
    let found = ledger.documents(DocumentKind::Payment, &invoices).await?;
    let records = found.into_iter().flatten().map(PaymentRecord::from_document);
    records.map(|record| record.map(|record| (record.invoice.clone(), record))).collect()
}

/// The invoice that a row is, or is on.
pub fn invoice_of(row: &RowRecord) -> Option<&str> {
    let own = row.objects.iter().find(|object| object.step == "create_invoice");
    own.map(|object| object.id.as_str()).or(row.bound.as_deref())
}

fn json<T: Serialize>(record: &T) -> String {
    serde_json::to_string(record).expect("it is plain JSON")
}

fn read<T: for<'de> Deserialize<'de>>(document: &Document) -> Result<T, Problem> {
    serde_json::from_str(&document.record).map_err(|_| unreadable(document))
}

fn unreadable(document: &Document) -> Problem {
    let message = format!("the {} {} of the ledger cannot be read", document.kind.name(), document.id);
    Problem::new("ledger.damaged", message).advise("restore a backup of the ledger")
}
