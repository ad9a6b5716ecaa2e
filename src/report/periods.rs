//! Days, weeks and months in a time zone.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::mapping::time::midnight;

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
}

impl By {
    /// Its word, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of so many periods, up to and with the one that a day is in.
    pub fn first_of(self, count: u16, day: Date) -> Option<Date> {
        let back = i64::from(count.max(1)) - 1;
        let first = match self {
            Self::Day => day.checked_sub(back.days()),
            Self::Week => day.checked_sub((i64::from(day.weekday().to_monday_zero_offset()) + 7 * back).days()),
            Self::Month => day.first_of_month().checked_sub(back.months()),
        };
        first.ok()
    }

    /// The last day of the period that a day is in.
    fn last(self, day: Date) -> Option<Date> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_add((6 - day.weekday().to_monday_zero_offset()).days()).ok(),
            Self::Month => Some(day.last_of_month()),
        }
    }
}

/// A period: days, and the seconds that they are in their zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// Its first second since 1970 UTC.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
}

/// Cuts the days from `first` to `last`, both of them in it, into at most so many periods. Those at the ends may be shorter
/// than the others. Nothing where there are more, or where a calendar ends.
pub fn periods(first: Date, last: Date, by: By, zone: &TimeZone, most: usize) -> Option<Vec<Period>> {
    let mut found = Vec::new();
    let mut day = first;
    while day <= last {
        let end = by.last(day).unwrap_or(last).min(last);
        let next = end.tomorrow().ok()?;
        found.push(Period { first: day, last: end, from: midnight(day, zone)?, until: midnight(next, zone)? });
        if found.len() > most {
            return None;
        }
        day = next;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(first: Date, last: Date, by: By) -> Vec<String> {
        let periods = periods(first, last, by, &TimeZone::UTC, 100).unwrap();
        periods.iter().map(|period| format!("{} {}", period.first, period.last)).collect()
    }

    #[test]
    fn the_last_periods_begin_on_their_first_days() {
        let day: Date = "2026-11-27".parse().unwrap();
        let first = |by: By, count| by.first_of(count, day).unwrap().to_string();
        assert_eq!([By::Day, By::Week, By::Month].map(|by| first(by, 1)), ["2026-11-27", "2026-11-23", "2026-11-01"]);
        assert_eq!([By::Day, By::Week, By::Month].map(|by| first(by, 3)), ["2026-11-25", "2026-11-09", "2026-09-01"]);
        for (day, wanted) in [("2026-11-23", "2026-11-23"), ("2026-11-29", "2026-11-23")] {
            assert_eq!(By::Week.first_of(1, day.parse().unwrap()).unwrap().to_string(), wanted);
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_ends_are_cut() {
        let weeks = days(date(2026, 11, 1), date(2026, 11, 17), By::Week);
        let wanted =
            ["2026-11-01 2026-11-01", "2026-11-02 2026-11-08", "2026-11-09 2026-11-15", "2026-11-16 2026-11-17"];
        assert_eq!(weeks, wanted);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let months = days(date(2027, 12, 15), date(2028, 3, 1), By::Month);
        let wanted =
            ["2027-12-15 2027-12-31", "2028-01-01 2028-01-31", "2028-02-01 2028-02-29", "2028-03-01 2028-03-01"];
        assert_eq!(months, wanted);
    }

    #[test]
    fn nothing_lies_between_periods_and_nothing_twice() {
        for zone in ["UTC", "Europe/Kyiv", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"] {
            let zone = TimeZone::get(zone).unwrap();
            for by in [By::Day, By::Week, By::Month] {
                let periods = periods(date(2011, 1, 1), date(2012, 12, 31), by, &zone, 1000).unwrap();
                assert!(periods.iter().all(|period| period.from <= period.until), "{zone:?}");
                assert!(periods.windows(2).all(|pair| pair[0].until == pair[1].from), "{zone:?}");
            }
        }
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_zone_gives_it() {
        let zone = TimeZone::get("Europe/Kyiv").unwrap();
        let hours = |day: Date| {
            let period = periods(day, day, By::Day, &zone, 1).unwrap()[0];
            (period.until - period.from) / 3600
        };
        assert_eq!(hours(date(2026, 3, 28)), 24);
        assert_eq!(hours(date(2026, 3, 29)), 23);
        assert_eq!(hours(date(2026, 10, 25)), 25);
        // Where the clocks go ahead at midnight, the day begins at one.
        let zone = TimeZone::get("Asia/Beirut").unwrap();
        let period = periods(date(2026, 3, 29), date(2026, 3, 29), By::Day, &zone, 1).unwrap()[0];
        assert_eq!((period.until - period.from) / 3600, 23);
    }

    #[test]
    fn an_end_before_the_beginning_is_nothing_and_too_many_are_refused() {
        assert_eq!(days(date(2026, 11, 2), date(2026, 11, 1), By::Day), [""; 0]);
        assert_eq!(periods(date(2026, 1, 1), date(2026, 12, 31), By::Day, &TimeZone::UTC, 364), None);
        assert_eq!(periods(Date::MAX, Date::MAX, By::Day, &TimeZone::UTC, 364), None);
    }
}
