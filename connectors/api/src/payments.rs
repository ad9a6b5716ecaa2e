//! What becomes of an invoice after it was sent: who paid, what came back, what is disputed.

use async_trait::async_trait;

use crate::{IdempotencyKey, OperationId, Problem, Receipt, SendError};

/// The money of one invoice as the target tells it now. Amounts are minor units of `currency`, times seconds since 1970
/// UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// The invoice's id.
    pub invoice: String,
    /// The operation that made it, where it is one of ours.
    pub op: Option<OperationId>,
    /// The invoice's own state: `draft`, `open`, `paid`, `void`, `uncollectible`.
    pub status: String,
    /// Lower-case currency code.
    pub currency: String,
    /// What it is over.
    pub total: i64,
    /// What was to be paid, after the customer's balance.
    pub due: i64,
    /// What was paid, inside and outside of the target.
    pub paid: i64,
    /// What is left to pay.
    pub remaining: i64,
    /// What it has added to the customer's debt, instead of being paid: it was below the smallest charge.
    pub carried_over: i64,
    /// When it was paid.
    pub paid_at: Option<i64>,
    /// How often the target has tried to collect.
    pub attempts: u32,
    /// When it tries again.
    pub next_attempt: Option<i64>,
    /// Where the customer pays it.
    pub url: Option<String>,
    /// The payments that were begun for it.
    pub payments: Vec<Payment>,
    /// The disputes about them.
    pub disputes: Vec<Dispute>,
}

/// One payment of an invoice, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Its id at the target: a payment intent, a charge or a record of one.
    pub id: String,
    /// How far it came.
    pub stage: Stage,
    /// What it has brought in.
    pub amount: i64,
    /// What of that went back.
    pub refunded: i64,
    /// Whether the money came through the target, and not by bank, cash or another wallet.
    pub is_of_target: bool,
    /// Why the last try failed.
    pub failure: Option<String>,
}

impl Payment {
    /// The parameter that names it in requests: of an old charge another than of a payment intent.
    pub fn parameter(&self) -> &'static str {
        if self.id.starts_with("pi_") { "payment_intent" } else { "charge" }
    }
}

/// How far a payment came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// The customer has not tried to pay.
    #[default]
    Waiting,
    /// The customer must confirm it at the bank (3-D Secure).
    NeedsAction,
    /// It is on its way, as with bank debits.
    Processing,
    /// A try has failed, and the customer may try again.
    Failed,
    /// The money is there.
    Succeeded,
    /// Nothing more comes of it.
    Canceled,
}

/// A dispute about a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: String,
    /// What is disputed.
    pub amount: i64,
    /// Whether it is decided, and how: `Some(true)` is won, the money is ours again.
    pub won: Option<bool>,
    /// Until when evidence may be sent.
    pub due_by: Option<i64>,
}

/// Something that the target says has happened: a hint to read the object again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same happening has one, however often it is told.
    pub id: String,
    /// Its type: `invoice.paid`, `refund.created`, …
    pub kind: String,
    /// When it happened.
    pub created: i64,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The connected account that it is of, where it is of one.
    pub account: Option<String>,
    /// What it is about.
    pub subject: Subject,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The invoice with this id.
    Invoice(String),
    /// The payment intent with this id: invoices are found through their payments.
    Intent(String),
    /// The charge with this id, where nothing says more.
    Charge(String),
    /// Something that changes no payment.
    Other,
}

/// A target that takes money.
///
/// Contract: everything here only reads, and waits for the rate limits by itself. What [`Payments::bill`] gives is the
/// state of now, whatever event led to it; so events may come in any order, twice, or late.
#[async_trait]
pub trait Payments: Send + Sync {
    /// The money of an invoice, as it is now.
    async fn bill(&self, invoice: &str) -> Result<Bill, SendError>;

    /// The objects of a kind (`refund`, `credit_note`) that were made about an invoice.
    async fn made_of(&self, kind: &str, bill: &Bill) -> Result<Vec<Receipt>, SendError>;

    /// The invoices that a subject is about; none if it is about none.
    async fn invoices_of(&self, subject: &Subject) -> Result<Vec<String>, SendError>;

    /// What has happened at or after this second and may change a payment, the oldest first.
    async fn events_since(&self, since: i64) -> Result<Vec<Event>, SendError>;

    /// Reads one event again by its id.
    async fn event(&self, id: &str) -> Result<Event, SendError>;

    /// The addresses that the target delivers events to.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, SendError>;

    /// Has events delivered to this address from now on; the secret that they are signed with is told only once. The
    /// same key makes one endpoint, however often it is asked for.
    async fn add_endpoint(&self, url: &str, key: &IdempotencyKey) -> Result<(Endpoint, String), SendError>;

    /// Takes a delivery: its signature must be one of ours and its time near `now`. Sends nothing.
    fn receive(&self, delivery: &Delivery<'_>) -> Result<Event, Problem>;
}

/// An address that events are delivered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// The address.
    pub url: String,
    /// Whether the target delivers to it; it gives up on one that never answers.
    pub is_enabled: bool,
    /// The events that follow payments and that it does not get.
    pub lacks: Vec<String>,
}

/// A delivered event, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The header with the signatures.
    pub signature: &'a str,
    /// The raw body.
    pub body: &'a [u8],
    /// The secrets that may have signed it: more than one while a secret is being replaced.
    pub secrets: &'a [&'a str],
    /// Seconds since 1970 UTC.
    pub now: i64,
}
