//! Decimals, amounts, days and instants inside templates: exact, comparable among their own kind, and never floats.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, Value};
use rust_decimal::Decimal;

use super::money::Money;

/// A value that minijinja has no number for.
#[derive(Clone, Debug, PartialEq)]
pub enum Exact {
    /// A decimal number.
    Decimal(Decimal),
    /// An amount with its currency.
    Money(Money),
    /// A calendar day.
    Date(jiff::civil::Date),
    /// An instant, in seconds since 1970 UTC.
    Timestamp(i64),
}

impl Exact {
    /// As a value for templates.
    pub fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// Back from a template.
    pub fn of(value: &Value) -> Option<Arc<Self>> {
        value.downcast_object::<Self>()
    }

    /// The number in it; an amount's major units.
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(number) => Some(*number),
            Self::Money(money) => Some(money.amount),
            Self::Date(_) | Self::Timestamp(_) => None,
        }
    }

    /// The same kind of value with another number.
    #[must_use]
    pub fn with_number(&self, number: Decimal) -> Self {
        match self {
            Self::Money(money) => Self::Money(Money { amount: number, currency: money.currency.clone() }),
            _ => Self::Decimal(number),
        }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Money(money) => write!(f, "{}", money.amount),
            Self::Date(date) => write!(f, "{date}"),
            Self::Timestamp(seconds) => write!(f, "{}", super::time::display(*seconds)),
        }
    }
}

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.number().is_none_or(|number| !number.is_zero())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        match (self.as_ref(), other) {
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (a, b) => Some(a.number()?.cmp(&b.number()?)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_ref(), f)
    }
}
