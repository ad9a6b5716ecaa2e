//! The texts of a schedule: cron lines, clock times, days of the week.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::{Days, Trigger};

/// Any day: a cron line of hours and minutes alone matches on all of them.
const SOME_DAY: Date = Date::constant(2024, 1, 1);

/// A five-field cron line, or one of `@daily` and the like.
///
/// As in the cron of Paul Vixie, a line whose minute or hour begins with `*` goes by the instants that there are; any
/// other is a list of clock times, and each of them comes once a day, whatever the clocks do.
pub fn parse_cron(text: &str) -> Result<Trigger, String> {
    let text = match text.trim() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other => other,
    };
    let line = cron(text)?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    let &[minute, hour, day, month, weekday] = &fields[..] else { return Err("it has not five fields".to_owned()) };
    if minute.starts_with('*') || hour.starts_with('*') {
        return Ok(Trigger::Cron(Box::new(line)));
    }
    let days = Days::Dates(Box::new(cron(&format!("0 0 {day} {month} {weekday}"))?));
    Ok(Trigger::At { times: times(&cron(&format!("{minute} {hour} * * *"))?)?, days })
}

/// As in crontab, either of day and weekday is enough where neither begins with `*`; otherwise both must fit.
fn cron(text: &str) -> Result<Cron, String> {
    let is_star = |nth| text.split_whitespace().nth(nth).is_some_and(|field: &str| field.starts_with('*'));
    let parser = CronParser::builder().seconds(Seconds::Disallowed).dom_and_dow(is_star(2) || is_star(4)).build();
    parser.parse(text).map_err(|error| error.to_string())
}

/// The clock times of a line, found by trying each minute of a day.
fn times(line: &Cron) -> Result<Vec<Time>, String> {
    let mut times = Vec::new();
    for minute in 0..24 * 60 {
        let time = Time::constant(i8::try_from(minute / 60).unwrap_or(0), i8::try_from(minute % 60).unwrap_or(0), 0, 0);
        let at = SOME_DAY.to_datetime(time).to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
        if line.is_time_matching(&at).map_err(|error| error.to_string())? {
            times.push(time);
        }
    }
    Ok(times)
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
