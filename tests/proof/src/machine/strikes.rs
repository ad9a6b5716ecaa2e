//! What came of many cases, and the two hands that work through them.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Cases that run at a time: they wait for each other's child processes.
const HANDS: usize = 2;

/// How often the machine failed, and what was wrong afterwards.
#[derive(Clone, Debug, Default)]
pub struct Strikes {
    /// How often it failed.
    pub strikes: u64,
    /// The same by deed and point: `kill sync.after`.
    pub points: BTreeMap<String, u64>,
    /// What was wrong, each with the case that repeats it.
    pub violations: Vec<String>,
}

impl Strikes {
    /// Adds one strike.
    pub(super) fn count(&mut self, what: String) {
        self.strikes += 1;
        *self.points.entry(what).or_default() += 1;
    }

    /// What never struck proves nothing: perhaps the shim was not loaded, or rowbill calls libc in another way now.
    pub(super) fn must_have(&mut self, all: impl IntoIterator<Item = String>) {
        let missing = all.into_iter().filter(|what| !self.points.contains_key(what));
        let missing: Vec<String> = missing.map(|what| format!("no run has passed this: {what}")).collect();
        self.violations.extend(missing);
    }

    /// Adds those of another one.
    pub fn add(&mut self, other: Self) {
        self.strikes += other.strikes;
        for (what, count) in other.points {
            *self.points.entry(what).or_default() += count;
        }
        self.violations.extend(other.violations);
    }

    /// Runs a check; a panic becomes a violation, with what repeats it.
    pub(super) fn check<T>(&mut self, what: &impl fmt::Display, check: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(value) => Some(value),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                self.violations.push(format!("{what}: {words}"));
                None
            }
        }
    }
}

/// Works through tasks, a few at a time.
pub(super) fn all_of<T, I>(tasks: I, work: impl Fn(T) -> Strikes + Sync) -> Strikes
where
    I: IntoIterator<Item = T, IntoIter: Send>,
{
    let tasks = Mutex::new(tasks.into_iter());
    let total = Mutex::new(Strikes::default());
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let hand = || {
        while let Some(task) = next() {
            let strikes = work(task);
            total.lock().unwrap_or_else(PoisonError::into_inner).add(strikes);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(hand);
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}
