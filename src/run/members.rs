//! The rows that an invoice was made of, as its record holds them, and those that a person is asked about.

use rowbill_connector::Problem;

use crate::mapping::identity::Digest;

/// Between the rows that an invoice was made of and those that a person is asked about.
const SEPARATOR: Digest = [0; 16];

/// The rows that an invoice was made of, and those that a person is asked about.
pub fn with_question(mut made: Vec<Digest>, now: &[Digest]) -> Vec<Digest> {
    made.push(SEPARATOR);
    made.extend(now);
    made
}

/// What a person reads of a row that is not on the invoice of its group.
pub fn joined_late(what: &str) -> Problem {
    let message = format!("this row was added or edited after its group was invoiced ({what})");
    Problem::new("row.joined_after_invoice", message)
        .advise("undo the edit, give the row another group, or bill it by hand")
}

/// The rows that an invoice was made of.
pub fn invoiced(members: &[Digest]) -> &[Digest] {
    members.split(|member| *member == SEPARATOR).next().unwrap_or_default()
}

/// The rows that a person is asked about, if one is.
pub fn asked_about(members: &[Digest]) -> Option<&[Digest]> {
    members.iter().position(|member| *member == SEPARATOR).map(|at| &members[at + 1..])
}
