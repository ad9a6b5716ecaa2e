//! Where requests go to.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use indexmap::IndexMap;

use crate::{Cash, Inspection, Param, Payments, Problem};

/// What to ask of a target: an operation of its [`crate::Catalog`] with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Method and path template, as in the catalog: `POST /v1/invoices/{invoice}/finalize`.
    pub operation: &'static str,
    /// What fills the `{…}` of the path, in order.
    pub path: Vec<String>,
    /// The parameters, in the order they were declared.
    pub params: IndexMap<String, Param>,
}

/// The exact bytes of a call. They are stored before they are sent, and sent again as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method and path template: what [`Target::find`] dispatches on.
    pub operation: String,
    /// The path with ids filled in.
    pub path: String,
    /// The encoded body.
    pub body: Vec<u8>,
}

/// Identifies one operation of one row, for ever. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub String);

/// The key under which the target recognises a repeated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

/// What the target said about one object: only what rowbill acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The object's id.
    pub id: String,
    /// The object's kind: `customer`, `invoiceitem`, `invoice`.
    pub object: String,
    /// When the target made it, in seconds since 1970 UTC.
    pub created: i64,
    /// Minor units: an item's amount, or an invoice's total.
    pub amount: Option<i64>,
    /// Minor units: an invoice's subtotal, before discounts and exclusive taxes.
    pub subtotal: Option<i64>,
    /// Lower-case currency code.
    pub currency: Option<String>,
    /// The id of the customer it belongs to.
    pub customer: Option<String>,
    /// The id of the invoice that an item is on.
    pub invoice: Option<String>,
    /// The object's own state: `draft`, `open`, `paid`, …; `deleted` for a deleted object.
    pub status: Option<String>,
    /// A customer's e-mail.
    pub email: Option<String>,
    /// The `rowbill_op` in its metadata.
    pub op: Option<OperationId>,
    /// Where a person can see it: an invoice's hosted page.
    pub url: Option<String>,
    /// The ids of invoice items behind an invoice's lines, when the answer held all of its lines.
    pub items: Vec<String>,
    /// All plain fields under the names that parameters have (`metadata[crm_id]`), where [`Filter::fields`] asked for
    /// them; an empty text stands for nothing.
    pub fields: BTreeMap<String, String>,
    /// Whether the target answered from its store of earlier answers.
    pub replayed: bool,
}

/// Why a request gave no receipt, named by what is known of its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The target looked at it and said no. Nothing was made; repeating it gives the same answer.
    Refused(Problem),
    /// The target did not take it up (rate limit, lock), or it may still be under way (no answer, connection lost, key
    /// in use). The same request under the same key is the right next step, after `wait` where given.
    NotSent {
        /// Whether it may be under way; else it is certain that this one was not taken up.
        open: bool,
        /// How long the target asked to wait.
        wait: Option<Duration>,
        /// What happened, for the record.
        problem: Problem,
    },
    /// It may have had its effect: a 5xx, or an answer that could not be read.
    Unknown(Problem),
    /// Nothing more may be sent to this account: key refused, wrong mode, a broken invariant.
    Halt(Problem),
}

impl SendError {
    /// What to tell a person.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Refused(problem) | Self::Unknown(problem) | Self::Halt(problem) | Self::NotSent { problem, .. } => {
                problem
            }
        }
    }
}

/// Which objects a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Made at or after this second (since 1970 UTC).
    pub created_since: Option<i64>,
    /// A customer's e-mail, compared exactly as the target compares it.
    pub email: Option<String>,
    /// The id of a customer.
    pub customer: Option<String>,
    /// The id of an invoice.
    pub invoice: Option<String>,
    /// Stop after this many objects.
    pub at_most: Option<usize>,
    /// With all of their plain fields.
    pub fields: bool,
}

/// What the target says about the account and the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetInfo {
    /// The account's id, where the key may read it.
    pub account: Option<String>,
    /// The target's clock at the last answer.
    pub clock: Option<SystemTime>,
}

/// A system that requests are sent to, seen through one account.
///
/// Contract: [`Target::send`] sends exactly the given bytes under exactly the given key, once per call; it never
/// retries by itself, never invents a key, and never reports a committed effect as [`SendError::Refused`]. It does not
/// wait either: the caller asks [`Target::ready`] first, so that it can look at the clock once more before the first
/// byte leaves. Everything that only reads waits for the rate limits by itself.
#[async_trait]
pub trait Target: Send + Sync {
    /// Encodes a call. Pure: equal calls give equal bytes.
    fn encode(&self, call: &Call) -> Request;

    /// Waits until the account's and the endpoint's rate limits allow one more request of this operation.
    async fn ready(&self, operation: &str);

    /// Sends a request once.
    async fn send(&self, request: &Request, key: &IdempotencyKey) -> Result<Receipt, SendError>;

    /// Looks up, by list and never by search, what `request` under `op` has made since `since` (seconds, UTC).
    /// `None` means that it is certain that nothing was made by a request that is no longer in flight.
    async fn find(&self, request: &Request, op: &OperationId, since: i64) -> Result<Option<Receipt>, SendError>;

    /// Reads one object by its id.
    async fn get(&self, id: &str) -> Result<Receipt, SendError>;

    /// Lists objects of a kind (`customer`, `invoiceitem`, `invoice`), newest first.
    async fn list(&self, object: &str, filter: &Filter) -> Result<Vec<Receipt>, SendError>;

    /// All objects of any age that carry a `rowbill_op`, as far as the target's search knows; `None` where the
    /// target cannot search.
    async fn search_ours(&self) -> Result<Option<Vec<Receipt>>, SendError>;

    /// Deletes an object that is nothing but a test.
    async fn delete(&self, id: &str) -> Result<(), SendError>;

    /// Asks whether the key works.
    async fn check(&self) -> Result<TargetInfo, SendError>;

    /// Looks what the account is, and what the key may do. Changes nothing.
    async fn inspect(&self) -> Result<Inspection, SendError>;

    /// What became of the invoices of this account, where the target tells.
    fn payments(&self) -> Option<&dyn Payments> {
        None
    }

    /// What the books of this account say, where the target tells.
    fn cash(&self) -> Option<&dyn Cash> {
        None
    }

    /// Where a person sees an object, for links.
    fn link(&self, id: &str) -> String;

    /// The target's clock as last heard: wall time of its newest answer, moved on by the time since. None before the first
    /// answer, and when this machine's own clock was set since the last one.
    fn clock(&self) -> Option<SystemTime>;
}
