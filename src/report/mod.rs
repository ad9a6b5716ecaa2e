//! Reports: what came of the invoices in money, period by period and currency by currency. Currencies are never mixed.
//!
//! [`periods`] cuts a span of days into periods; [`cashflow`] sums what an account's books say, and checks the sums;
//! [`text`], [`json`], [`table`] and [`svg`] are the forms that it is printed in.

pub mod cashflow;
pub mod json;
pub mod periods;
pub mod svg;
pub mod table;
pub mod text;

use std::collections::BTreeMap;

use jiff::civil::Date;

pub use cashflow::{Books, Flow, cashflow};
pub use periods::{By, Period, periods};

/// A whole cash-flow report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// How long its periods are.
    pub by: By,
    /// The zone in which days begin and end.
    pub zone: String,
    /// Its periods, in order.
    pub periods: Vec<Period>,
    /// Its accounts, in order of their names.
    pub accounts: Vec<Account>,
}

/// What one account's books say.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Whether it is about real money.
    pub live: bool,
    /// By currency, what happened in each period.
    pub currencies: BTreeMap<String, Vec<Flow>>,
}

/// All periods as one: sums, and what was open at the end.
pub fn total(flows: &[Flow]) -> Flow {
    flows.iter().fold(Flow::default(), |sum, flow| sum.and(flow))
}
