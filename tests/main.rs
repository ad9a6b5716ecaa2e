//! The black-box tests: the real binary against real servers on loopback.

mod docs;
mod customers;
mod edits;
mod flow;
mod invoices;
mod mistakes;
mod rows;
mod support;
