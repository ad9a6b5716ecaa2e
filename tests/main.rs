//! The black-box tests: the real binary against real servers on loopback.

mod accounts;
mod clients;
mod customers;
mod docs;
mod edits;
mod flow;
mod guards;
mod invoices;
mod ledger;
mod mistakes;
mod output;
mod rows;
mod support;
