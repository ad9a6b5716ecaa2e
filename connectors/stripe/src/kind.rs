//! The objects that rowbill makes: how their ids begin and where they live.

/// One kind of object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// How its ids begin.
    pub(crate) prefix: &'static str,
    /// Stripe's name of it, the `object` of its JSON.
    pub(crate) object: &'static str,
    /// Where it is listed.
    pub(crate) list: &'static str,
    /// Where one is read.
    pub(crate) one: &'static str,
    /// Where one is seen in the dashboard; without a page of its own it is found by the dashboard's search.
    pub(crate) page: Option<&'static str>,
}

const KINDS: [Kind; 7] = [
    Kind {
        prefix: "cus_",
        object: "customer",
        list: "/v1/customers",
        one: "/v1/customers/{customer}",
        page: Some("customers"),
    },
    Kind {
        prefix: "ii_",
        object: "invoiceitem",
        list: "/v1/invoiceitems",
        one: "/v1/invoiceitems/{invoiceitem}",
        page: None,
    },
    Kind {
        prefix: "in_",
        object: "invoice",
        list: "/v1/invoices",
        one: "/v1/invoices/{invoice}",
        page: Some("invoices"),
    },
    Kind { prefix: "re_", object: "refund", list: "/v1/refunds", one: "/v1/refunds/{refund}", page: None },
    Kind { prefix: "cn_", object: "credit_note", list: "/v1/credit_notes", one: "/v1/credit_notes/{id}", page: None },
    Kind { prefix: "prod_", object: "product", list: "/v1/products", one: "/v1/products/{id}", page: Some("products") },
    Kind { prefix: "price_", object: "price", list: "/v1/prices", one: "/v1/prices/{price}", page: Some("prices") },
];

impl Kind {
    /// The kind of the object with this id.
    pub(crate) fn of_id(id: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| id.starts_with(kind.prefix))
    }

    /// The kind with this name.
    pub(crate) fn named(object: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.object == object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_catalog() {
        let operations = &rowbill_stripe_spec::catalog().operations;
        for kind in &KINDS {
            for path in [kind.list, kind.one] {
                assert!(operations.contains_key(&format!("GET {path}")), "{path}");
            }
        }
    }
}
