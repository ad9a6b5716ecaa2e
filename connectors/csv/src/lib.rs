//! Rows from CSV files, and a results file beside them.
//!
//! A file is read as a stream: bytes are decoded ([`decode`]), cut into records ([`record`]), checked and counted
//! ([`reader`]) on a thread of their own, and handed over in batches ([`source`]). A file that is not whole, or that
//! changed while it was read ([`fingerprint`]), never gives a reading that ends well. Marks go into a copy beside the
//! file ([`writer`]); the file itself is never touched.
#![deny(missing_docs)]
// A problem ends a reading: its size is paid once, and boxing it would only burden the contract.
#![allow(clippy::result_large_err)]

mod config;
mod decode;
mod delimiter;
mod fingerprint;
mod harmless;
mod problems;
mod reader;
mod record;
mod source;
mod writer;

pub use config::CsvConfig;
pub use source::CsvSource;
