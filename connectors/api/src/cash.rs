//! The money of an account over a span of time: what moved its balance, what went to the bank, what was invoiced.
//! Amounts are minor units of their own currency, times seconds since 1970 UTC.

use async_trait::async_trait;

use crate::SendError;

/// From one second up to another, which is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first second.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
}

impl Span {
    /// Whether something happened in it.
    pub fn holds(self, at: i64) -> bool {
        self.from <= at && at < self.until
    }
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A customer paid, or such a payment failed afterwards.
    Charge,
    /// Money went back to a customer, or a refund failed.
    Refund,
    /// A dispute took money, or gave it back.
    Dispute,
    /// What the target takes for itself, or gives back of that.
    Fee,
    /// Money went to the bank, or came back from it.
    Payout,
    /// Anything else, by the target's own name.
    Other(String),
}

/// One movement of the balance, as the target has booked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub kind: EntryKind,
    /// What moved, before fees; negative for what leaves.
    pub amount: i64,
    /// What was kept of it.
    pub fee: i64,
    /// What the balance has changed by.
    pub net: i64,
    /// Lower-case code of the balance's currency.
    pub currency: String,
    /// When it was booked.
    pub created: i64,
    /// When the money can be used.
    pub available: i64,
    /// The id of what it is about.
    pub source: Option<String>,
}

/// Money on its way to the bank, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: String,
    /// How much.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// When it was begun.
    pub created: i64,
    /// When the bank is expected to have it.
    pub arrival: i64,
    /// Whether the bank does not have it yet.
    pub is_on_its_way: bool,
}

/// An invoice that is or was owed. Its amounts are those of now; what was true earlier follows from the times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Its id.
    pub id: String,
    /// Lower-case currency code.
    pub currency: String,
    /// What it is over.
    pub total: i64,
    /// What was to be paid, after the customer's balance and credit notes.
    pub due: i64,
    /// What was paid, inside and outside of the target.
    pub paid: i64,
    /// When it was finalized: from then on it was owed.
    pub finalized: i64,
    /// Until when it was to be paid.
    pub due_by: Option<i64>,
    /// When it was paid in full.
    pub paid_at: Option<i64>,
    /// When it was voided.
    pub voided_at: Option<i64>,
    /// When it was given up as uncollectible.
    pub given_up_at: Option<i64>,
    /// What has come in for it, as far as the target has a record of it.
    pub parts: Vec<Part>,
}

/// Money that came in for an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// When.
    pub at: i64,
    /// How much.
    pub amount: i64,
    /// Whether it came through the target, and not by bank, cash or another wallet.
    pub is_of_target: bool,
}

/// A target that keeps an account's books.
///
/// Contract: everything here only reads, and waits for the rate limits by itself. An answer is whole or an error: what
/// cannot be read is never left out, and never taken for zero.
#[async_trait]
pub trait Cash: Send + Sync {
    /// All that was booked in a span, in every currency.
    async fn entries(&self, span: Span) -> Result<Vec<Entry>, SendError>;

    /// The payouts that were begun in a span.
    async fn payouts(&self, span: Span) -> Result<Vec<Payout>, SendError>;

    /// The finalized invoices that were made in a span, and those made before it that are open still.
    async fn owed(&self, span: Span) -> Result<Vec<Owed>, SendError>;
}
