//! The account's books: balance transactions, payouts, and invoices with what came in for them.

use std::collections::HashMap;

use async_trait::async_trait;
use rowbill_connector::{Cash, Entry, EntryKind, Owed, Part, Payout, SendError, Span};
use serde_json::Value;

use crate::read::no_object;
use crate::target::StripeTarget;

#[async_trait]
impl Cash for StripeTarget {
    /// Of what is booked, `created` decides, as in Stripe's balance report (docs.stripe.com/reports/report-types/balance).
    async fn entries(&self, span: Span) -> Result<Vec<Entry>, SendError> {
        self.read_all("/v1/balance_transactions", within(span), Some(span.from), |value| entry(value).map(Some)).await
    }

    async fn payouts(&self, span: Span) -> Result<Vec<Payout>, SendError> {
        self.read_all("/v1/payouts", within(span), Some(span.from), |value| payout(value).map(Some)).await
    }

    /// The invoices first and their payments after them: what is paid in between is then a payment of an invoice that
    /// is still open, and not money that came from nowhere.
    async fn owed(&self, span: Span) -> Result<Vec<Owed>, SendError> {
        let mut all = self.read_all("/v1/invoices", within(span), Some(span.from), owed).await?;
        let older = vec![("created[lt]", span.from.to_string()), ("status", "open".to_owned())];
        let older = self.read_all("/v1/invoices", older, None, owed).await?;
        // An invoice is older than its payments, so that all of those of the first list are in this one.
        let since = vec![("created[gte]", span.from.to_string()), ("status", "paid".to_owned())];
        let mut parts: HashMap<String, Vec<Part>> = HashMap::new();
        for (invoice, part) in self.read_all("/v1/invoice_payments", since, Some(span.from), part).await? {
            parts.entry(invoice).or_default().push(part);
        }
        for invoice in &mut all {
            invoice.parts = parts.remove(&invoice.id).unwrap_or_default();
        }
        for mut invoice in older {
            let of_it = vec![("invoice", invoice.id.clone()), ("status", "paid".to_owned())];
            let of_it = self.read_all("/v1/invoice_payments", of_it, None, part).await?;
            invoice.parts = of_it.into_iter().map(|(_, part)| part).collect();
            all.push(invoice);
        }
        Ok(all)
    }
}

impl StripeTarget {
    /// All objects of a list: `Ok(None)` is left out on purpose, and one that cannot be read ends it.
    async fn read_all<T: Send>(
        &self,
        path: &'static str,
        query: Vec<(&'static str, String)>,
        since: Option<i64>,
        read: impl Fn(&Value) -> Option<Option<T>> + Send + Sync,
    ) -> Result<Vec<T>, SendError> {
        let mut found = Vec::new();
        let mut is_whole = true;
        self.each(path, query, since, |value| match read(value) {
            Some(one) => found.extend(one),
            None => is_whole = false,
        })
        .await?;
        if is_whole { Ok(found) } else { Err(no_object()) }
    }
}

fn within(span: Span) -> Vec<(&'static str, String)> {
    vec![("created[gte]", span.from.to_string()), ("created[lt]", span.until.to_string())]
}

/// docs.stripe.com/api/balance_transactions/object.
fn entry(value: &Value) -> Option<Entry> {
    let category = value["reporting_category"].as_str().or_else(|| value["type"].as_str())?;
    Some(Entry {
        id: text(value, "id")?,
        kind: kind(category),
        amount: value["amount"].as_i64()?,
        fee: value["fee"].as_i64()?,
        net: value["net"].as_i64()?,
        currency: text(value, "currency")?,
        created: value["created"].as_i64()?,
        available: value["available_on"].as_i64()?,
        source: text(value, "source"),
    })
}

/// By the category and not by the type, which calls disputes and much else `adjustment`, and payments that are not by
/// card otherwise (docs.stripe.com/reports/reporting-categories).
fn kind(category: &str) -> EntryKind {
    match category {
        "charge" | "charge_failure" | "partial_capture_reversal" => EntryKind::Charge,
        "refund" | "refund_failure" => EntryKind::Refund,
        "dispute" | "dispute_reversal" => EntryKind::Dispute,
        "fee" | "network_cost" => EntryKind::Fee,
        "payout" | "payout_reversal" => EntryKind::Payout,
        other => EntryKind::Other(other.to_owned()),
    }
}

/// docs.stripe.com/api/payouts/object.
fn payout(value: &Value) -> Option<Payout> {
    Some(Payout {
        id: text(value, "id")?,
        amount: value["amount"].as_i64()?,
        currency: text(value, "currency")?,
        created: value["created"].as_i64()?,
        arrival: value["arrival_date"].as_i64()?,
        is_on_its_way: matches!(value["status"].as_str()?, "pending" | "in_transit"),
    })
}

/// docs.stripe.com/api/invoices/object; a draft is owed by nobody.
fn owed(value: &Value) -> Option<Option<Owed>> {
    let moments = &value["status_transitions"];
    let Some(finalized) = moments["finalized_at"].as_i64() else {
        return (value["status"] == "draft").then_some(None);
    };
    Some(Some(Owed {
        id: text(value, "id")?,
        currency: text(value, "currency")?,
        total: value["total"].as_i64()?,
        due: value["amount_due"].as_i64()?,
        paid: value["amount_paid"].as_i64()?,
        finalized,
        due_by: value["due_date"].as_i64(),
        paid_at: moments["paid_at"].as_i64(),
        voided_at: moments["voided_at"].as_i64(),
        given_up_at: moments["marked_uncollectible_at"].as_i64(),
        parts: Vec::new(),
    }))
}

/// A payment of an invoice (docs.stripe.com/api/invoice-payment/object). A payment record stands for money that came
/// outside of Stripe.
fn part(value: &Value) -> Option<Option<(String, Part)>> {
    let part = Part {
        at: value["status_transitions"]["paid_at"].as_i64()?,
        amount: value["amount_paid"].as_i64()?,
        is_of_target: value["payment"]["type"] != "payment_record",
    };
    Some(Some((text(value, "invoice")?, part)))
}

/// A text, or the id of the object that stands in its place.
fn text(value: &Value, name: &str) -> Option<String> {
    let found = value.get(name)?;
    found.as_str().or_else(|| found.get("id")?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn booked() -> Value {
        json!({ "id": "txn_1", "object": "balance_transaction", "amount": -1000, "fee": 1500, "net": -2500,
            "currency": "eur", "created": 7, "available_on": 9, "source": "du_1", "type": "adjustment",
            "reporting_category": "dispute" })
    }

    #[test]
    fn a_number_that_is_missing_is_not_zero() {
        assert_eq!(entry(&booked()).map(|entry| (entry.kind, entry.net)), Some((EntryKind::Dispute, -2500)));
        for name in ["id", "amount", "fee", "net", "currency", "created", "available_on"] {
            let mut less = booked();
            less.as_object_mut().unwrap().remove(name);
            assert_eq!(entry(&less), None, "{name}");
        }
    }

    #[test]
    fn unknown_categories_keep_their_name() {
        let mut topup = booked();
        topup["reporting_category"] = "topup".into();
        assert_eq!(entry(&topup).map(|entry| entry.kind), Some(EntryKind::Other("topup".to_owned())));
        topup.as_object_mut().unwrap().remove("reporting_category");
        assert_eq!(entry(&topup).map(|entry| entry.kind), Some(EntryKind::Other("adjustment".to_owned())));
    }

    #[test]
    fn a_draft_is_left_out_and_nonsense_is_not() {
        let none = json!({ "id": "in_1", "status": "draft", "status_transitions": { "finalized_at": null } });
        assert_eq!(owed(&none), Some(None));
        let broken = json!({ "id": "in_1", "status": "open", "status_transitions": { "finalized_at": 7 } });
        assert_eq!(owed(&broken), None);
        assert_eq!(owed(&json!({ "id": "in_1", "status": "open" })), None);
    }

    #[test]
    fn money_from_outside_has_a_record() {
        let record = json!({ "invoice": "in_1", "amount_paid": 500, "status_transitions": { "paid_at": 7 },
            "payment": { "type": "payment_record", "payment_record": "pr_1" } });
        let part = part(&record).flatten().unwrap();
        assert_eq!(part, ("in_1".to_owned(), Part { at: 7, amount: 500, is_of_target: false }));
    }
}
