//! When a connection is due. Pure: what is stored and what time it is go in, what to do comes out.
//!
//! [`parse`] reads the forms of `schedule:`; [`clock`] gives the ticks of a schedule; [`Position`] is what is stored of
//! a connection between two looks; [`decide`] says what is to be done now, and [`ended`] what a run's end leads to.

mod clock;
mod decide;
mod ended;
mod parse;
mod position;
#[cfg(test)]
mod tests;

use croner::Cron;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

pub use clock::{Clock, Passed};
pub use decide::{Around, Cause, Heard, Seen, Step, decide, wake};
pub use ended::{Outcome, ended, recover};
pub use parse::{parse_cron, parse_days, parse_time};
pub use position::{Position, Retry, Skips};

/// When the daemon runs a connection.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What makes it due.
    pub trigger: Trigger,
    /// The zone of its clock times, where it differs from the project's.
    pub zone: Option<TimeZone>,
    /// Whether a time that passed during downtime is caught up once.
    pub catch_up: bool,
    /// As it is written, for people: `every 15m`. A schedule that is written otherwise begins anew.
    pub written: String,
}

/// What makes a connection due.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// Elapsed time.
    Every {
        /// Seconds.
        seconds: u64,
        /// At most so many seconds of delay, different at each tick.
        jitter: u64,
    },
    /// Clock times on some days: `at:`, and cron lines that name their hours and minutes.
    At {
        /// The times, in order.
        times: Vec<Time>,
        /// The days.
        days: Days,
    },
    /// A cron line whose minute or hour begins with `*`: every instant whose clock time matches.
    Cron(Box<Cron>),
    /// Other connections.
    After {
        /// Their names.
        names: Vec<String>,
        /// Only when all went well.
        succeeded: bool,
        /// How old the oldest of them may be, in seconds.
        within: Option<u64>,
    },
}

/// On which days clock times count.
#[derive(Clone, Debug)]
pub enum Days {
    /// On all.
    All,
    /// On these days of the week.
    Week(Vec<Weekday>),
    /// On those that the last three fields of a cron line name.
    Dates(Box<Cron>),
}

impl Schedule {
    /// The connections that it runs after.
    pub fn after(&self) -> &[String] {
        match &self.trigger {
            Trigger::After { names, .. } => names,
            _ => &[],
        }
    }
}
