//! The black-box tests: the real binary against real servers on loopback.

mod accounts;
mod architecture;
mod clients;
mod customers;
mod daemon;
mod docs;
mod edits;
mod faults;
mod flow;
mod guards;
mod hostile;
mod invoices;
mod kills;
mod ledger;
mod machine;
mod mistakes;
mod output;
mod rebuild;
mod reconcile;
mod review;
mod rows;
mod schedules;
mod signals;
mod sources;
mod support;
mod undo;
