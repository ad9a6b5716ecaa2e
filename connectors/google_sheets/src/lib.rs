//! Rows from a Google sheet, and marks back into it.
//!
//! A [`Login`] is a service account, shared by all sheets that it reads; a [`Budget`] is the quota that all requests of
//! the process share; a [`Pool`] makes one request of the readings of one spreadsheet that begin together. A
//! [`SheetsSource`] asks through a [`client`] that waits for the budget and tries again, turns the answer into rows
//! ([`reader`], [`cell`]), and writes marks where their keys stand now ([`writer`]), unless all stood there already.
#![deny(missing_docs)]
// A problem ends a reading: its size is paid once, and boxing it would only burden the contract.
#![allow(clippy::result_large_err)]

mod a1;
mod budget;
mod cell;
mod client;
mod config;
#[cfg(feature = "fake")]
pub mod fake;
mod login;
mod pool;
mod problems;
mod reader;
mod retry;
mod source;
mod table;
mod writer;

pub use budget::Budget;
pub use config::SheetsConfig;
pub use login::Login;
pub use pool::Pool;
pub use source::SheetsSource;
pub use table::SheetsTable;
