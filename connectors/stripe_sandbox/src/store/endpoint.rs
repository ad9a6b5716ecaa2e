//! Webhook endpoints (`docs.stripe.com/api/webhook_endpoints`).

use serde_json::{Value, json};

use super::event::means;
use super::metadata::Metadata;
use super::{Kind, Store, at};

/// Where events are delivered to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) created: i64,
    pub(crate) url: Box<str>,
    pub(crate) enabled_events: Vec<Box<str>>,
    pub(crate) api_version: Option<Box<str>>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) metadata: Metadata,
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
}

impl Endpoint {
    pub(crate) fn wants(&self, event: &str) -> bool {
        !self.disabled && !self.deleted && self.enabled_events.iter().any(|filter| means(filter, event))
    }
}

impl Store {
    /// Without the secret, which only the answer to the creation shows.
    pub(crate) fn render_endpoint(&self, place: u32) -> Value {
        let endpoint = &self.endpoints[at(place)];
        let id = self.id(Kind::Endpoint, place);
        if endpoint.deleted {
            return json!({"id": id, "object": "webhook_endpoint", "deleted": true});
        }
        json!({
            "id": id,
            "object": "webhook_endpoint",
            "api_version": endpoint.api_version,
            "application": null,
            "created": endpoint.created,
            "description": endpoint.description,
            "enabled_events": endpoint.enabled_events,
            "livemode": self.livemode,
            "metadata": endpoint.metadata.render(),
            "status": if endpoint.disabled { "disabled" } else { "enabled" },
            "url": endpoint.url,
        })
    }
}
