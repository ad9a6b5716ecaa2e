//! The sandbox over real HTTP on loopback, one file per behaviour.

mod client;
mod faults;
mod idempotency;
mod invoices;
mod keys;
mod lists;
mod objects;
