//! One run of one connection: read, map, guard, send, settle, write back, report.
//!
//! Reading order: [`survey`] reads the source and gives every row a class ([`classify`], [`index`], [`groups`]);
//! [`guard`] stops what is too much; [`adopt`] takes in what the ledger does not know; [`send`] puts the rows into
//! lanes, where [`row`] and [`invoice`] settle them, operation by operation ([`drive`]); [`write_back`] and [`report`]
//! tell what became of them.

mod act;
mod adopt;
mod amounts;
mod by_hand;
pub mod claims;
pub mod classify;
mod clock;
mod customer;
pub mod decision;
mod differences;
mod drive;
pub mod engine;
pub mod errand;
mod execute;
mod follow;
mod forgotten;
mod groups;
mod guard;
pub mod history;
mod index;
mod invoice;
mod items;
mod leftovers;
mod lines;
mod members;
mod notes;
mod persons;
mod records;
mod refund;
pub mod report;
pub mod report_json;
mod row;
mod send;
pub mod spool;
mod survey;
mod turns;
mod write_back;

pub use adopt::{KINDS, adopt_once, is_ours, listen, of_any_age};
pub use amounts::{amount_of, billed};
pub use by_hand::ByHand;
pub use claims::{ClaimAsk, Claiming, decimal, is_day};
pub use clock::Clock;
pub use drive::{Driven, Driver, Operation};
pub use engine::{AccountLine, Answers, Engine, Progress, Quiet, Shows, Stop};
pub use execute::{Order, plan, refresh, run};
pub use follow::{Followed, Look, follow, money_of, showing};
pub use forgotten::forgotten;
pub use lines::item_step;
pub use members::invoiced;
pub use records::{object_ref, prepared_digest};
pub use refund::RefundAsk;
pub use report::{Amounts, Ending, Fate, Origin, Report, RowProblem, Tally, Would};
