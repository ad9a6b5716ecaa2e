//! What the end of a run leads to.

use super::position::{Position, Retry};
use crate::protocol::Time;

/// How a run ended, as far as its schedule is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is left to do by itself.
    Settled,
    /// Some rows wait for something.
    Waits,
    /// The source or the target was out of reach.
    OutOfReach,
    /// A person must change something first; what was to be made up for still is.
    Refused,
    /// It was interrupted.
    Interrupted,
}

/// Rows that wait are looked up not before six minutes have passed; then less and less often (seconds).
const WAITS: (Time, Time) = (7 * 60, 3_600);
/// What is out of reach is tried again soon, then less and less often (seconds).
const OUT_OF_REACH: (Time, Time) = (15, 900);

/// Takes the end of a run into the position.
pub fn ended(position: &mut Position, run: &str, outcome: Outcome, now: Time) {
    if position.open.as_deref() == Some(run) {
        position.open = None;
    }
    let before = position.retry.take();
    let failures = before.as_ref().map_or(0, |retry| retry.failures);
    let (at, holds) = match outcome {
        Outcome::Refused => {
            position.retry = before.map(|retry| Retry { at: retry.at.max(now + pause(WAITS, failures)), ..retry });
            return;
        }
        Outcome::Settled => return,
        Outcome::Waits => (now + pause(WAITS, failures), false),
        Outcome::OutOfReach => (now + pause(OUT_OF_REACH, failures), true),
        Outcome::Interrupted => (now, false),
    };
    let failures = if outcome == Outcome::Interrupted { failures } else { failures + 1 };
    position.retry = Some(Retry { at, of: run.to_owned(), failures, holds });
}

/// After a start: a run that never came to its end is made up for at once.
pub fn recover(position: &mut Position, now: Time) {
    if let Some(run) = position.open.take() {
        ended(position, &run, Outcome::Interrupted, now);
    }
}

/// Doubles with each failure in a row.
fn pause((first, most): (Time, Time), failures: u32) -> Time {
    first.saturating_mul(1 << failures.min(16)).min(most)
}
