//! Days and instants out of cells: ISO 8601, a declared format, or a spreadsheet's serial number.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rowbill_connector::{Cell, Problem};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::column::{Column, in_column};

/// Day 0 of spreadsheet serial numbers (developers.google.com/workspace/sheets/api: `SERIAL_NUMBER`).
const SERIAL_EPOCH: Date = Date::constant(1899, 12, 30);
const SECONDS_A_DAY: i64 = 86_400;

/// The day that a cell means.
pub fn date(cell: &Cell, text: &str, column: &Column) -> Result<Date, Problem> {
    if let Cell::Number(_) = cell {
        return serial(text).map(DateTime::date).ok_or_else(|| wrong(text, column, "a day"));
    }
    let parsed = match &column.format {
        Some(format) => Date::strptime(format, text),
        None => text.parse(),
    };
    parsed.map_err(|_| wrong(text, column, "a day"))
}

/// The instant that a cell means, in seconds since 1970 UTC. A time without a zone is meant in the source's own.
pub fn timestamp(cell: &Cell, text: &str, column: &Column, zone: &TimeZone) -> Result<i64, Problem> {
    let problem = || wrong(text, column, "a day with a time");
    let local = |at: DateTime| at.to_zoned(zone.clone()).map(|zoned| zoned.timestamp().as_second());
    if let Cell::Number(_) = cell {
        return serial(text).and_then(|at| local(at).ok()).ok_or_else(problem);
    }
    if let Some(format) = &column.format {
        let parts = strtime::parse(format, text).map_err(|_| problem())?;
        if let Ok(instant) = parts.to_timestamp() {
            return Ok(instant.as_second());
        }
        return parts.to_datetime().and_then(local).map_err(|_| problem());
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_second());
    }
    text.parse::<DateTime>().and_then(local).map_err(|_| problem())
}

/// Midnight of a day in a zone, in seconds since 1970 UTC: what a target takes for a day.
pub fn midnight(date: Date, zone: &TimeZone) -> Option<i64> {
    date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp().as_second())
}

/// An instant as text: `2026-11-22T07:14:02Z`.
pub fn display(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |instant| instant.to_string())
}

fn serial(text: &str) -> Option<DateTime> {
    let number: Decimal = text.parse().ok()?;
    let seconds = (number * Decimal::from(SECONDS_A_DAY)).round().to_i64()?;
    SERIAL_EPOCH.to_datetime(jiff::civil::Time::midnight()).checked_add(seconds.seconds()).ok()
}

fn wrong(text: &str, column: &Column, what: &str) -> Problem {
    let form = column.format.as_deref().unwrap_or("2026-11-30");
    let message = format!("{}: \"{text}\" is not {what} of the form {form}", column.header);
    in_column(&column.name, Problem::new("row.not_a_date", message))
        .advise("correct the cell, or declare the column's format, such as `%d.%m.%Y`")
}
