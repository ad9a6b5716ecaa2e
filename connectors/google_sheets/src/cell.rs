//! What a cell of an answer holds.

use rowbill_connector::Cell;
use serde_json::{Number, Value};

/// What stands in a cell that could not be calculated, or not yet.
const ERRORS: [&str; 10] =
    ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#ERROR!", "#SPILL!", "Loading..."];

/// A cell of an unformatted answer.
pub(crate) fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::Bool(value) => Cell::Bool(*value),
        Value::Number(number) => Cell::Number(decimal(number)),
        Value::String(text) if text.is_empty() => Cell::Empty,
        Value::String(text) if ERRORS.contains(&text.as_str()) => Cell::Error(text.clone()),
        Value::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

/// The shortest decimal text that is this number, without an exponent.
fn decimal(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    // The standard library writes a float as the shortest digits that give the same float again, never with an exponent.
    match number.as_f64().map(|float| float.to_string()) {
        Some(text) if text == "-0" => "0".to_owned(),
        Some(text) => text,
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rowbill_connector::Cell;
    use serde_json::{Value, from_str};

    use super::cell;

    fn of(json: &str) -> Cell {
        cell(&from_str::<Value>(json).unwrap())
    }

    #[test]
    fn numbers_are_their_shortest_decimal_text() {
        let cases = [
            ("19.99", "19.99"),
            ("12.0", "12"),
            ("-0.0", "0"),
            ("1e21", "1000000000000000000000"),
            ("1E-7", "0.0000001"),
            ("45234.5", "45234.5"),
            ("12345678901", "12345678901"),
            ("-3", "-3"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1.15", "1.15"),
        ];
        for (json, text) in cases {
            assert_eq!(of(json), Cell::Number(text.to_owned()));
        }
    }

    #[test]
    fn every_amount_of_money_keeps_its_digits() {
        for cents in 0..1_000_000_u32 {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let shortest = text.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(of(&text).text(), shortest);
        }
    }

    #[test]
    fn other_cells_are_what_they_are() {
        assert_eq!(of("\"#N/A\""), Cell::Error("#N/A".to_owned()));
        assert_eq!(of("\"Loading...\""), Cell::Error("Loading...".to_owned()));
        assert_eq!(of("\"007\""), Cell::Text("007".to_owned()));
        assert_eq!(of("true"), Cell::Bool(true));
        assert_eq!((of("\"\""), of("null")), (Cell::Empty, Cell::Empty));
    }
}
