//! Invoice items, pending or on an invoice.

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::money::Code;
use super::{Kind, Store, at};

/// An invoice item. On an invoice it is also what a line shows.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) created: i64,
    pub(crate) customer: u32,
    /// The invoice it is on; none while it is pending.
    pub(crate) invoice: Option<u32>,
    pub(crate) amount: i64,
    pub(crate) currency: Code,
    /// A decimal text; whole unless `quantity_decimal` was given.
    pub(crate) quantity: Box<str>,
    pub(crate) unit_amount: Box<str>,
    pub(crate) price: Option<u32>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) metadata: Metadata,
    pub(crate) period: (i64, i64),
    pub(crate) discountable: bool,
    pub(crate) deleted: bool,
}

impl Item {
    /// The item as Stripe gives it.
    pub(crate) fn render(&self, store: &Store, place: u32) -> Value {
        let id = store.id(Kind::Item, place);
        if self.deleted {
            return json!({"id": id, "object": "invoiceitem", "deleted": true});
        }
        json!({
            "id": id,
            "object": "invoiceitem",
            "amount": self.amount,
            "currency": self.currency.as_str(),
            "customer": store.id(Kind::Customer, self.customer),
            "customer_account": null,
            "date": self.created,
            "description": self.description,
            "discountable": self.discountable,
            "discounts": [],
            "invoice": self.invoice.map(|invoice| store.id(Kind::Invoice, invoice)),
            "livemode": store.livemode,
            "metadata": self.metadata.render(),
            "net_amount": self.amount,
            "parent": null,
            "period": {"end": self.period.1, "start": self.period.0},
            "pricing": self.pricing(store),
            "proration": false,
            "quantity": self.whole_quantity(),
            "quantity_decimal": self.quantity,
            "tax_rates": [],
            "test_clock": null,
        })
    }

    pub(crate) fn whole_quantity(&self) -> Option<i64> {
        self.quantity.parse().ok()
    }

    /// What replaced `price` in the versions since basil.
    pub(crate) fn pricing(&self, store: &Store) -> Value {
        let details = self.price.map(|price| {
            let product = store.product_id(store.prices[at(price)].product);
            json!({"price": store.id(Kind::Price, price), "product": product})
        });
        json!({"price_details": details, "type": "price_details", "unit_amount_decimal": self.unit_amount})
    }
}

impl Store {
    pub(crate) fn render_item(&self, place: u32) -> Value {
        self.items[at(place)].render(self, place)
    }
}
