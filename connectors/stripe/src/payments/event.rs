//! Events: which ones matter, and what they are about.

use rowbill_connector::{Event, Subject};
use serde_json::Value;

use crate::receipt::reference;

/// The events that may change a payment; an endpoint is registered with exactly these (docs.stripe.com/api/events/types).
pub const KINDS: [&str; 27] = [
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "customer.deleted",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.overdue",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.sent",
    "invoice.voided",
    "invoice_payment.paid",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// Reads an event; nothing for what is none.
pub(super) fn read(value: &Value) -> Option<Event> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if value["object"] != "event" {
        return None;
    }
    Some(Event {
        id: text("id").filter(|id| !id.is_empty())?,
        kind: text("type")?,
        created: value["created"].as_i64()?,
        livemode: value["livemode"].as_bool()?,
        account: text("account"),
        subject: subject(value.pointer("/data/object").unwrap_or(&Value::Null)),
    })
}

fn subject(object: &Value) -> Subject {
    let id = |name: &str| reference(object.get(name));
    let intent = || id("payment_intent").map(Subject::Intent);
    let found = match object["object"].as_str() {
        Some("invoice") => id("id").map(Subject::Invoice),
        Some("invoice_payment" | "credit_note") => id("invoice").map(Subject::Invoice),
        Some("payment_intent") => id("id").map(Subject::Intent),
        Some("charge") => intent().or_else(|| id("id").map(Subject::Charge)),
        Some("refund" | "dispute") => intent().or_else(|| id("charge").map(Subject::Charge)),
        _ => None,
    };
    found.unwrap_or(Subject::Other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_event_is_about() {
        for (object, wanted) in [
            (json!({ "object": "invoice", "id": "in_1" }), Subject::Invoice("in_1".to_owned())),
            (json!({ "object": "invoice_payment", "invoice": { "id": "in_1" } }), Subject::Invoice("in_1".to_owned())),
            (json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1" }), Subject::Intent("pi_1".to_owned())),
            (json!({ "object": "charge", "id": "ch_1", "payment_intent": null }), Subject::Charge("ch_1".to_owned())),
            (json!({ "object": "refund", "charge": "ch_1" }), Subject::Charge("ch_1".to_owned())),
            (
                json!({ "object": "dispute", "payment_intent": "pi_1", "charge": "ch_1" }),
                Subject::Intent("pi_1".to_owned()),
            ),
            (json!({ "object": "customer", "id": "cus_1" }), Subject::Other),
            (json!(7), Subject::Other),
        ] {
            assert_eq!(subject(&object), wanted, "{object}");
        }
    }

    #[test]
    fn what_is_no_event_is_none() {
        let event = json!({ "object": "event", "id": "evt_1", "type": "invoice.paid", "created": 7, "livemode": false,
            "data": { "object": { "object": "invoice", "id": "in_1" } } });
        assert_eq!(read(&event).map(|event| event.created), Some(7));
        for missing in ["object", "id", "type", "created", "livemode"] {
            let mut less = event.clone();
            less.as_object_mut().unwrap().remove(missing);
            assert_eq!(read(&less), None, "{missing}");
        }
    }
}
