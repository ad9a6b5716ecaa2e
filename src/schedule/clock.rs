//! The ticks of a schedule: the instants at which the clock makes a connection due.
//!
//! The rule for clocks that are changed: a clock time that does not exist on a day comes once, at the first instant
//! after the gap; one that exists twice comes once, the first time. Intervals, and cron lines that begin with `*`, go
//! by elapsed time.

use croner::Cron;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};

use super::{Days, Schedule, Trigger};
use crate::protocol::Time;

/// So many ticks are counted one by one; more of them are "so many, or more".
const MANY: u64 = 1000;
/// Where the last tick before now is looked for, in seconds back.
const WINDOWS: [Time; 5] = [3_600, 86_400, 8 * 86_400, 32 * 86_400, 366 * 86_400];
/// No date of a cron line is further away than the next 29 February that is a certain day of the week.
const DAYS_AHEAD: i32 = 41 * 366;

/// The clock of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Clock<'a> {
    /// Its schedule.
    pub schedule: &'a Schedule,
    /// The zone of clock times, where the schedule has none of its own.
    pub zone: &'a TimeZone,
    /// Its name: two connections are not delayed alike.
    pub name: &'a str,
    /// From when intervals are counted (seconds, UTC).
    pub since: Time,
}

/// Ticks that have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How many; at most a thousand are told apart.
    pub count: u64,
    /// The first of them.
    pub first: Time,
    /// The one before the last; the first where there is one only.
    pub before: Time,
    /// The last of them.
    pub last: Time,
}

impl Clock<'_> {
    /// The first tick after an instant; none if there is no clock in this schedule, or never.
    pub fn next(&self, after: Time) -> Option<Time> {
        let zone = self.schedule.zone.as_ref().unwrap_or(self.zone);
        match &self.schedule.trigger {
            Trigger::Every { .. } => self.interval(after),
            Trigger::At { times, days } => Timestamp::from_second(after)
                .ok()
                .and_then(|at| dates(days, at.to_zoned(zone.clone()).date().yesterday().ok()?))
                .into_iter()
                .flatten()
                .find_map(|date| {
                    times.iter().filter_map(|time| instant(date.to_datetime(*time), zone)).find(|at| *at > after)
                }),
            Trigger::Cron(line) => following(line, zone, after),
            Trigger::After { .. } => None,
        }
    }

    /// The ticks after one instant, up to another.
    pub fn passed(&self, after: Time, now: Time) -> Option<Passed> {
        let first = self.next(after).filter(|tick| *tick <= now)?;
        let mut passed = Passed { count: 1, first, before: first, last: first };
        while let Some(tick) = self.next(passed.last).filter(|tick| *tick <= now) {
            if passed.count == MANY {
                let found = WINDOWS.iter().find_map(|back| self.last_two(passed.last.max(now - back), now));
                let (before, last) = found.unwrap_or((passed.last, tick));
                return Some(Passed { before, last, ..passed });
            }
            passed = Passed { count: passed.count + 1, before: passed.last, last: tick, ..passed };
        }
        Some(passed)
    }

    fn last_two(&self, after: Time, now: Time) -> Option<(Time, Time)> {
        let ticks = std::iter::successors(self.next(after), |tick| self.next(*tick)).take_while(|tick| *tick <= now);
        ticks.fold(None, |two, tick| Some((two.map_or(tick, |(_, last)| last), tick)))
    }

    /// The first tick is at once; each is later than its place in the grid by a delay of its own.
    fn interval(&self, after: Time) -> Option<Time> {
        let Trigger::Every { seconds, jitter } = self.schedule.trigger else { return None };
        let seconds = Time::try_from(seconds).ok()?.max(1);
        // A delay as long as the interval would let ticks overtake each other.
        let jitter = Time::try_from(jitter).ok()?.min(seconds - 1);
        let from = ((after - self.since - jitter) / seconds).max(0);
        let tick = |nth| self.since + nth * seconds + delay(self.name, nth, jitter);
        (from..from + 3).map(tick).find(|tick| *tick > after)
    }
}

/// From 0 to `most` seconds: as good as random, and the same whoever asks.
fn delay(name: &str, nth: Time, most: Time) -> Time {
    if most == 0 {
        return 0;
    }
    let hash = Sha256::new().chain_update(name).chain_update(nth.to_le_bytes()).finalize();
    let number = hash.iter().take(6).fold(0, |sum, byte| sum * 256 + Time::from(*byte));
    number % (most + 1)
}

/// The days that count, from one on.
fn dates(days: &Days, from: Date) -> Option<Box<dyn Iterator<Item = Date> + '_>> {
    let all = std::iter::successors(Some(from), |date| date.tomorrow().ok());
    Some(match days {
        // Not all of a week's days may be there; none of them is further away.
        Days::All => Box::new(all.take(4)),
        Days::Week(week) => Box::new(all.filter(|date| week.contains(&date.weekday())).take(3)),
        Days::Dates(line) => {
            let next = move |after: Date| {
                // Dates have no zone: that of Greenwich has a midnight on each of them.
                let at = after.to_zoned(TimeZone::UTC).ok()?;
                let found = line.find_next_occurrence(&at, false).ok()?.date();
                (found <= from.saturating_add(DAYS_AHEAD.days())).then_some(found)
            };
            Box::new(std::iter::successors(next(from.yesterday().ok()?), move |date| next(*date)).take(3))
        }
    })
}

/// When it is this time of this day.
fn instant(at: DateTime, zone: &TimeZone) -> Option<Time> {
    let found = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(at).ok()?,
        AmbiguousOffset::Gap { before, .. } => {
            let beyond = before.to_timestamp(at).ok()?.checked_add(1.second()).ok()?;
            zone.preceding(beyond).next()?.timestamp()
        }
    };
    Some(found.as_second())
}

fn following(line: &Cron, zone: &TimeZone, after: Time) -> Option<Time> {
    let at = Timestamp::from_second(after).ok()?.to_zoned(zone.clone());
    Some(line.find_next_occurrence(&at, false).ok()?.timestamp().as_second())
}
