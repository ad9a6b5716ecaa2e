//! The operations of Stripe's API that concern billing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rowbill_connector::Operation;
use serde::Deserialize;

#[derive(Deserialize)]
struct Data<O> {
    version: String,
    operations: Vec<O>,
}

#[derive(Deserialize)]
struct Listing {
    method: String,
    path: String,
    kind: Option<Paging>,
}

/// How an operation answers with several objects.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Paging {
    /// A list with `starting_after` and `ending_before`.
    List,
    /// A search with `query` and `page`.
    Search,
}

static PAGED: LazyLock<BTreeMap<String, Paging>> = LazyLock::new(|| {
    let named = |each: Listing| Some((format!("{} {}", each.method, each.path), each.kind?));
    read::<Listing>().operations.into_iter().filter_map(named).collect()
});

/// Whether the named operation answers with a list or a search page.
pub fn paged(operation: &str) -> Option<Paging> {
    PAGED.get(operation).copied()
}

/// Operations by name.
pub(crate) fn load() -> BTreeMap<String, Operation> {
    let data = read::<Operation>();
    assert_eq!(data.version, crate::VERSION, "operations.json is of another API version");
    data.operations.into_iter().map(|operation| (operation.name(), operation)).collect()
}

fn read<O: for<'de> Deserialize<'de>>() -> Data<O> {
    serde_json::from_str(include_str!("../data/operations.json")).expect("our own operation data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn all_operations_load() {
        assert_eq!(catalog().operations.len(), 127);
        assert_eq!(catalog().version, "2026-10-28.endive");
        for (name, operation) in &catalog().operations {
            assert_eq!(*name, operation.name());
            assert!(operation.params.kind.is_none() || operation.params.kind.as_deref() == Some("object"), "{name}");
        }
    }

    #[test]
    fn what_the_schema_says_arrives() {
        let item = &catalog().operations["POST /v1/invoiceitems"].params.properties;
        assert_eq!(item["amount"].kind.as_deref(), Some("integer"));
        assert_eq!(item["currency"].format.as_deref(), Some("currency"));
        assert!(item["metadata"].additional_properties.is_some());
        let invoice = &catalog().operations["POST /v1/invoices"].params.properties;
        assert_eq!(invoice["collection_method"].options, ["charge_automatically", "send_invoice"]);
        assert!(invoice["description"].max_length.is_some());
    }

    #[test]
    fn lists_and_searches_are_told_apart() {
        assert_eq!(paged("GET /v1/customers"), Some(Paging::List));
        assert_eq!(paged("GET /v1/customers/search"), Some(Paging::Search));
        assert_eq!(paged("GET /v1/customers/{customer}"), None);
    }
}
