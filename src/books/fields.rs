//! An object's fields beside those that its row asks for.

use std::collections::BTreeMap;

use rowbill_connector::{Call, Receipt, Target};
use rust_decimal::Decimal;

use crate::mapping::recipe::Prepared;

/// What a row asks for, and what its object shows instead.
pub struct Compared {
    /// The parameters as the object shows them; what it does not show is as it was asked for.
    pub shown: BTreeMap<String, String>,
    /// `description Desk → Chair`: the object, then the row.
    pub differences: Vec<String>,
}

/// Compares an object with what its row asks for. What an object does not show cannot differ.
pub fn compare(target: &dyn Target, prepared: &Prepared, receipt: &Receipt) -> Compared {
    let call = Call { operation: "", path: Vec::new(), params: prepared.params.clone() };
    let body = target.encode(&call).body;
    let mut compared = Compared { shown: BTreeMap::new(), differences: Vec::new() };
    for (name, wanted) in form_urlencoded::parse(&body).into_owned() {
        let shown = receipt.fields.get(&name).cloned().unwrap_or_else(|| wanted.clone());
        if !is_same(&shown, &wanted) {
            let word = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
            compared.differences.push(format!("{name} {} → {}", word(&shown), word(&wanted)));
        }
        compared.shown.insert(name, shown);
    }
    compared
}

impl Compared {
    /// The bytes that would make the object as it is.
    pub fn body(&self) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.shown).finish().into_bytes()
    }
}

/// Numbers are compared as numbers: `12.50` is `12.5`.
fn is_same(one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<Decimal>().ok();
    one == other || number(one).is_some_and(|one| number(other) == Some(one))
}
