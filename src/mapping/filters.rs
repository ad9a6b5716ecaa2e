//! The functions and filters of templates beyond minijinja's own: exact arithmetic, dates, texts.

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};
use rust_decimal::Decimal;

use super::exact::Exact;

/// What templates may use, for messages.
pub const NAMES: &[&str] = &[
    "lower",
    "upper",
    "trim",
    "title",
    "capitalize",
    "default",
    "replace",
    "first",
    "last",
    "length",
    "join",
    "split",
    "round",
    "plus",
    "minus",
    "times",
    "date",
    "slug",
    "int",
    "string",
    "list",
    "abs",
    "sort",
    "unique",
    "reverse",
];

/// What may stand behind `is`.
pub const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "true",
    "false",
    "odd",
    "even",
    "startingwith",
    "endingwith",
    "containing",
    "in",
];

/// Adds rowbill's own filters to an environment.
pub fn add(env: &mut Environment<'static>) {
    env.add_function("exact", |text: &str| {
        decimal(&Value::from(text)).map(|number| Exact::Decimal(number).into_value())
    });
    env.add_filter("plus", |a: Value, b: Value| exact(&a, &b, Decimal::checked_add));
    env.add_filter("minus", |a: Value, b: Value| exact(&a, &b, Decimal::checked_sub));
    env.add_filter("times", |a: Value, b: Value| exact(&a, &b, Decimal::checked_mul));
    env.add_filter("abs", |a: Value| exact(&a, &Value::from(0), |number, _| Some(number.abs())));
    env.add_filter("round", |value: Value, decimals: Option<u32>| round(&value, decimals));
    env.add_filter("date", |value: Value, format: &str| date(&value, format));
    env.add_filter("slug", |value: Value| slug(&value));
    env.add_filter("trim", |value: Value| text(&value).map(|text| text.trim().to_owned()));
    // minijinja's own would make floats of texts.
    env.remove_filter("float");
    env.add_filter("int", |value: Value| int(&value));
    for name in ["safe", "escape", "e", "tojson", "urlencode", "pprint", "indent", "format"] {
        env.remove_filter(name);
    }
    for name in ["range", "dict", "debug", "namespace"] {
        env.remove_global(name);
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The number in an integer, an exact value, or (as an argument) a text of digits.
fn decimal(value: &Value) -> Result<Decimal, Error> {
    if let Some(number) = Exact::of(value).and_then(|exact| exact.number()) {
        return Ok(number);
    }
    if value.is_integer() || value.as_str().is_some() {
        let text = value.to_string();
        return Decimal::from_str_exact(text.trim()).map_err(|_| wrong(format!("\"{text}\" is not a plain number")));
    }
    Err(wrong(format!("{} is not a number; declare the column's type", value.kind())))
}

fn exact(a: &Value, b: &Value, operation: impl Fn(Decimal, Decimal) -> Option<Decimal>) -> Result<Value, Error> {
    if a.as_str().is_some() {
        return Err(wrong("text cannot be calculated with; declare the column as integer, decimal or money"));
    }
    let result = operation(decimal(a)?, decimal(b)?).ok_or_else(|| wrong("the result has too many digits"))?;
    if let (Some(Exact::Money(a)), Some(Exact::Money(b))) = (Exact::of(a).as_deref(), Exact::of(b).as_deref())
        && a.currency != b.currency
    {
        return Err(wrong("amounts of two currencies cannot be calculated with each other"));
    }
    match (Exact::of(a), Exact::of(b)) {
        (Some(a), Some(b)) if matches!(*b, Exact::Money(_)) && matches!(*a, Exact::Decimal(_)) => {
            Ok(b.with_number(result).into_value())
        }
        (Some(a), _) => Ok(a.with_number(result).into_value()),
        (None, Some(b)) => Ok(b.with_number(result).into_value()),
        (None, None) if result.scale() > 0 => Ok(Exact::Decimal(result).into_value()),
        (None, None) => {
            i64::try_from(result.mantissa()).map(Value::from).map_err(|_| wrong("the result has too many digits"))
        }
    }
}

/// Rounds half up, as invoices do; only where the author asks for it.
fn round(value: &Value, decimals: Option<u32>) -> Result<Value, Error> {
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    exact(value, &Value::from(0), |number, _| Some(number.round_dp_with_strategy(decimals.unwrap_or(0), strategy)))
}

fn int(value: &Value) -> Result<Value, Error> {
    let number = decimal(value)?;
    if number.fract().is_zero() {
        return i64::try_from(number.trunc().mantissa()).map(Value::from).map_err(|_| wrong("too many digits"));
    }
    Err(wrong(format!("{number} is not a whole number; say `| round | int` if it is to be rounded")))
}

fn date(value: &Value, format: &str) -> Result<String, Error> {
    let bad = |error: jiff::Error| wrong(format!("the date format `{format}` does not fit: {error}"));
    match Exact::of(value).as_deref() {
        Some(Exact::Date(date)) => jiff::fmt::strtime::format(format, *date).map_err(bad),
        Some(Exact::Timestamp(seconds)) => {
            let instant = jiff::Timestamp::from_second(*seconds).map_err(bad)?;
            jiff::fmt::strtime::format(format, instant).map_err(bad)
        }
        _ => Err(wrong("`date` takes a column of type date or timestamp")),
    }
}

fn text(value: &Value) -> Result<String, Error> {
    if value.is_none() || value.is_undefined() {
        Err(wrong("there is no value to trim"))
    } else {
        Ok(value.to_string())
    }
}

fn slug(value: &Value) -> String {
    let lower = value.to_string().to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}
