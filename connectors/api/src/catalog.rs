//! What a target can do, as data: operations with their parameters, and the currencies.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A parameter's value after mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Param {
    /// Text.
    Text(String),
    /// A whole number; money is in minor units.
    Int(i64),
    /// An exact decimal text, for parameters of format `decimal`.
    Decimal(String),
    /// Yes or no.
    Bool(bool),
    /// A list.
    List(Vec<Param>),
    /// Nested parameters.
    Map(IndexMap<String, Param>),
}

/// The shape of a parameter, in the words of JSON Schema as the operation data has them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Schema {
    /// `string`, `integer`, `number`, `boolean`, `array` or `object`; absent where `any_of` speaks.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The parameters of an object.
    pub properties: IndexMap<String, Schema>,
    /// Which of them must be given.
    pub required: Vec<String>,
    /// The shape of an array's elements.
    pub items: Option<Box<Schema>>,
    /// The shape of the values of an object with free keys (metadata).
    pub additional_properties: Option<Box<Schema>>,
    /// Alternatives.
    pub any_of: Vec<Schema>,
    /// The allowed texts.
    #[serde(rename = "enum")]
    pub options: Vec<String>,
    /// The empty text is also taken and clears the value.
    pub unset: bool,
    /// The list in `options` is known to be incomplete.
    pub open: bool,
    /// `decimal`, `unix-time`, `currency`, `binary`.
    pub format: Option<String>,
    /// The longest text, in characters.
    pub max_length: Option<usize>,
}

/// One operation of the target's API.
#[derive(Clone, Debug, Deserialize)]
pub struct Operation {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// The path template: `/v1/invoices/{invoice}/finalize`.
    pub path: String,
    /// The kind of object that it returns (the first, where several can come).
    #[serde(default)]
    pub returns: Option<String>,
    /// Its parameters.
    #[serde(default)]
    pub params: Schema,
}

impl Operation {
    /// Method and path template, the operation's name everywhere in rowbill.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What is known of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    /// How many decimals one major unit has (EUR 2, JPY 0, KWD 3).
    pub decimals: u32,
    /// What the target's amount of one major unit is, as a power of ten: EUR 2, JPY 0; ISK and UGX 2 although their
    /// smallest unit is a whole one.
    pub exponent: u32,
    /// Every amount must be a multiple of this many of the target's minor units (ISK 100, KWD 10).
    pub step: i64,
    /// The smallest charge in minor units, where it is known.
    pub minimum: Option<i64>,
}

/// Everything that can be known about a target without asking it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Operations by name (`POST /v1/customers`).
    pub operations: BTreeMap<String, Operation>,
    /// Currencies by lower-case code.
    pub currencies: BTreeMap<String, Currency>,
    /// The API version that the data describes and that every request names.
    pub version: String,
}
