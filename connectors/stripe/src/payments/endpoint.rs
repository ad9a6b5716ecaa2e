//! Webhook endpoints (<https://docs.stripe.com/api/webhook_endpoints>).

use indexmap::IndexMap;
use rowbill_connector::{Call, Endpoint, IdempotencyKey, Param, SendError, Target};
use serde_json::Value;

use super::KINDS;
use crate::http::Ask;
use crate::read::no_object;
use crate::target::{StripeTarget, header};

impl StripeTarget {
    pub(super) async fn all_endpoints(&self) -> Result<Vec<Endpoint>, SendError> {
        let mut found = Vec::new();
        self.http.each("/v1/webhook_endpoints", Vec::new(), None, |value| found.extend(read(value))).await?;
        Ok(found)
    }

    /// With exactly the events that matter, and in the shapes of the version that is spoken here.
    pub(super) async fn make_endpoint(&self, url: &str, key: &IdempotencyKey) -> Result<(Endpoint, String), SendError> {
        let kinds = KINDS.iter().map(|kind| Param::Text((*kind).to_owned())).collect();
        let mut params = IndexMap::from([
            ("url".to_owned(), Param::Text(url.to_owned())),
            ("enabled_events".to_owned(), Param::List(kinds)),
            ("api_version".to_owned(), Param::Text(rowbill_stripe_spec::VERSION.to_owned())),
            ("description".to_owned(), Param::Text("rowbill".to_owned())),
        ]);
        if self.config.connected_account.is_some() {
            params.insert("connect".to_owned(), Param::Bool(false));
        }
        let request = self.encode(&Call { operation: "POST /v1/webhook_endpoints", path: Vec::new(), params });
        self.ready(&request.operation).await;
        let (operation, path) = (&*request.operation, &*request.path);
        let ask = Ask { operation, path, query: &[], body: Some(&request.body), key: Some(header(key)?) };
        let value = self.http.judged(&ask).await?.value;
        let secret = value.get("secret").and_then(Value::as_str).map(str::to_owned);
        read(&value).zip(secret).ok_or_else(no_object)
    }
}

fn read(value: &Value) -> Option<Endpoint> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let enabled: Vec<&str> = value["enabled_events"].as_array()?.iter().filter_map(Value::as_str).collect();
    let gets = |kind: &&&str| enabled.contains(&"*") || enabled.contains(kind);
    Some(Endpoint {
        id: text("id")?,
        url: text("url")?,
        is_enabled: value["status"] == "enabled",
        lacks: KINDS.iter().filter(|kind| !gets(kind)).map(|kind| (*kind).to_owned()).collect(),
    })
}
