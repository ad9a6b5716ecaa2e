//! What is to be done for a connection now.
//!
//! A tick is decided on once: it begins a run, or waits for the run before it (one does, at most), or is passed over.
//! The caller writes the new position down before it does what it was told.

use std::collections::BTreeMap;

use super::clock::{Clock, Passed};
use super::position::{Position, Skips};
use super::{Schedule, Trigger};
use crate::protocol::Time;

/// A tick that is older than this has been missed, where `missed: skip` asks (seconds).
const GRACE: Time = 60;
/// A clock that was set back by more than this had been wrong before (seconds): ticks count anew from now.
const WRONG: Time = 25 * 3_600;

/// What is around a connection.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The time (seconds, UTC).
    pub now: Time,
    /// The connection runs, or is held for a person's order.
    pub busy: bool,
    /// What is known of the connections that it runs after.
    pub before: &'a dyn Seen,
}

/// The newest runs of other connections.
pub trait Seen: std::fmt::Debug {
    /// The newest run of a connection that counts for those after it.
    fn newest(&self, connection: &str) -> Option<&Heard>;
}

/// The newest run of a connection, or the note that it did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The run's id: later ones are greater.
    pub run: String,
    /// When it ended.
    pub finished: Time,
    /// Why those after it are not to run, if so: `customers failed`.
    pub not_well: Option<String>,
    /// Whether it ran at all.
    pub ran: bool,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begin a run.
    Start(Cause),
    /// Keep on record that ticks were passed over.
    Skipped(Skips),
    /// Keep on record that it does not run, and why.
    NotRun {
        /// The run of the connection before it.
        because_of: String,
        /// `customers failed`
        why: String,
    },
}

/// Why a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A tick of the clock.
    Tick(Time),
    /// Others have run: their newest runs.
    After(BTreeMap<String, String>),
    /// An earlier run could not do all.
    Retry(String),
}

/// Decides, and moves the position on.
pub fn decide(clock: &Clock<'_>, position: &mut Position, around: &Around<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if position.paused {
        return steps;
    }
    right_the_clock(clock, position, around.now);
    let held = position.retry.as_ref().is_some_and(|retry| retry.holds && retry.at > around.now);
    if let Some(passed) = clock.passed(position.decided, around.now) {
        position.decided = passed.last;
        take(clock.schedule, position, passed, around.now, around.busy || held);
    }
    let ready = predecessors(clock.schedule, position, around, &mut steps);
    if around.busy || held {
        return steps;
    }
    let cause = match (position.queued.take(), ready) {
        (Some(tick), _) => Some(Cause::Tick(tick)),
        (None, Some(runs)) => Some(Cause::After(runs)),
        (None, None) => retry(position, around.now),
    };
    if let Some(Cause::After(runs)) = &cause {
        position.after.extend(runs.clone());
    }
    // What was passed over is on record before the run that comes after it.
    steps.extend(position.skipped.take().map(Step::Skipped));
    steps.extend(cause.map(Step::Start));
    steps
}

/// When there may be something to decide again, as far as the clock tells.
pub fn wake(clock: &Clock<'_>, position: &Position, busy: bool) -> Option<Time> {
    if position.paused {
        return None;
    }
    let retry = position.retry.as_ref().filter(|_| !busy).map(|retry| retry.at);
    clock.next(position.decided).into_iter().chain(retry).min()
}

/// A clock that was set back must neither fire twice nor stand still.
fn right_the_clock(clock: &Clock<'_>, position: &mut Position, now: Time) {
    if let Trigger::Every { seconds, jitter } = clock.schedule.trigger {
        let most = Time::try_from(seconds.saturating_add(jitter)).unwrap_or(Time::MAX);
        if position.decided >= now && clock.next(position.decided).is_some_and(|tick| tick - now > most) {
            (position.since, position.decided) = (now, now);
        }
    } else if position.decided - now > WRONG {
        position.decided = now;
    }
    if let Some(retry) = position.retry.as_mut().filter(|retry| retry.at - now > WRONG) {
        retry.at = now;
    }
}

/// Puts the last of the ticks that have passed in the queue, and passes over the others.
fn take(schedule: &Schedule, position: &mut Position, passed: Passed, now: Time, blocked: bool) {
    let waited = position.queued.take();
    if let Some(tick) = waited {
        position.skip(1, tick, tick);
    }
    let is_missed = !schedule.catch_up && !blocked && waited.is_none() && now - passed.last > GRACE;
    if is_missed {
        position.skip(passed.count, passed.first, passed.last);
    } else {
        position.skip(passed.count - 1, passed.first, passed.before);
        position.queued = Some(passed.last);
    }
}

fn retry(position: &mut Position, now: Time) -> Option<Cause> {
    let due = position.retry.as_ref().filter(|retry| retry.at <= now)?;
    Some(Cause::Retry(due.of.clone()))
}

/// Whether the connections before it have run as it asks. What did not go well is taken up by not running.
fn predecessors(
    schedule: &Schedule,
    position: &mut Position,
    around: &Around<'_>,
    steps: &mut Vec<Step>,
) -> Option<BTreeMap<String, String>> {
    let Trigger::After { names, succeeded, within } = &schedule.trigger else { return None };
    for name in names {
        let Some(heard) = around.before.newest(name).filter(|heard| is_new(position, name, heard)) else { continue };
        if let Some(why) = heard.not_well.as_ref().filter(|_| *succeeded || !heard.ran) {
            steps.push(Step::NotRun { because_of: heard.run.clone(), why: why.clone() });
            position.after.insert(name.clone(), heard.run.clone());
        }
    }
    let good = |heard: &&Heard| heard.not_well.is_none() || !*succeeded && heard.ran;
    let newest = |name: &String| around.before.newest(name).filter(good);
    let is_new = |name: &String| newest(name).is_some_and(|heard| is_new(position, name, heard));
    let is_fresh = |name: &String, most: &u64| {
        newest(name).is_some_and(|heard| u64::try_from(around.now - heard.finished).unwrap_or(0) <= *most)
    };
    let ready = match within {
        None => names.iter().all(is_new),
        Some(most) => names.iter().any(is_new) && names.iter().all(|name| is_fresh(name, most)),
    };
    ready.then(|| names.iter().filter_map(|name| Some((name.clone(), newest(name)?.run.clone()))).collect())
}

fn is_new(position: &Position, name: &str, heard: &Heard) -> bool {
    position.after.get(name).is_none_or(|taken| *taken != heard.run)
}
