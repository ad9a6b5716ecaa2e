//! What is to happen with a row, from what the ledger knows and what the mapping says now. Pure.

use rowbill_connector::Problem;

use super::index::Class;
use crate::config::OnChange;
use crate::ledger::{RowRecord, RowState};
use crate::mapping::identity::Digest;
use crate::mapping::row::Outcome;

/// A row as it is now.
pub struct Now<'a> {
    /// What the mapping made of it.
    pub outcome: &'a Outcome,
    /// Hash of its cells.
    pub content: Digest,
    /// Hash of its request; meaningless unless it is ready.
    pub request: Digest,
}

/// The class of a row, and why, where there is a why.
pub fn classify(now: &Now<'_>, record: Option<&RowRecord>, on_change: OnChange) -> (Class, Option<Problem>) {
    let Some(record) = record else { return fresh(now.outcome) };
    match record.state {
        RowState::Sending => (Class::Resume, None),
        RowState::There => (Class::AlreadyDone, None),
        RowState::Skipped => (Class::Skipped, None),
        _ if !record.objects.is_empty() => made(now, record, on_change),
        RowState::Failed | RowState::NeedsReview if sticks(record) && !changed(now, record) => {
            let class = if record.state == RowState::Failed { Class::Failed } else { Class::NeedsReview };
            (class, record.problem.clone())
        }
        RowState::NeedsReview if sticks(record) => (Class::NeedsReview, record.problem.clone()),
        _ => fresh(now.outcome),
    }
}

fn fresh(outcome: &Outcome) -> (Class, Option<Problem>) {
    match outcome {
        Outcome::Skipped => (Class::Skipped, None),
        Outcome::Failed(problem) => (Class::Failed, Some(problem.clone())),
        Outcome::Ready(_) => (Class::Create, None),
    }
}

/// A refusal of the target stays until the row or the mapping changes; what was only looked up is looked up again.
fn sticks(record: &RowRecord) -> bool {
    record.problem.as_ref().is_some_and(|problem| problem.code.starts_with("stripe.") || problem.code == "row.unsure")
}

fn changed(now: &Now<'_>, record: &RowRecord) -> bool {
    match now.outcome {
        Outcome::Ready(_) => now.request != record.request,
        _ => now.content != record.content,
    }
}

/// A row whose object exists.
fn made(now: &Now<'_>, record: &RowRecord, on_change: OnChange) -> (Class, Option<Problem>) {
    let edited = now.content != record.content;
    let code = record.problem.as_ref().map_or("", |problem| problem.code.as_str());
    if record.state == RowState::NeedsReview && code.starts_with("row.check") {
        return (Class::NeedsReview, record.problem.clone());
    }
    // An update that was refused stays refused until the row or the mapping changes.
    let was_refused = record.state == RowState::Failed && code.starts_with("stripe.");
    if was_refused && record.members == [now.content, now.request] {
        return (Class::Failed, record.problem.clone());
    }
    match now.outcome {
        Outcome::Skipped => (Class::AlreadyDone, None),
        Outcome::Failed(_) if !edited || on_change == OnChange::Ignore => (Class::AlreadyDone, None),
        Outcome::Failed(problem) => (Class::Failed, Some(problem.clone())),
        Outcome::Ready(_) if now.request == record.request => (Class::AlreadyDone, None),
        Outcome::Ready(_) if !edited => (Class::WouldDiffer, None),
        Outcome::Ready(_) => match on_change {
            OnChange::Ignore => (Class::AlreadyDone, None),
            OnChange::Update => (Class::Update, None),
            OnChange::Review => (Class::NeedsReview, None),
        },
    }
}

/// What a person reads of a row that was edited after it was done.
pub fn edited_problem(differences: &[String]) -> Problem {
    let what = if differences.is_empty() { String::new() } else { format!(": {}", differences.join("; ")) };
    Problem::new("row.changed_after_done", format!("edited after it was done{what}"))
        .advise("undo the edit, or take it with `rowbill rows accept NAME KEY`; rowbill never bills a row twice")
}
