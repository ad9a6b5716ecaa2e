//! A row with its cells typed, and what the mapping made of it.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};
use rowbill_connector::Problem;

use super::column::Typed;
use super::identity::Digest;
use super::recipe::Prepared;

/// A row with its cells typed.
pub struct RowValues {
    /// One value per column, or why there is none.
    pub(super) typed: Vec<Result<Typed, Problem>>,
    pub(super) names: Arc<HashMap<String, usize>>,
}

/// What the mapping made of one row.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The row's number.
    pub number: u64,
    /// The normalized key values; empty texts when they could not be read.
    pub key: Vec<String>,
    /// Hash of the cells.
    pub content: Digest,
    /// What is to happen.
    pub outcome: Outcome,
}

/// What is to happen with a row.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// `only_if` is false.
    Skipped,
    /// It cannot be sent.
    Failed(Problem),
    /// It can be sent.
    Ready(Prepared),
}

impl RowValues {
    /// The typed value of a column; none if there is no such column.
    pub fn get(&self, name: &str) -> Option<&Result<Typed, Problem>> {
        self.names.get(name).map(|index| &self.typed[*index])
    }
}

impl std::fmt::Debug for RowValues {
    /// Names only: values of rows stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowValues of {} columns", self.names.len())
    }
}

impl Object for RowValues {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match self.get(key)? {
            Ok(typed) => Some(typed.to_value()),
            Err(_) => None,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
