//! Shows that the promise of `docs/reliability.md` holds.
//!
//! 1. [`model`] searches every interleaving of faults for one row, and drives the product's own `protocol::step`;
//! 2. [`journal`] and [`invariants`] compare the sandbox's books with what must be true at every instant.

pub mod invariants;
pub mod journal;
pub mod machine;
pub mod model;
pub mod simulation;
