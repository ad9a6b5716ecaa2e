//! rowbill: rows in, bills out, once.
//!
//! The flow, in reading order:
//!
//! 1. [`config`] reads `rowbill.yaml` and the files in `mappings/` into checked connections;
//! 2. [`run`] reads a connection's source, and [`mapping`] turns each row into a request;
//! 3. everything is looked up in the [`ledger`], classified, and guarded, before anything is sent;
//! 4. [`protocol`] says for each operation what to do next: write the intent, send, wait, look up, settle;
//! 5. [`connectors`] is the one place that names the systems at both ends;
//! 6. [`books`] compares the source, the ledger and the target, makes a lost ledger again, and takes a run back;
//! 7. [`payments`] follows what became of invoices: events are hints, and the invoice is read again;
//! 8. [`report`] sums what came of them in money;
//! 9. [`daemon`] runs connections when they are due: [`schedule`] says when; [`web`] is how it is spoken to;
//! 10. [`cli`] has one file per command.
//!
//! [`suggest`] finds the name that was meant.

pub mod books;
pub mod cli;
pub mod config;
pub mod connectors;
pub mod daemon;
pub mod ledger;
pub mod mapping;
pub mod payments;
pub mod protocol;
pub mod report;
pub mod reporting;
pub mod run;
pub mod schedule;
pub mod suggest;
pub mod web;
