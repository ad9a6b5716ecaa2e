//! Exact money, and its way into the target's minor units.

use std::collections::BTreeMap;

use rowbill_connector::{Currency, Problem};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An amount as the row has it: in major units of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Major units, with the decimals that were written.
    pub amount: Decimal,
    /// Lower-case currency code.
    pub currency: String,
}

/// An amount as the target takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minor {
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
}

impl Minor {
    /// An amount of which both parts are known.
    pub fn of(amount: Option<i64>, currency: Option<&str>) -> Option<Self> {
        Some(Self { amount: amount?, currency: currency?.to_owned() })
    }
}

/// Turns major into minor units. More decimals than the currency has are refused, never rounded.
pub fn to_minor(money: &Money, currencies: &BTreeMap<String, Currency>) -> Result<i64, Problem> {
    let currency = currency(&money.currency, currencies)?;
    let code = money.currency.to_uppercase();
    let written = money.amount.to_string();
    if money.amount.scale() > currency.decimals {
        let message = format!("{written} {code} has more decimals than {code}, which has {}", currency.decimals);
        return Err(Problem::new("row.too_many_decimals", message).advise("correct the amount or the currency"));
    }
    let too_large = || {
        Problem::new("row.number_too_large", format!("{written} {code} is too large an amount"))
            .advise("correct the cell")
    };
    let factor = Decimal::from(10_i64.pow(currency.exponent));
    let minor = money.amount.checked_mul(factor).ok_or_else(too_large)?;
    let minor = i64::try_from(minor.normalize().mantissa()).ok().filter(|_| minor.normalize().scale() == 0);
    let minor = minor.ok_or_else(too_large)?;
    if minor % currency.step != 0 {
        let message =
            format!("Stripe takes {code} only in steps of {}", from_minor(currency.step, &money.currency, currencies));
        return Err(Problem::new("row.amount_step", message).advise("round the amount in the source"));
    }
    Ok(minor)
}

/// The currency's facts, or the problem that it is unknown.
pub fn currency<'a>(code: &str, currencies: &'a BTreeMap<String, Currency>) -> Result<&'a Currency, Problem> {
    currencies.get(code).ok_or_else(|| {
        let names: Vec<&str> = currencies.keys().map(String::as_str).collect();
        let near =
            crate::suggest::nearest(code, &names).map(|name| format!("did you mean `{}`? ", name.to_uppercase()));
        Problem::new("row.unknown_currency", format!("`{}` is not a currency that Stripe knows", code.to_uppercase()))
            .advise(format!("{}use a three-letter code such as EUR", near.unwrap_or_default()))
    })
}

/// Minor units as people read them: `1243050` EUR is `12430.50`.
pub fn from_minor(minor: i64, code: &str, currencies: &BTreeMap<String, Currency>) -> String {
    let exponent = currencies.get(code).map_or(2, |currency| currency.exponent);
    Decimal::new(minor, exponent).to_string()
}

/// With thousands separated, for totals on screen: `EUR 12,430.50`.
pub fn display(minor: i64, code: &str, currencies: &BTreeMap<String, Currency>) -> String {
    let plain = from_minor(minor, code, currencies);
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, decimals) = digits.split_once('.').map_or((digits, None), |(whole, decimals)| (whole, Some(decimals)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let decimals = decimals.map(|decimals| format!(".{decimals}")).unwrap_or_default();
    format!("{} {sign}{grouped}{decimals}", code.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amount: &str, code: &str) -> Result<i64, String> {
        let money = Money { amount: amount.parse().unwrap(), currency: code.into() };
        to_minor(&money, &rowbill_stripe_spec::catalog().currencies).map_err(|problem| problem.code)
    }

    #[test]
    fn every_cent_below_ten_thousand_is_exact() {
        for cents in 0..1_000_000_i64 {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            assert_eq!(minor(&text, "eur"), Ok(cents), "{text}");
        }
    }

    #[test]
    fn currencies_have_their_own_units() {
        assert_eq!(minor("500", "jpy"), Ok(500));
        assert_eq!(minor("500.0", "jpy"), Err("row.too_many_decimals".into()));
        assert_eq!(minor("500", "isk"), Ok(50_000));
        assert_eq!(minor("500", "ugx"), Ok(50_000));
        assert_eq!(minor("500.50", "isk"), Err("row.too_many_decimals".into()));
        assert_eq!(minor("1.230", "kwd"), Ok(1230));
        assert_eq!(minor("1.234", "kwd"), Err("row.amount_step".into()));
        assert_eq!(minor("1.234", "eur"), Err("row.too_many_decimals".into()));
        assert_eq!(minor("-1.20", "eur"), Ok(-120));
        assert_eq!(minor("1", "xxx"), Err("row.unknown_currency".into()));
        assert_eq!(minor("99999999999999999999", "eur"), Err("row.number_too_large".into()));
    }

    #[test]
    fn totals_are_readable() {
        let currencies = &rowbill_stripe_spec::catalog().currencies;
        assert_eq!(display(1_243_050, "eur", currencies), "EUR 12,430.50");
        assert_eq!(display(-50, "usd", currencies), "USD -0.50");
        assert_eq!(display(1_000_000, "jpy", currencies), "JPY 1,000,000");
    }
}
