//! Makes reports: reads the books of the accounts, and writes what comes of them where it is wanted.
//!
//! [`make`] reads and sums, [`file`] writes a file whole or not at all, [`job`] does both for a report that `rowbill.yaml`
//! schedules.

pub mod file;
pub mod job;
pub mod make;

pub use job::run;
pub use make::{Frame, make};
