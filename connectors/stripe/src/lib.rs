//! The Stripe target: sends stored bytes to one Stripe account, says what is known of their effect, and finds again
//! what an earlier request has made.
//!
//! ```text
//! Call ── encode ──► Request        pure; these bytes are stored before they are sent
//!         ready                     waits for the rate limits
//!         send    ──► Receipt, or SendError: refused, not sent, unknown, halt
//!         find    ──► Receipt?      by list and `rowbill_op`, never by search
//! ```
//!
//! Nothing here retries a write: that is the row protocol's business. Reads are repeated a few times by themselves.
//!
//! Reading order: `config` and `key` (what may be sent at all), `encode` (parameters to bytes), `limits` over `bucket`
//! (when), `http` over `transport` (one exchange), `outcome` with `refusal` and `advice` (what an answer means),
//! `receipt` (what is read of an object), `read` and `list` (asking), `find` (what became of a request), `payments` (who
//! paid an invoice, and events), `target` (all of it as a [`rowbill_connector::Target`]).
#![deny(missing_docs)]
#![allow(clippy::result_large_err, reason = "a problem is made for a person to read, not on a hot path")]

mod advice;
mod bucket;
mod clock;
mod config;
mod encode;
mod find;
mod http;
mod inspect;
mod key;
mod kind;
mod limits;
mod list;
mod outcome;
mod payments;
mod read;
mod receipt;
mod refusal;
mod search;
mod target;
mod transport;

pub use config::StripeConfig;
pub use key::KeyMode;
pub use limits::{Limits, Rate};
pub use payments::KINDS as EVENT_KINDS;
#[doc(hidden)]
pub use payments::{sign, verify};
#[doc(hidden)]
pub use read::meaning;
pub use target::StripeTarget;
pub use transport::{Lost, TOTAL, Transport};
