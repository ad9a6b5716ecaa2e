//! What an item is over: as the row says, as it was sent, as the target answered.

use indexmap::IndexMap;
use rowbill_connector::{Param, Problem, Receipt};

use crate::mapping::money::Minor;

/// The amount of an item's parameters, where the row alone says it.
pub fn amount_of(params: &IndexMap<String, Param>) -> Option<Minor> {
    let (Param::Int(amount), Param::Text(currency)) = (params.get("amount")?, params.get("currency")?) else {
        return None;
    };
    Some(Minor { amount: *amount, currency: currency.clone() })
}

/// What an item will come to, as far as it can be foreseen: for guards and totals, not for comparing.
pub fn foreseen(params: &IndexMap<String, Param>) -> Option<Minor> {
    if let Some(minor) = amount_of(params) {
        return Some(minor);
    }
    let (Param::Decimal(each), Param::Text(currency)) = (params.get("unit_amount_decimal")?, params.get("currency")?)
    else {
        return None;
    };
    let quantity = match params.get("quantity") {
        Some(Param::Int(quantity)) => *quantity,
        None => 1,
        Some(_) => return None,
    };
    let each: rust_decimal::Decimal = each.parse().ok()?;
    let sum = each.checked_mul(quantity.into())?.round();
    Some(Minor { amount: i64::try_from(sum.mantissa()).ok()?, currency: currency.clone() })
}

/// The amount in an item's bytes, as they were sent.
pub fn amount_sent(body: &[u8]) -> Option<Minor> {
    Some(Minor { amount: field_sent(body, "amount")?.parse().ok()?, currency: field_sent(body, "currency")? })
}

/// A field of the bytes that were sent.
pub fn field_sent(body: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What a receipt says was billed.
pub fn billed(receipt: &Receipt, is_money: bool) -> Option<Minor> {
    let (amount, currency) = (receipt.amount?, receipt.currency.clone()?);
    is_money.then_some(Minor { amount, currency })
}

/// What the target made must be what was asked for.
pub fn differs(receipt: &Receipt, expected: Option<&Minor>) -> Option<Problem> {
    let expected = expected?;
    let same = receipt.amount.is_none_or(|amount| amount == expected.amount)
        && receipt.currency.as_ref().is_none_or(|currency| *currency == expected.currency);
    (!same).then(|| {
        let message = format!(
            "{} is over {} {}, but the row says {} {}",
            receipt.id,
            receipt.amount.unwrap_or_default(),
            receipt.currency.as_deref().unwrap_or_default(),
            expected.amount,
            expected.currency
        );
        Problem::new("row.check_amount", message).advise("look at the object in Stripe (amounts are in minor units)")
    })
}
