//! A block of the mapping becomes a target's parameters.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use minijinja::value::{Value, ValueKind};
use rowbill_connector::{Currency, Param, Problem};

use super::column::in_column;
use super::exact::Exact;
use super::money::{self, to_minor};
use super::template::Template;
use super::time;

/// Parameters with templates in them.
#[derive(Debug, Default)]
pub struct Block {
    /// In the order of the mapping.
    pub entries: Vec<Entry>,
    /// Whether the target takes a `currency` here: then amounts fill it in.
    pub takes_currency: bool,
}

/// One parameter.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Expr,
}

/// A value of the mapping.
#[derive(Debug)]
pub enum Expr {
    /// A value without a template.
    Const(Param),
    /// A text or template, with what the target expects there.
    Leaf(Template, Expected),
    /// Nested parameters.
    Map(Block),
    /// A list.
    List(Vec<Expr>),
}

/// What the target takes in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The kind of value.
    pub kind: Kind,
    /// The longest text, in characters.
    pub max_length: Option<usize>,
    /// The allowed texts, where they are known and complete.
    pub options: Vec<String>,
}

/// Kinds of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    #[default]
    Text,
    /// A whole number; of amounts in minor units.
    Integer,
    /// Seconds since 1970 UTC.
    UnixTime,
    /// A decimal text; of amounts in minor units.
    Decimal,
    /// Yes or no.
    Bool,
    /// A currency code.
    Currency,
}

/// What evaluation needs besides the row.
pub struct Surroundings<'a> {
    /// The currencies of the target.
    pub currencies: &'a BTreeMap<String, Currency>,
    /// The zone in which days become instants.
    pub zone: &'a TimeZone,
}

impl Block {
    /// Evaluates all parameters; empty results are left out.
    pub fn eval(&self, scope: &Value, around: &Surroundings<'_>) -> Result<IndexMap<String, Param>, Problem> {
        let mut params = IndexMap::with_capacity(self.entries.len());
        let mut currency = None;
        for entry in &self.entries {
            let mut context = Context { scope, around, currency: &mut currency };
            if let Some(param) = context.value(&entry.value).map_err(|problem| named(&entry.name, problem))? {
                params.insert(entry.name.clone(), param);
            }
        }
        if self.takes_currency
            && let Some(code) = currency
        {
            fill_currency(&mut params, code)?;
        }
        Ok(params)
    }

    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Expr> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| &entry.value)
    }
}

/// Stripe's limits on metadata (docs.stripe.com/api/metadata); one of the 50 keys is rowbill's own.
pub const METADATA_KEYS: usize = 49;
/// The longest key of metadata, in characters.
pub const METADATA_KEY: usize = 40;
/// The longest value of metadata, in characters.
pub const METADATA_VALUE: usize = 500;

struct Context<'a> {
    scope: &'a Value,
    around: &'a Surroundings<'a>,
    currency: &'a mut Option<String>,
}

impl Context<'_> {
    fn value(&mut self, expr: &Expr) -> Result<Option<Param>, Problem> {
        match expr {
            Expr::Const(param) => Ok(Some(param.clone())),
            Expr::Leaf(template, expected) => {
                let made = template.eval(self.scope).and_then(|value| self.leaf(&value, expected));
                made.map_err(|problem| match template.one_column() {
                    Some(name) => in_column(&name, problem),
                    None => problem,
                })
            }
            Expr::Map(block) => {
                let map = block.eval(self.scope, self.around)?;
                Ok((!map.is_empty()).then_some(Param::Map(map)))
            }
            Expr::List(elements) => {
                let mut list = Vec::new();
                for element in elements {
                    list.extend(self.value(element)?);
                }
                Ok((!list.is_empty()).then_some(Param::List(list)))
            }
        }
    }

    fn leaf(&mut self, value: &Value, expected: &Expected) -> Result<Option<Param>, Problem> {
        if value.is_none() || value.is_undefined() || value.as_str().is_some_and(str::is_empty) {
            return Ok(None);
        }
        if value.kind() == ValueKind::Seq {
            let mut list = Vec::new();
            for element in value.try_iter().map_err(|_| unfit("a list", "one value"))? {
                list.extend(self.leaf(&element, expected)?);
            }
            return Ok(Some(Param::List(list)));
        }
        match expected.kind {
            Kind::Text => text(value, expected).map(Some),
            Kind::Currency => currency(value, self.around.currencies).map(Some),
            Kind::Bool => bool::try_from(value.clone())
                .ok()
                .filter(|_| value.kind() == ValueKind::Bool)
                .map(|truth| Some(Param::Bool(truth)))
                .ok_or_else(|| unfit(&shown(value), "true or false; declare the column as `type: bool`")),
            Kind::Integer => self.integer(value).map(Some),
            Kind::UnixTime => self.instant(value).map(Some),
            Kind::Decimal => self.decimal(value).map(Some),
        }
    }

    fn integer(&mut self, value: &Value) -> Result<Param, Problem> {
        match Exact::of(value).as_deref() {
            Some(Exact::Money(money)) => {
                let minor = to_minor(money, self.around.currencies)?;
                self.currency_of(&money.currency)?;
                Ok(Param::Int(minor))
            }
            Some(_) => Err(unfit(&shown(value), "a whole number, or a column of `type: money`")),
            None => match i64::try_from(value.clone()) {
                Ok(number) if value.is_integer() => Ok(Param::Int(number)),
                _ => Err(unfit(&shown(value), "a number; declare the column as `type: money` or `type: integer`")),
            },
        }
    }

    fn instant(&self, value: &Value) -> Result<Param, Problem> {
        let seconds = match Exact::of(value).as_deref() {
            Some(Exact::Timestamp(seconds)) => Some(*seconds),
            Some(Exact::Date(date)) => time::midnight(*date, self.around.zone),
            _ => i64::try_from(value.clone()).ok().filter(|_| value.is_integer()),
        };
        seconds
            .map(Param::Int)
            .ok_or_else(|| unfit(&shown(value), "a day or an instant; declare the column as `type: date`"))
    }

    fn decimal(&mut self, value: &Value) -> Result<Param, Problem> {
        match Exact::of(value).as_deref() {
            Some(Exact::Money(money)) => {
                let exponent = money::currency(&money.currency, self.around.currencies)?.exponent;
                self.currency_of(&money.currency)?;
                let minor = money.amount.checked_mul(rust_decimal::Decimal::from(10_i64.pow(exponent)));
                let minor = minor.ok_or_else(|| unfit(&shown(value), "a smaller amount"))?;
                Ok(Param::Decimal(minor.normalize().to_string()))
            }
            Some(Exact::Decimal(number)) => Ok(Param::Decimal(number.normalize().to_string())),
            _ if value.is_integer() => Ok(Param::Decimal(value.to_string())),
            _ => Err(unfit(&shown(value), "a number; declare the column as `type: decimal` or `type: money`")),
        }
    }

    fn currency_of(&mut self, code: &str) -> Result<(), Problem> {
        match self.currency.as_deref() {
            Some(other) if other != code => Err(two_currencies(other, code)),
            _ => {
                *self.currency = Some(code.to_owned());
                Ok(())
            }
        }
    }
}

fn text(value: &Value, expected: &Expected) -> Result<Param, Problem> {
    if value.kind() == ValueKind::Map && Exact::of(value).is_none() {
        return Err(unfit("a map", "one text"));
    }
    let text = value.to_string();
    if let Some(max) = expected.max_length
        && text.chars().count() > max
    {
        let message = format!("the text is longer than {max} characters, the most that Stripe takes here");
        return Err(Problem::new("row.text_too_long", message).advise("shorten the cell"));
    }
    if !expected.options.is_empty() && !expected.options.contains(&text) {
        let options: Vec<&str> = expected.options.iter().map(String::as_str).collect();
        let message = format!("Stripe does not take \"{text}\" here");
        return Err(Problem::new("row.not_allowed", message).advise(crate::suggest::did_you_mean(&text, &options)));
    }
    Ok(Param::Text(text))
}

fn currency(value: &Value, currencies: &BTreeMap<String, Currency>) -> Result<Param, Problem> {
    let code = value.to_string().to_lowercase();
    money::currency(&code, currencies)?;
    Ok(Param::Text(code))
}

fn fill_currency(params: &mut IndexMap<String, Param>, code: String) -> Result<(), Problem> {
    match params.get("currency") {
        Some(Param::Text(written)) if *written != code => Err(two_currencies(written, &code)),
        Some(_) => Ok(()),
        None => {
            params.insert("currency".to_owned(), Param::Text(code));
            Ok(())
        }
    }
}

fn two_currencies(one: &str, other: &str) -> Problem {
    let message = format!("the amount is in {}, but the currency is {}", other.to_uppercase(), one.to_uppercase());
    Problem::new("row.currency_mismatch", message).advise("correct the currency of the column or of the call")
}

fn unfit(what: &str, wanted: &str) -> Problem {
    Problem::new("row.wrong_type", format!("{what} does not fit here")).advise(format!("this parameter takes {wanted}"))
}

fn shown(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => format!("the text \"{value}\""),
        ValueKind::Bool | ValueKind::Number | ValueKind::Plain => format!("the value {value}"),
        other => format!("a {other}"),
    }
}

fn named(name: &str, mut problem: Problem) -> Problem {
    if !problem.message.starts_with('`') {
        problem.message = format!("`{name}`: {}", problem.message);
    }
    problem
}
