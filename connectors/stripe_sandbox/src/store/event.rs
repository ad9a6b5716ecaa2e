//! Events: what happened, with the object as it was then (docs.stripe.com/api/events).
//!
//! They cost next to nothing until they are read: an event shares the object with the table, and is rendered on
//! demand. Only the lines of a draft are shown as they are now, and deadlines as they stand now.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::snapshot::Snapshot;
use super::{Kind, Store, at};

/// Stripe lists events of the last 30 days.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Beyond it the oldest are forgotten.
const MOST: usize = 100_000;

/// Something that happened to an object.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) created: i64,
    pub(crate) name: &'static str,
    kind: Kind,
    place: u32,
    object: Snapshot,
    cause: Cause,
}

/// Who did it: nobody but the sandbox itself, or a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<u64>,
    pub(crate) key: Option<Arc<str>>,
}

/// The events of the account. An event's place is its number, counted from the first that ever was.
#[derive(Debug, Default)]
pub(crate) struct Events {
    list: VecDeque<Event>,
    forgotten: u32,
}

impl Events {
    fn push(&mut self, event: Event) {
        let now = event.created;
        while self.list.len() >= MOST || self.list.front().is_some_and(|event| event.created < now - KEPT_SECONDS) {
            self.list.pop_front();
            self.forgotten += 1;
        }
        self.list.push_back(event);
    }

    /// The places of those that are not forgotten.
    pub(crate) fn places(&self) -> Range<u32> {
        self.forgotten..self.forgotten + u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, place: u32) -> Option<&Event> {
        self.list.get(at(place.checked_sub(self.forgotten)?))
    }
}

/// Whether a name is meant by a filter: the name itself, `*`, or a group such as `charge.*`.
pub(crate) fn means(filter: &str, name: &str) -> bool {
    filter.strip_suffix('*').map_or(filter == name, |start| name.starts_with(start))
}

impl Store {
    /// Puts on record what happened to an object just now.
    pub(crate) fn emit(&mut self, name: &'static str, kind: Kind, place: u32) {
        let object = self.snapshot(kind, place);
        self.events.push(Event { created: self.now, name, kind, place, object, cause: self.cause.clone() });
    }

    /// An event that is not older than 30 days.
    pub(crate) fn recent(&self, place: u32) -> Option<&Event> {
        self.events.get(place).filter(|event| event.created >= self.now - KEPT_SECONDS)
    }

    pub(crate) fn render_event(&self, place: u32) -> Value {
        let Some(event) = self.events.get(place) else {
            return Value::Null;
        };
        let mut data = json!({"object": event.object.render(self, event.kind, event.place)});
        if event.name.ends_with("updated") {
            data["previous_attributes"] = json!({});
        }
        json!({
            "id": self.id(Kind::Event, place),
            "object": "event",
            "api_version": rowbill_stripe_spec::VERSION,
            "created": event.created,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 0,
            "request": {
                "id": event.cause.request.map(|number| self.ids.request(number)),
                "idempotency_key": event.cause.key.as_deref(),
            },
            "type": event.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        assert!(
            means("*", "invoice.paid") && means("invoice.*", "invoice.paid") && means("invoice.paid", "invoice.paid")
        );
        assert!(!means("invoice.*", "invoice_payment.paid") && !means("invoice", "invoice.paid"));
    }
}
