//! Customers.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::money::Code;
use super::{Kind, Store, at};

/// A customer. What rowbill rarely sends is kept as it was given, in `rest`, under the parameters' names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customer {
    pub(crate) created: i64,
    pub(crate) email: Option<Box<str>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) metadata: Metadata,
    pub(crate) rest: Option<Box<Map<String, Value>>>,
    /// Set by the first invoice or item.
    pub(crate) currency: Option<Code>,
    /// Negative: the customer has a credit.
    pub(crate) balance: i64,
    /// Invoices that have been numbered.
    pub(crate) numbered: u32,
    pub(crate) deleted: bool,
}

/// Parameters that come back under their own names.
const ECHOED: [&str; 9] = [
    "description",
    "phone",
    "preferred_locales",
    "tax_exempt",
    "invoice_prefix",
    "next_invoice_sequence",
    "business_name",
    "individual_name",
    "test_clock",
];

const ADDRESS: [&str; 6] = ["city", "country", "line1", "line2", "postal_code", "state"];

impl Customer {
    /// A parameter that was given and not cleared.
    pub(crate) fn rest(&self, name: &str) -> Option<&Value> {
        self.rest.as_ref().and_then(|rest| rest.get(name))
    }

    pub(crate) fn address(&self) -> Value {
        self.rest("address").map_or(Value::Null, address)
    }

    /// The customer as Stripe gives it.
    pub(crate) fn render(&self, store: &Store, place: u32) -> Value {
        let id = store.id(Kind::Customer, place);
        if self.deleted {
            return json!({"id": id, "object": "customer", "deleted": true});
        }
        let mut value = json!({
            "id": id,
            "object": "customer",
            "address": self.address(),
            "balance": self.balance,
            "created": self.created,
            "currency": self.currency.as_ref().map(Code::as_str),
            "default_source": null,
            "delinquent": false,
            "description": null,
            "discount": null,
            "email": self.email,
            "invoice_prefix": store.ids.invoice_prefix(place),
            "invoice_settings": self.invoice_settings(),
            "livemode": store.livemode,
            "metadata": self.metadata.render(),
            "name": self.name,
            "next_invoice_sequence": self.numbered + 1,
            "phone": null,
            "preferred_locales": [],
            "shipping": self.shipping(),
            "tax_exempt": "none",
            "test_clock": null,
        });
        for name in ECHOED {
            if let Some(given) = self.rest(name) {
                value[name] = given.clone();
            }
        }
        value
    }

    fn shipping(&self) -> Value {
        let Some(given) = self.rest("shipping") else {
            return Value::Null;
        };
        json!({
            "address": given.get("address").map_or(Value::Null, address),
            "name": given.get("name"),
            "phone": given.get("phone"),
        })
    }

    fn invoice_settings(&self) -> Value {
        let mut settings = json!({
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
        });
        if let Some(Value::Object(given)) = self.rest("invoice_settings") {
            for (name, value) in given {
                settings[name] = value.clone();
            }
        }
        settings
    }
}

fn address(given: &Value) -> Value {
    Value::Object(ADDRESS.iter().map(|&name| (name.to_owned(), given.get(name).cloned().unwrap_or_default())).collect())
}

impl Store {
    pub(crate) fn render_customer(&self, place: u32) -> Value {
        self.customers[at(place)].render(self, place)
    }
}
