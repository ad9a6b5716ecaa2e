//! The behaviour that every connector must show, as functions for its tests.

pub mod source;
