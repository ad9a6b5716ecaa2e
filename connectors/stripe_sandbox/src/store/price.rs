//! Prices.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::money::{Code, multiplied};
use super::{Kind, Store, at};

/// What one unit of a product costs.
#[derive(Clone, Debug)]
pub(crate) struct Price {
    pub(crate) created: i64,
    pub(crate) product: u32,
    pub(crate) currency: Code,
    /// A decimal text in minor units.
    pub(crate) unit: Box<str>,
    pub(crate) active: bool,
    pub(crate) metadata: Metadata,
    pub(crate) rest: Map<String, Value>,
}

impl Price {
    /// The unit amount, where it is whole.
    pub(crate) fn unit_amount(&self) -> Option<i64> {
        self.unit.parse().ok()
    }

    /// The amount of so many units.
    pub(crate) fn times(&self, quantity: &str) -> Option<i64> {
        multiplied(&self.unit, quantity)
    }

    pub(crate) fn is_recurring(&self) -> bool {
        self.rest.contains_key("recurring")
    }
}

impl Store {
    pub(crate) fn render_price(&self, place: u32) -> Value {
        let price = &self.prices[at(place)];
        let rest = |name: &str| price.rest.get(name).cloned().unwrap_or_default();
        json!({
            "id": self.id(Kind::Price, place),
            "object": "price",
            "active": price.active,
            "billing_scheme": "per_unit",
            "created": price.created,
            "currency": price.currency.as_str(),
            "custom_unit_amount": null,
            "livemode": self.livemode,
            "lookup_key": rest("lookup_key"),
            "metadata": price.metadata.render(),
            "nickname": rest("nickname"),
            "product": self.product_id(price.product),
            "recurring": rest("recurring"),
            "tax_behavior": price.rest.get("tax_behavior").cloned().unwrap_or_else(|| "unspecified".into()),
            "tiers_mode": null,
            "transform_quantity": null,
            "type": if price.is_recurring() { "recurring" } else { "one_time" },
            "unit_amount": price.unit_amount(),
            "unit_amount_decimal": price.unit,
        })
    }
}
