//! The sandbox over real HTTP on loopback, one file per behaviour.

mod client;
mod events;
mod faults;
mod idempotency;
mod invoices;
mod keys;
mod lists;
mod money;
mod objects;
mod payments;
mod simulated;
mod webhooks;
