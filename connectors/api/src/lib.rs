//! The contract between rowbill and the systems it reads from and writes to.
//!
//! A [`Source`] gives [`Row`]s and takes [`Mark`]s back. A [`Target`] turns a [`Call`] into the exact bytes of a
//! [`Request`], sends them, and can look up what an earlier request has made. Everything a person reads is a
//! [`Problem`]. A [`Catalog`] says, as data, which operations a target has and which parameters they take. A [`Channel`]
//! tells people when something changes, and a [`Pinger`] tells a monitor that runs begin and end. [`Payments`] tells
//! what became of an invoice, and [`Cash`] what the account's books say.
//!
//! Reading order: [`row`], [`source`], [`problem`], [`catalog`], [`target`], [`payments`], [`cash`], [`notice`].
#![deny(missing_docs)]

pub mod cash;
pub mod catalog;
pub mod inspect;
pub mod notice;
pub mod payments;
pub mod problem;
pub mod row;
pub mod source;
#[cfg(feature = "suite")]
pub mod suite;
pub mod target;

pub use cash::{Cash, Entry, EntryKind, Owed, Part, Payout, Span};
pub use catalog::{Catalog, Currency, Operation, Param, Schema};
pub use inspect::{Grant, Inspection};
pub use notice::{Channel, Notice, Pinger, Signal};
pub use payments::{Bill, Delivery, Dispute, Endpoint, Event, Payment, Payments, Stage, Subject};
pub use problem::{Place, Problem};
pub use row::{Cell, Header, Row};
pub use source::{Layout, Mark, Reading, RowBatches, Source, SourceInfo, Written};
pub use target::{Call, Filter, IdempotencyKey, OperationId, Receipt, Request, SendError, Target, TargetInfo};
