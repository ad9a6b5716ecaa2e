//! Operations that are made to forget what they made, since it was deleted or undone.

use rowbill_connector::Problem;

use crate::ledger::OperationRecord;
use crate::protocol::State;

/// The code of an operation whose object is not its row's any more.
const FORGOTTEN: &str = "operation.forgotten";

/// An operation whose object was deleted or undone: it may be done again, but the object is not to be taken for its
/// result once more.
pub fn forgotten(stored: &OperationRecord, generation: u32) -> OperationRecord {
    let Some(object) = stored.object() else { return stored.clone() };
    let problem = Problem::new(FORGOTTEN, format!("{object} is not this row's any more"));
    OperationRecord { state: State::Failed { generation }, problem: Some(problem), ..stored.clone() }
}

/// Whether an operation was made to forget this object.
pub fn has_forgotten(stored: &OperationRecord, object: &str) -> bool {
    let is_of = |problem: &Problem| problem.message.split(' ').next() == Some(object);
    stored.problem.as_ref().is_some_and(|problem| problem.code == FORGOTTEN && is_of(problem))
}
