//! How Stripe counts each currency.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::Currency;
use serde::Deserialize;

#[derive(Deserialize)]
struct Lists {
    all: BTreeSet<String>,
    zero_decimal: BTreeSet<String>,
    three_decimal: BTreeSet<String>,
    whole_times_100: BTreeSet<String>,
    minimum: BTreeMap<String, i64>,
}

/// Currencies by lower-case code.
pub(crate) fn load() -> BTreeMap<String, Currency> {
    let lists: Lists = serde_json::from_str(include_str!("../data/currencies.json")).expect("our own currency data");
    // The list of payment currencies comes from an SDK that leaves out the five three-decimal ones.
    lists.all.union(&lists.three_decimal).map(|code| (code.clone(), lists.currency(code))).collect()
}

impl Lists {
    fn currency(&self, code: &str) -> Currency {
        // Whole-unit currencies come first: UGX is in Stripe's zero-decimal list too, but is sent times 100.
        let (decimals, exponent, step) = if self.whole_times_100.contains(code) {
            (0, 2, 100)
        } else if self.zero_decimal.contains(code) {
            (0, 0, 1)
        } else if self.three_decimal.contains(code) {
            (3, 3, 10)
        } else {
            (2, 2, 1)
        };
        Currency { decimals, exponent, step, minimum: self.minimum.get(code).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_currency(code: &str, decimals: u32, exponent: u32, step: i64, minimum: Option<i64>) {
        assert_eq!(load()[code], Currency { decimals, exponent, step, minimum }, "{code}");
    }

    #[test]
    fn each_kind_of_currency_has_its_rule() {
        assert_currency("eur", 2, 2, 1, Some(50));
        assert_currency("huf", 2, 2, 1, Some(17_500));
        assert_currency("jpy", 0, 0, 1, Some(50));
        assert_currency("mga", 0, 0, 1, None);
        assert_currency("isk", 0, 2, 100, None);
        assert_currency("ugx", 0, 2, 100, None);
        assert_currency("kwd", 3, 3, 10, None);
    }

    #[test]
    fn every_listed_code_is_a_payment_currency() {
        let lists: Lists = serde_json::from_str(include_str!("../data/currencies.json")).unwrap();
        let special = lists.zero_decimal.iter().chain(&lists.whole_times_100);
        for code in special.chain(lists.minimum.keys()) {
            assert!(lists.all.contains(code), "{code}");
        }
        assert!(load().keys().all(|code| code.len() == 3 && *code == code.to_lowercase()));
    }
}
