//! rowbill: rows in, bills out, once.

pub mod config;
pub mod ledger;
pub mod mapping;
pub mod protocol;
pub mod run;
pub mod schedule;
pub mod suggest;
