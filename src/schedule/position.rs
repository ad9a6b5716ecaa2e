//! Where a connection stands in its schedule: all that is stored between two looks at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::Time;

/// What is stored of one connection's schedule. Written before anything is done because of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The connection's name.
    #[serde(skip)]
    pub connection: String,
    /// The schedule as it was written when this began; another one begins anew.
    pub schedule: String,
    /// From when ticks count (seconds, UTC).
    pub since: Time,
    /// Every tick up to here has been decided on.
    pub decided: Time,
    /// A tick that waits until the connection is free; at most one does.
    #[serde(default)]
    pub queued: Option<Time>,
    /// Ticks that were passed over since the last run began.
    #[serde(default)]
    pub skipped: Option<Skips>,
    /// The run that the schedule has begun and that has not come to its end.
    #[serde(default)]
    pub open: Option<String>,
    /// A run that is to be made up for.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// The newest run of each connection before it that was taken up.
    #[serde(default)]
    pub after: BTreeMap<String, String>,
    /// A person has put it on hold.
    #[serde(default)]
    pub paused: bool,
    /// What is wrong, as people were last told; none when they were told that all is well.
    #[serde(default)]
    pub told: Option<String>,
}

/// Ticks that were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skips {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Time,
    /// The last of them.
    pub last: Time,
}

/// When a run is made up for that could not do all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Not before this instant.
    pub at: Time,
    /// The run that it makes up for.
    pub of: String,
    /// How many runs in a row could not do all.
    pub failures: u32,
    /// Whether ticks wait for it too: whoever is out of reach is not asked more often.
    pub holds: bool,
}

impl Position {
    /// The beginning: ticks count from now on. What ran before it is not waited for.
    pub fn begin(connection: &str, schedule: &str, now: Time) -> Self {
        let (connection, schedule) = (connection.to_owned(), schedule.to_owned());
        Self { connection, schedule, since: now, decided: now - 1, ..Self::default() }
    }

    /// The same connection under a schedule that is written otherwise.
    pub fn follow(&mut self, schedule: &str, now: Time) {
        if self.schedule != schedule {
            schedule.clone_into(&mut self.schedule);
            (self.since, self.decided, self.queued) = (now, now - 1, None);
        }
    }

    /// Puts it on hold, or takes it up again; what passes meanwhile is not caught up.
    pub fn pause(&mut self, paused: bool, now: Time) {
        self.paused = paused;
        self.queued = None;
        self.decided = now.max(self.decided);
    }

    /// The runs of others that a person's run which begins now stands for: those that it was to come after, if all of
    /// them have run anew. They are taken up when it has ended.
    pub fn stands_for(&self, after: &[String], newest: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
        let runs: BTreeMap<String, String> =
            after.iter().filter_map(|name| Some((name.clone(), newest(name)?))).collect();
        let is_all = runs.len() == after.len() && runs.iter().all(|(name, run)| self.after.get(name) != Some(run));
        if is_all { runs } else { BTreeMap::new() }
    }

    /// Counts ticks that are passed over.
    pub fn skip(&mut self, count: u64, first: Time, last: Time) {
        if count > 0 {
            let before = self.skipped.unwrap_or(Skips { count: 0, first, last });
            self.skipped = Some(Skips {
                count: before.count + count,
                first: before.first.min(first),
                last: before.last.max(last),
            });
        }
    }
}
