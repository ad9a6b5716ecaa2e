//! One run of one connection: read, map, guard, send, settle, write back, report.
//!
//! Reading order: [`survey`] reads the source and gives every row a class ([`classify`], [`index`], [`groups`]);
//! [`guard`] stops what is too much; [`reconcile`] adopts what the ledger does not know; [`send`] puts the rows into
//! lanes, where [`row`] and [`invoice`] settle them, operation by operation ([`drive`]); [`write_back`] and [`report`]
//! tell what became of them.

mod amounts;
pub mod classify;
pub mod clock;
mod customer;
mod differences;
mod drive;
pub mod engine;
mod execute;
mod groups;
mod guard;
mod index;
mod invoice;
mod items;
mod leftovers;
mod lines;
mod notes;
mod reconcile;
mod records;
pub mod report;
mod row;
mod send;
pub mod spool;
mod survey;
mod write_back;

pub use amounts::amount_sent;
pub use clock::Clock;
pub use engine::{AccountLine, Engine, Progress, Quiet, Stop};
pub use execute::{Order, plan, run};
pub use groups::asked_about;
pub use lines::item_step;
pub use reconcile::{is_ours, of_any_age};
pub use records::prepared_digest;
pub use report::{Amounts, Ending, Fate, Report, RowProblem, Tally, Would};
