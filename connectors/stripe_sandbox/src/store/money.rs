//! Amounts without floats: minor units, decimal unit amounts, currencies.

use std::fmt;

use rowbill_connector::Currency;

use crate::refusal::Refusal;

/// More digits than any amount that Stripe takes.
const LARGEST: i64 = 999_999_999_999;
/// Decimals of a unit amount.
const SCALE: u32 = 12;

/// A lower-case currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code([u8; 3]);

impl Code {
    pub(crate) const USD: Self = Self(*b"usd");

    /// A code that the parameter check has let through.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.as_bytes().try_into().unwrap_or(Self::USD.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("usd")
    }

    fn facts(self) -> Currency {
        let currencies = &rowbill_stripe_spec::catalog().currencies;
        let usual = Currency { decimals: 2, exponent: 2, step: 1, minimum: None };
        currencies.get(self.as_str()).copied().unwrap_or(usual)
    }

    /// The smallest charge; nothing for currencies where it is not known.
    pub(crate) fn minimum(self) -> i64 {
        self.facts().minimum.unwrap_or(0)
    }

    /// Whether Stripe takes an amount of this currency.
    pub(crate) fn check(self, amount: i64, param: &str) -> Result<i64, Refusal> {
        if amount.checked_abs().is_none_or(|size| size > LARGEST) {
            return Err(Refusal::of(param, "Amount must be no more than 999999999999.").code("amount_too_large"));
        }
        let step = self.facts().step;
        if amount % step != 0 {
            let message = format!("Invalid amount: amounts in {self} must be divisible by {step}.");
            return Err(Refusal::of(param, message).code("parameter_invalid_integer"));
        }
        Ok(amount)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

/// Unit amount times quantity, both decimal texts, rounded half away from zero to whole minor units.
pub(crate) fn multiplied(unit: &str, quantity: &str) -> Option<i64> {
    let product = scaled(unit)?.checked_mul(scaled(quantity)?)?;
    let one = 10_i128.pow(2 * SCALE);
    let rounded = (product.abs() + one / 2) / one * product.signum();
    i64::try_from(rounded).ok()
}

/// A decimal text in units of ten to the minus twelfth.
fn scaled(text: &str) -> Option<i128> {
    let (digits, sign) = text.strip_prefix('-').map_or((text, 1), |digits| (digits, -1));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = SCALE.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(sign * number.checked_mul(10_i128.pow(missing))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(multiplied("1999", "3"), Some(5997));
        assert_eq!(multiplied("0.5", "1"), Some(1));
        assert_eq!(multiplied("-0.5", "1"), Some(-1));
        assert_eq!(multiplied("0.000000000001", "499999999999"), Some(0));
        assert_eq!(multiplied("33.333333333333", "3"), Some(100));
        assert_eq!(multiplied("999999999999999", "999999999999999"), None);
    }

    #[test]
    fn steps_of_currencies() {
        assert!(Code::new("isk").check(150, "amount").is_err());
        assert!(Code::new("kwd").check(1010, "amount").is_ok());
        assert!(Code::new("eur").check(i64::MIN, "amount").is_err());
    }
}
