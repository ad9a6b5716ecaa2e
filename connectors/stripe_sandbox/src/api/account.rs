//! The account itself. These two operations are outside the billing catalog.

use serde_json::{Value, json};

use crate::store::Store;

pub(crate) fn is_account_path(path: &str) -> bool {
    matches!(path, "/v1/account" | "/v1/balance")
}

pub(super) fn account(store: &Store) -> Value {
    json!({
        "id": store.ids.account(),
        "object": "account",
        "business_profile": {"name": "rowbill sandbox"},
        "charges_enabled": true,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": true,
        "email": null,
        "livemode": store.livemode,
        "metadata": {},
        "payouts_enabled": true,
        "settings": {"dashboard": {"display_name": "rowbill sandbox", "timezone": "Etc/UTC"}},
        "type": "standard",
    })
}
