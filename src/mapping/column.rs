//! The column contract: what a cell must hold, and its typed value.

use jiff::tz::TimeZone;
use minijinja::value::Value;
use rowbill_connector::{Cell, Place, Problem};
use rust_decimal::Decimal;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::exact::Exact;
use super::money::Money;
use super::number::{self, Marks};
use super::time;

/// One column of a source, as the mapping declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its short name in templates.
    pub name: String,
    /// Its header in the source.
    pub header: String,
    /// What its cells hold.
    pub kind: ColumnType,
    /// Whether an empty cell fails its row.
    pub required: bool,
    /// How numbers are written.
    pub marks: Marks,
    /// How dates and timestamps are written, in strftime's words; ISO 8601 if none.
    pub format: Option<String>,
}

/// What the cells of a column hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// An exact decimal number.
    Decimal,
    /// An exact amount.
    Money(CurrencyFrom),
    /// A calendar day.
    Date,
    /// A day and a time.
    Timestamp,
    /// True or false.
    Bool,
    /// An e-mail address.
    Email,
}

impl ColumnType {
    /// Its name in `columns:`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Money(_) => "money",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Bool => "bool",
            Self::Email => "email",
        }
    }
}

/// Where an amount's currency is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CurrencyFrom {
    /// This lower-case code.
    Code(String),
    /// The text of this column, by its short name.
    Column(String),
}

/// A cell's value under its contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// Nothing.
    Empty,
    /// Text, trimmed and in NFC.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A number, amount, day or instant.
    Exact(Exact),
}

impl Typed {
    /// As templates see it; empty is none.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Empty => Value::from(""),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Integer(number) => Value::from(*number),
            Self::Bool(truth) => Value::from(*truth),
            Self::Exact(exact) => exact.clone().into_value(),
        }
    }

    /// As text, for keys.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Exact(Exact::Decimal(number)) => number.normalize().to_string(),
            Self::Exact(Exact::Money(money)) => money.amount.normalize().to_string(),
            Self::Exact(exact) => exact.to_string(),
        }
    }
}

/// Trims (no-break spaces too) and composes.
pub fn clean(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}');
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfc().collect(),
    }
}

/// Types one cell. `currency` is the text of the currency column, where the type names one; `zone` is the source's own.
pub fn parse(cell: &Cell, column: &Column, currency: Option<&Cell>, zone: &TimeZone) -> Result<Typed, Problem> {
    if let Cell::Error(error) = cell {
        let problem = Problem::new("row.cell_error", format!("{} holds the error {error}", column.header));
        return Err(in_column(&column.name, problem.advise("mend the formula in the sheet")));
    }
    let text = clean(cell.text());
    if text.is_empty() {
        return if column.required { Err(missing(column)) } else { Ok(Typed::Empty) };
    }
    match &column.kind {
        ColumnType::Text => Ok(Typed::Text(text)),
        ColumnType::Email => email(text, column),
        ColumnType::Bool => boolean(cell, &text, column),
        ColumnType::Integer => integer(cell, &text, column),
        ColumnType::Decimal => Ok(Typed::Exact(Exact::Decimal(decimal(cell, &text, column)?))),
        ColumnType::Money(from) => {
            let currency = currency_code(from, currency, column)?;
            let amount = decimal(cell, &text, column)?;
            Ok(Typed::Exact(Exact::Money(Money { amount, currency })))
        }
        ColumnType::Date => time::date(cell, &text, column).map(|date| Typed::Exact(Exact::Date(date))),
        ColumnType::Timestamp => {
            time::timestamp(cell, &text, column, zone).map(|seconds| Typed::Exact(Exact::Timestamp(seconds)))
        }
    }
}

/// Says in which column a problem is, by its short name; `Binding` turns it into the header, or the cell of a sheet.
pub fn in_column(name: &str, problem: Problem) -> Problem {
    if problem.place.is_some() {
        return problem;
    }
    problem.at(Place { cell: Some(name.to_owned()), ..Place::default() })
}

fn missing(column: &Column) -> Problem {
    let message = format!("{} is empty, and the column is required", column.header);
    in_column(&column.name, Problem::new("row.required_empty", message))
        .advise("fill in the cell, or take `required: true` off the column")
}

fn wrong(column: &Column, code: &str, what: impl std::fmt::Display, advice: impl Into<String>) -> Problem {
    in_column(&column.name, Problem::new(code, format!("{}: {what}", column.header)).advise(advice))
}

fn decimal(cell: &Cell, text: &str, column: &Column) -> Result<Decimal, Problem> {
    // A spreadsheet's number has no marks of its own: its decimal text is exact as it stands.
    let marks = match cell {
        Cell::Number(_) => Marks { decimal: Some('.'), thousands: None },
        _ => column.marks,
    };
    number::parse(text, marks).map_err(|reason| {
        let (code, what, advice) = reason.explain(text);
        wrong(column, code, what, advice)
    })
}

fn integer(cell: &Cell, text: &str, column: &Column) -> Result<Typed, Problem> {
    let number = decimal(cell, text, column)?;
    if !number.fract().is_zero() || (number.scale() > 0 && !matches!(cell, Cell::Number(_))) {
        return Err(wrong(
            column,
            "row.not_an_integer",
            format!("\"{text}\" is not a whole number"),
            "correct the cell",
        ));
    }
    i64::try_from(number.trunc().mantissa()).map(Typed::Integer).map_err(|_| {
        wrong(column, "row.number_too_large", format!("\"{text}\" has too many digits"), "correct the cell")
    })
}

fn boolean(cell: &Cell, text: &str, column: &Column) -> Result<Typed, Problem> {
    if let Cell::Bool(truth) = cell {
        return Ok(Typed::Bool(*truth));
    }
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(Typed::Bool(true)),
        "false" | "no" | "0" => Ok(Typed::Bool(false)),
        _ => {
            Err(wrong(column, "row.not_a_bool", format!("\"{text}\" is neither true nor false"), "write true or false"))
        }
    }
}

fn email(text: String, column: &Column) -> Result<Typed, Problem> {
    let parts = text.split_once('@');
    let good = parts.is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains("..")
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"'))
    });
    if good {
        return Ok(Typed::Text(text));
    }
    Err(wrong(
        column,
        "row.not_an_email",
        format!("\"{text}\" is not an e-mail address"),
        "write one address, such as ann@example.org",
    ))
}

fn currency_code(from: &CurrencyFrom, cell: Option<&Cell>, column: &Column) -> Result<String, Problem> {
    match from {
        CurrencyFrom::Code(code) => Ok(code.clone()),
        CurrencyFrom::Column(name) => {
            let code = cell.map(|cell| clean(cell.text()).to_lowercase()).unwrap_or_default();
            if code.is_empty() {
                let what = format!("the currency column `{name}` is empty");
                let problem = Problem::new("row.required_empty", format!("{}: {what}", column.header));
                return Err(in_column(name, problem.advise("fill in a code such as EUR")));
            }
            Ok(code)
        }
    }
}
