//! The texts of a schedule.

use jiff::civil::{Weekday, time};

use super::world::{at, cron, told};
use crate::schedule::{Clock, Trigger, parse_cron, parse_days, parse_time};

#[test]
fn clock_times() {
    for (text, hour, minute) in [("09:00", 9, 0), ("9:00", 9, 0), ("23:59", 23, 59), ("00:00", 0, 0)] {
        assert_eq!(parse_time(text), Some(time(hour, minute, 0, 0)), "{text}");
    }
    for text in ["24:00", "9", "9:0", "009:00", "09:60", "+9:00", "9:00:00", " 9:00", "", ":", "9.00", "-1:00"] {
        assert_eq!(parse_time(text), None, "{text}");
    }
}

#[test]
fn days_of_the_week() {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday};
    for (text, days) in [
        ("mon", vec![Monday]),
        ("mon,thu", vec![Monday, Thursday]),
        ("Mon, THU", vec![Monday, Thursday]),
        ("fri-mon", vec![Friday, Saturday, Sunday, Monday]),
        ("sat-sun,thu", vec![Saturday, Sunday, Thursday]),
        ("mon-mon", vec![Monday]),
    ] {
        assert_eq!(parse_days(text), Some(days), "{text}");
    }
    for text in ["", "monday", "mon-", "-", "mon,,thu", "1-5", "mon-tue-wed"] {
        assert_eq!(parse_days(text), None, "{text}");
    }
}

#[test]
fn a_line_of_clock_times_or_of_elapsed_time() {
    for line in ["30 3 * * *", "0,30 2-3 * * *", "5-59/20 1 * * *", "@daily", "@weekly", "@monthly", "@yearly"] {
        assert!(matches!(parse_cron(line), Ok(Trigger::At { .. })), "{line}");
    }
    for line in ["* * * * *", "*/10 9 * * *", "30 * * * *", "0 */2 1 * *", "@hourly", " *  * * * * "] {
        assert!(matches!(parse_cron(line), Ok(Trigger::Cron(_))), "{line}");
    }
    for line in ["", "* * * *", "0 * * * * *", "60 * * * *", "0 24 * * *", "@sometimes", "0 9 * * mo", "0 9 32 * *"] {
        assert!(parse_cron(line).is_err(), "{line}");
    }
}

/// As in crontab(5): either is enough where neither begins with a star.
#[test]
fn the_day_of_the_month_and_the_day_of_the_week() {
    for (line, expected) in [
        ("0 9 5 * fri", "wed 09:00, fri 09:00"),
        ("0 9 */2 * fri", "fri 09:00"),
        ("0 9 6 * */2", "thu 09:00"),
        ("0 9 5 * *", "wed 09:00"),
        ("0 9 * * tue,7", "tue 09:00, sun 09:00"),
        ("*/30 9 5 * fri", "wed 09:00, wed 09:30, fri 09:00, fri 09:30"),
        ("*/30 9 */2 * fri", "fri 09:00, fri 09:30"),
        ("0 9 * feb *", ""),
    ] {
        let schedule = cron(line);
        let clock = Clock { schedule: &schedule, zone: &jiff::tz::TimeZone::UTC, name: "invoices", since: 0 };
        let ticks = std::iter::successors(clock.next(at("mon 00:00")), |tick| clock.next(*tick));
        let ticks: Vec<String> = ticks.take_while(|tick| *tick < at("sun 23:59")).map(told).collect();
        assert_eq!(ticks.join(", "), expected, "{line}");
    }
}
