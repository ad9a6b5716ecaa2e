//! Lines: how an invoice shows its items.

use serde_json::{Value, json};

use super::{Kind, Store, at};

impl Store {
    /// The line that shows the item at this place.
    pub(crate) fn render_line(&self, place: u32) -> Value {
        let item = &self.items[at(place)];
        json!({
            "id": self.id(Kind::Line, place),
            "object": "line_item",
            "amount": item.amount,
            "currency": item.currency.as_str(),
            "description": item.description,
            "discount_amounts": [],
            "discountable": item.discountable,
            "discounts": [],
            "invoice": item.invoice.map(|invoice| self.id(Kind::Invoice, invoice)),
            "livemode": self.livemode,
            "metadata": item.metadata.render(),
            "parent": {
                "invoice_item_details": {
                    "invoice_item": self.id(Kind::Item, place),
                    "proration": false,
                    "proration_details": {"credited_items": null},
                    "subscription": null,
                },
                "subscription_item_details": null,
                "type": "invoice_item_details",
            },
            "period": {"end": item.period.1, "start": item.period.0},
            "pretax_credit_amounts": [],
            "pricing": item.pricing(self),
            "quantity": item.whole_quantity(),
            "quantity_decimal": item.quantity,
            "subscription": null,
            "subtotal": item.amount,
            "taxes": [],
        })
    }
}
