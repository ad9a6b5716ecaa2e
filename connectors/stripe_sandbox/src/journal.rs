//! The journal: every request and every committed change, in order, for tests to compare books with.
//!
//! It is written where requests come in and where the store changes, never by the code that replays answers, so that
//! a mistake there cannot hide a second object.

use std::collections::VecDeque;

use serde::Serialize;

use crate::lock::Lock;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// A request came in.
    Request(RequestEntry),
    /// An object was made, changed or deleted.
    Object(ObjectEntry),
}

/// A request, entered when it came in; its answer is filled in when it is given.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestEntry {
    /// Position in the journal, from 0.
    pub seq: u64,
    /// The sandbox's time, in seconds since 1970 UTC.
    pub at: i64,
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Method and path template, where the sandbox knows it.
    pub operation: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
    /// The body as it came (JSON: as text).
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
    /// The `Stripe-Version` header.
    pub version: Option<String>,
    /// The `Stripe-Account` header.
    pub account: Option<String>,
    /// The status of the answer; `None` while there is none, and for ever when the connection was dropped.
    pub status: Option<u16>,
    /// The error code or type of the answer.
    pub error: Option<String>,
    /// Answered from the store of earlier answers.
    pub replayed: bool,
    /// The `Request-Id` of the answer.
    pub request_id: Option<String>,
    /// The fault that was put on it, as JSON.
    pub fault: Option<String>,
}

/// A committed change.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectEntry {
    /// Position in the journal, from 0.
    pub seq: u64,
    /// The sandbox's time, in seconds since 1970 UTC.
    pub at: i64,
    /// The [`RequestEntry::seq`] of the request that did it; [`u64::MAX`] when a customer or a bank did.
    pub request: u64,
    /// What was done to it.
    pub change: Change,
    /// The object's id.
    pub id: String,
    /// `customer`, `invoiceitem`, `invoice`, `product`, `price`; `refund` and `credit_note` where they carry a `rowbill_op`.
    pub kind: &'static str,
    /// The `rowbill_op` of its metadata.
    pub rowbill_op: Option<String>,
    /// An item's amount or an invoice's total.
    pub amount: Option<i64>,
    /// Lower-case currency code.
    pub currency: Option<String>,
    /// The customer it belongs to.
    pub customer: Option<String>,
    /// The invoice that an item is on.
    pub invoice: Option<String>,
    /// An invoice's status.
    pub status: Option<&'static str>,
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was deleted.
    Deleted,
}

fn as_text<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&String::from_utf8_lossy(bytes))
}

#[derive(Debug)]
pub(crate) struct Journal {
    /// 0 switches the journal off; beyond it the oldest entries are forgotten.
    limit: usize,
    book: Lock<Book>,
}

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<Entry>,
    forgotten: u64,
}

impl Journal {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, book: Lock::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    pub(crate) fn request(&self, mut entry: RequestEntry) -> u64 {
        self.append(|seq| {
            entry.seq = seq;
            Entry::Request(entry)
        })
    }

    pub(crate) fn object(&self, mut entry: ObjectEntry) {
        self.append(|seq| {
            entry.seq = seq;
            Entry::Object(entry)
        });
    }

    /// Fills in the answer of a request.
    pub(crate) fn answered(&self, seq: u64, fill: impl FnOnce(&mut RequestEntry)) {
        let mut book = self.book.hold();
        let index = seq.checked_sub(book.forgotten).and_then(|index| usize::try_from(index).ok());
        if let Some(Entry::Request(entry)) = index.and_then(|index| book.entries.get_mut(index)) {
            fill(entry);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.book.hold().entries.iter().cloned().collect()
    }

    pub(crate) fn since(&self, seq: u64) -> Vec<Entry> {
        let book = self.book.hold();
        let skipped = usize::try_from(seq.saturating_sub(book.forgotten)).unwrap_or(usize::MAX);
        book.entries.iter().skip(skipped).cloned().collect()
    }

    fn append(&self, entry: impl FnOnce(u64) -> Entry) -> u64 {
        if !self.is_on() {
            return 0;
        }
        let mut book = self.book.hold();
        if book.entries.len() >= self.limit {
            book.entries.pop_front();
            book.forgotten += 1;
        }
        let seq = book.forgotten + book.entries.len() as u64;
        book.entries.push_back(entry(seq));
        seq
    }
}
