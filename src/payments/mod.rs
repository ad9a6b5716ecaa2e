//! What becomes of invoices after they were sent.
//!
//! ```text
//! webhook ── receive ──┐
//!                      ├──► events in the ledger, once each ── apply ──► the invoice is read again ──► its payment
//! poll of the list  ───┘
//! ```
//!
//! Events are hints: whatever one says, the invoice is read again from the target, and what it is *now* is written down.
//! So their order, repetition and delay do not matter. [`state`] is pure; [`record`] is what the ledger keeps.

mod apply;
pub mod claim;
mod poll;
mod receive;
pub mod record;
mod state;
#[cfg(test)]
mod tests;

pub use apply::{Applied, Applying};
pub use claim::{ClaimRecord, ClaimState};
pub use poll::poll;
pub use receive::{receive, replay};
pub use record::{EventRecord, EventState, PaymentRecord, PaymentState, payments};
