//! Clocks that are changed, by hand; `tests/schedules.rs` has a whole year of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::world::{cron, daily};
use crate::schedule::{Clock, Days, Schedule, Trigger, parse_days};

/// The ticks from an instant on, as clocks in the zone show them.
fn ticks(schedule: &Schedule, zone: &str, after: &str, count: usize) -> String {
    let zone = TimeZone::get(zone).unwrap();
    let clock = Clock { schedule, zone: &zone, name: "invoices", since: 0 };
    let after: Timestamp = after.parse().unwrap();
    let ticks = std::iter::successors(clock.next(after.as_second()), |tick| clock.next(*tick)).take(count);
    let zone = schedule.zone.as_ref().unwrap_or(&zone);
    let told = ticks
        .map(|tick| Timestamp::from_second(tick).unwrap().to_zoned(zone.clone()).strftime("%d %H:%M%:z").to_string());
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_time_that_does_not_exist_comes_once_after_the_gap() {
    let night = "2025-03-29T12:00:00Z";
    for (schedule, expected) in [
        (daily(&["03:30"]), "30 04:00+03:00, 31 03:30+03:00"),
        (daily(&["03:15", "03:30"]), "30 04:00+03:00, 31 03:15+03:00"),
        (daily(&["03:30", "04:00"]), "30 04:00+03:00, 31 03:30+03:00"),
        (daily(&["03:00"]), "30 04:00+03:00, 31 03:00+03:00"),
        (daily(&["02:59", "04:00"]), "30 02:59+02:00, 30 04:00+03:00"),
        (cron("30 3 * * *"), "30 04:00+03:00, 31 03:30+03:00"),
        (cron("0,30 3 * * sun"), "30 04:00+03:00, 06 03:00+03:00"),
        // By elapsed time there is nothing in a gap.
        (cron("*/30 3 * * *"), "31 03:00+03:00, 31 03:30+03:00"),
        (cron("30 */3 * * *"), "29 15:30+02:00, 29 18:30+02:00"),
    ] {
        assert_eq!(ticks(&schedule, "Europe/Kyiv", night, 2), expected, "{:?}", schedule.trigger);
    }
}

#[test]
fn a_time_that_exists_twice_comes_once_the_first_time() {
    let night = "2025-10-25T21:00:00Z";
    for (schedule, expected) in [
        (daily(&["03:30"]), "26 03:30+03:00, 27 03:30+02:00, 28 03:30+02:00"),
        (daily(&["03:00", "04:00"]), "26 03:00+03:00, 26 04:00+02:00, 27 03:00+02:00"),
        (cron("15,45 3 * * *"), "26 03:15+03:00, 26 03:45+03:00, 27 03:15+02:00"),
        // By elapsed time both count.
        (cron("*/30 3 * * *"), "26 03:00+03:00, 26 03:30+03:00, 26 03:00+02:00"),
        (cron("30 * * * *"), "26 00:30+03:00, 26 01:30+03:00, 26 02:30+03:00"),
    ] {
        assert_eq!(ticks(&schedule, "Europe/Kyiv", night, 3), expected, "{:?}", schedule.trigger);
    }
}

#[test]
fn midnight_may_not_exist_and_a_whole_day_may_not() {
    let friday =
        Trigger::At { times: vec![jiff::civil::time(0, 0, 0, 0)], days: Days::Week(parse_days("fri").unwrap()) };
    let friday = Schedule { trigger: friday, ..daily(&[]) };
    let expected = "25 01:00+03:00, 02 00:00+03:00";
    assert_eq!(ticks(&friday, "Africa/Cairo", "2025-04-24T00:00:00Z", 2), expected);
    assert_eq!(ticks(&cron("0 0 * * fri"), "Africa/Cairo", "2025-04-24T00:00:00Z", 2), expected);
    // Samoa had no 30 December 2011: what belongs to it comes with the first of the next day.
    let expected = "29 09:00-10:00, 31 00:00+14:00, 31 09:00+14:00";
    assert_eq!(ticks(&daily(&["09:00"]), "Pacific/Apia", "2011-12-29T12:00:00Z", 3), expected);
}

#[test]
fn a_schedule_may_have_a_zone_of_its_own() {
    let mut schedule = daily(&["09:00"]);
    schedule.zone = TimeZone::get("America/New_York").ok();
    assert_eq!(ticks(&schedule, "Europe/Kyiv", "2025-06-01T00:00:00Z", 1), "01 09:00-04:00");
}

#[test]
fn days_that_are_rare_and_days_that_are_never() {
    for (line, expected) in [
        ("0 12 29 2 *", "2028-02-29T12:00:00Z"),
        ("0 12 29 2 */7", "2032-02-29T12:00:00Z"),
        ("* 12 29 2 *", "2028-02-29T12:00:00Z"),
        ("0 12 31 6 *", ""),
        ("* 12 31 6 *", ""),
    ] {
        let schedule = cron(line);
        let clock = Clock { schedule: &schedule, zone: &TimeZone::UTC, name: "invoices", since: 0 };
        let next = clock.next("2025-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second());
        let next = next.map(|tick| Timestamp::from_second(tick).unwrap().to_string());
        assert_eq!(next.unwrap_or_default(), expected, "{line}");
    }
}
