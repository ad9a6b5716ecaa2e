//! When a connection is due: the rules of `schedule:`, checked. Pure.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// When the daemon runs a connection.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What makes it due.
    pub trigger: Trigger,
    /// The zone of its clock times, where it differs from the project's.
    pub zone: Option<TimeZone>,
    /// Whether a time that passed during downtime is caught up once.
    pub catch_up: bool,
}

/// What makes a connection due.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// Elapsed time.
    Every {
        /// Seconds.
        seconds: u64,
        /// At most so many seconds of random delay.
        jitter: u64,
    },
    /// Clock times on some days.
    At {
        /// The times.
        times: Vec<Time>,
        /// The days; all of them when empty.
        days: Vec<Weekday>,
    },
    /// Five fields as in crontab.
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

/// A five-field cron line, or one of `@daily` and the like.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    let text = match text.trim() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other => other,
    };
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    parser.parse(text).map_err(|error| error.to_string())
}

/// A clock time, `09:00` or `9:00`.
pub fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let good = (1..=2).contains(&hour.len()) && minute.len() == 2;
    let parse = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i8>().ok()).flatten();
    Time::new(parse(hour)?, parse(minute)?, 0, 0).ok().filter(|_| good)
}

/// Days of the week: `mon-fri`, `mon,thu`, `sat`.
pub fn parse_days(text: &str) -> Option<Vec<Weekday>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.trim().split_once('-') {
            None => days.push(day(part.trim())?),
            Some((first, last)) => {
                let (mut at, last) = (day(first.trim())?, day(last.trim())?);
                days.push(at);
                while at != last {
                    at = at.next();
                    days.push(at);
                }
            }
        }
    }
    Some(days)
}

fn day(name: &str) -> Option<Weekday> {
    Some(match name.to_lowercase().as_str() {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    })
}
