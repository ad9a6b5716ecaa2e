//! The three books: what the source says, what the ledger knows, and what is at the target.
//!
//! [`inventory`] lists everything at the target that carries our mark, and [`reader`] maps a source once more. From the
//! two [`rebuild`] makes a lost ledger again; with the ledger between them [`reconcile`] tells what does not agree; and
//! [`undo`] takes back what one run has made.

mod fields;
mod groups;
pub mod inventory;
mod reader;
mod rebuild;
pub mod reconcile;
pub mod undo;

pub use inventory::Inventory;
pub use rebuild::{Rebuilt, rebuild};
pub use reconcile::{Reconciled, reconcile};
