//! Products.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::{Kind, Store, at};

/// Something that has prices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    /// The id, where the caller chose it.
    pub(crate) own_id: Option<Box<str>>,
    pub(crate) name: Box<str>,
    pub(crate) active: bool,
    pub(crate) default_price: Option<u32>,
    pub(crate) metadata: Metadata,
    pub(crate) rest: Map<String, Value>,
    pub(crate) deleted: bool,
}

const ECHOED: [&str; 9] = [
    "description",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
];

impl Store {
    pub(crate) fn render_product(&self, place: u32) -> Value {
        let product = &self.products[at(place)];
        let id = self.product_id(place);
        if product.deleted {
            return json!({"id": id, "object": "product", "deleted": true});
        }
        let mut value = json!({
            "id": id,
            "object": "product",
            "active": product.active,
            "created": product.created,
            "default_price": product.default_price.map(|price| self.id(Kind::Price, price)),
            "description": null,
            "images": [],
            "livemode": self.livemode,
            "marketing_features": [],
            "metadata": product.metadata.render(),
            "name": product.name,
            "package_dimensions": null,
            "shippable": null,
            "statement_descriptor": null,
            "tax_code": null,
            "type": "service",
            "unit_label": null,
            "updated": product.updated,
            "url": null,
        });
        for name in ECHOED {
            if let Some(given) = product.rest.get(name) {
                value[name] = given.clone();
            }
        }
        value
    }
}
