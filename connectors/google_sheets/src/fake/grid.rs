//! Cells by their ranges.

use serde_json::{Value, json};

use super::server::Refusal;

/// Sheets by name, in the order of the tabs.
type Sheets = Vec<(String, Vec<Vec<Value>>)>;

/// First and last row and column from 0; open ends reach as far as there are cells.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    sheet: usize,
    rows: (usize, Option<usize>),
    columns: (usize, Option<usize>),
}

/// The cells of a range, as an answer has them: without empty ones at the ends.
pub(super) fn read(sheets: &Sheets, name: &str, formatted: bool) -> Result<Value, Refusal> {
    let range = parse(sheets, name)?;
    let rows = &sheets[range.sheet].1;
    let row = |row: &Vec<Value>| {
        let last = range.columns.1.map_or(row.len(), |last| row.len().min(last + 1));
        let cells = row.get(range.columns.0..last).unwrap_or_default();
        cells.iter().map(|cell| shown(cell, formatted)).collect::<Vec<_>>()
    };
    let last = range.rows.1.map_or(rows.len(), |last| rows.len().min(last + 1));
    let cells = trimmed(rows.get(range.rows.0..last).unwrap_or_default().iter().map(row).collect());
    let mut answer = json!({ "range": name, "majorDimension": "ROWS" });
    if !cells.is_empty() {
        answer["values"] = json!(cells);
    }
    Ok(answer)
}

/// Writes one range of a request; says how many cells.
pub(super) fn write(sheets: &mut Sheets, data: &Value) -> Result<usize, Refusal> {
    let name = data["range"].as_str().ok_or_else(|| Refusal::invalid("A range is missing."))?;
    let range = parse(sheets, name)?;
    let rows = &mut sheets[range.sheet].1;
    let mut written = 0;
    for (values, row) in data["values"].as_array().into_iter().flatten().zip(range.rows.0..) {
        for (value, column) in values.as_array().into_iter().flatten().zip(range.columns.0..) {
            if range.rows.1.is_some_and(|last| row > last) || range.columns.1.is_some_and(|last| column > last) {
                return Err(Refusal::invalid(format!(
                    "Requested writing within range [{name}], but tried writing outside."
                )));
            }
            if !value.is_null() {
                *cell(rows, row, column) = value.clone();
                written += 1;
            }
        }
    }
    Ok(written)
}

/// Without empty cells at the ends of rows, and without empty rows at the end.
pub(super) fn trimmed(mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    for row in &mut rows {
        while row.last().is_some_and(|cell| cell.is_null() || cell == "") {
            row.pop();
        }
    }
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    rows
}

fn cell(rows: &mut Vec<Vec<Value>>, row: usize, column: usize) -> &mut Value {
    if rows.len() <= row {
        rows.resize(row + 1, Vec::new());
    }
    let cells = &mut rows[row];
    if cells.len() <= column {
        cells.resize(column + 1, Value::from(""));
    }
    &mut cells[column]
}

fn shown(cell: &Value, formatted: bool) -> Value {
    match cell {
        Value::Null => Value::from(""),
        Value::Bool(value) if formatted => Value::from(value.to_string().to_uppercase()),
        Value::Number(number) if formatted => Value::from(number.to_string()),
        other => other.clone(),
    }
}

fn parse(sheets: &Sheets, name: &str) -> Result<Range, Refusal> {
    let unknown = || Refusal::invalid(format!("Unable to parse range: {name}"));
    let (sheet, cells) = split(name).ok_or_else(unknown)?;
    let sheet = sheets.iter().position(|(title, _)| *title == sheet).ok_or_else(unknown)?;
    let Some(cells) = cells else {
        return Ok(Range { sheet, rows: (0, None), columns: (0, None) });
    };
    let (first, last) = cells.split_once(':').unwrap_or((cells, cells));
    let (first, last) = (corner(first).ok_or_else(unknown)?, corner(last).ok_or_else(unknown)?);
    Ok(Range { sheet, rows: (first.0.unwrap_or_default(), last.0), columns: (first.1.unwrap_or_default(), last.1) })
}

/// The sheet's name without quotes, and what stands behind `!`.
fn split(name: &str) -> Option<(String, Option<&str>)> {
    let Some(quoted) = name.strip_prefix('\'') else {
        let (sheet, cells) = name.split_once('!').map_or((name, None), |(sheet, cells)| (sheet, Some(cells)));
        return Some((sheet.to_owned(), cells));
    };
    let end = (0..quoted.len()).find(|&at| {
        let before = quoted.as_bytes()[..at].iter().rev().take_while(|&&byte| byte == b'\'').count();
        quoted.as_bytes()[at] == b'\'' && quoted.as_bytes().get(at + 1) != Some(&b'\'') && before % 2 == 0
    })?;
    let cells = match &quoted[end + 1..] {
        "" => None,
        rest => Some(rest.strip_prefix('!')?),
    };
    Some((quoted[..end].replace("''", "'"), cells))
}

/// Row and column from 0 of `C5`, `C` or `5`.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (column, row) = text.split_at(letters);
    let number = |letters: &str| letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1);
    let column = (!column.is_empty()).then(|| number(column) - 1);
    let row = if row.is_empty() { None } else { Some(row.parse::<usize>().ok()?.checked_sub(1)?) };
    (row.is_some() || column.is_some()).then_some((row, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood() {
        let sheets = vec![("O".to_owned(), Vec::new()), ("Bob's \"!\" ''".to_owned(), Vec::new())];
        let parsed = |name| parse(&sheets, name).ok();
        let range = |sheet, rows, columns| Some(Range { sheet, rows, columns });
        assert_eq!(parsed("O"), range(0, (0, None), (0, None)));
        assert_eq!(parsed("O!A1"), range(0, (0, Some(0)), (0, Some(0))));
        assert_eq!(parsed("'O'!B:C"), range(0, (0, None), (1, Some(2))));
        assert_eq!(parsed("'O'!1:1"), range(0, (0, Some(0)), (0, None)));
        assert_eq!(parsed("'O'!AA2:AB9"), range(0, (1, Some(8)), (26, Some(27))));
        assert_eq!(parsed("'Bob''s \"!\" '''''!A2"), range(1, (1, Some(1)), (0, Some(0))));
        assert_eq!((parsed("P"), parsed("O!"), parsed("O!A0"), parsed("'O")), (None, None, None, None));
    }
}
