//! The account's books: balance transactions, payouts, and invoices with what came in for them.

use std::collections::HashMap;

use async_trait::async_trait;
use rowbill_connector::{Cash, Entry, EntryKind, Owed, Part, Payout, SendError, Span};
use serde_json::Value;

use crate::read::no_object;
use crate::receipt::reference;
use crate::target::StripeTarget;

#[async_trait]
impl Cash for StripeTarget {
    /// Of what is booked, `created` decides, as in Stripe's balance report (docs.stripe.com/reports/report-types/balance).
    async fn entries(&self, span: Span) -> Result<Vec<Entry>, SendError> {
        self.read_all("/v1/balance_transactions", within(span), Some(span.from), entry).await
    }

    async fn payouts(&self, span: Span) -> Result<Vec<Payout>, SendError> {
        self.read_all("/v1/payouts", within(span), Some(span.from), payout).await
    }

    /// The invoices first and their payments after them: what is paid in between is then a payment of an invoice that
    /// is still open, and not money that came from nowhere.
    async fn owed(&self, span: Span) -> Result<Vec<Owed>, SendError> {
        let all = self.read_all("/v1/invoices", within(span), Some(span.from), invoice).await?;
        let older = vec![("created[lt]", span.from.to_string()), ("status", "open".to_owned())];
        let older = self.read_all("/v1/invoices", older, None, invoice).await?;
        // An invoice is older than its payments, so that all of those of the first list are in this one.
        let since = vec![("created[gte]", span.from.to_string()), ("status", "paid".to_owned())];
        let mut parts: HashMap<String, Vec<Part>> = HashMap::new();
        for (invoice, part) in self.read_all("/v1/invoice_payments", since, Some(span.from), part).await? {
            parts.entry(invoice).or_default().push(part);
        }
        let mut all: Vec<Owed> = all.into_iter().flatten().collect();
        for invoice in &mut all {
            invoice.parts = parts.remove(&invoice.id).unwrap_or_default();
        }
        for mut invoice in older.into_iter().flatten() {
            let of_it = vec![("invoice", invoice.id.clone()), ("status", "paid".to_owned())];
            let of_it = self.read_all("/v1/invoice_payments", of_it, None, part).await?;
            invoice.parts = of_it.into_iter().map(|(_, part)| part).collect();
            all.push(invoice);
        }
        Ok(all)
    }
}

/// An object that lacks what it must have.
#[derive(Debug, PartialEq, Eq)]
struct Unreadable;

impl StripeTarget {
    /// All objects of a list; one that cannot be read is an error.
    async fn read_all<T: Send>(
        &self,
        path: &'static str,
        query: Vec<(&'static str, String)>,
        since: Option<i64>,
        read: impl Fn(&Value) -> Result<T, Unreadable> + Send + Sync,
    ) -> Result<Vec<T>, SendError> {
        let mut found = Vec::new();
        self.http.each(path, query, since, |value| found.push(read(value))).await?;
        found.into_iter().collect::<Result<_, Unreadable>>().map_err(|Unreadable| no_object())
    }
}

fn within(span: Span) -> Vec<(&'static str, String)> {
    vec![("created[gte]", span.from.to_string()), ("created[lt]", span.until.to_string())]
}

/// An entry (`docs.stripe.com/api/balance_transactions/object`).
fn entry(value: &Value) -> Result<Entry, Unreadable> {
    let category = text(value, "reporting_category").or_else(|_| text(value, "type"))?;
    Ok(Entry {
        id: text(value, "id")?,
        kind: kind(&category),
        amount: number(value, "amount")?,
        fee: number(value, "fee")?,
        net: number(value, "net")?,
        currency: text(value, "currency")?,
        created: number(value, "created")?,
        available: number(value, "available_on")?,
        source: text(value, "source").ok(),
    })
}

/// By the category and not by the type, which calls disputes and much else `adjustment`, and payments that are not by
/// card otherwise (`docs.stripe.com/reports/reporting-categories`).
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

/// A payout (docs.stripe.com/api/payouts/object).
fn payout(value: &Value) -> Result<Payout, Unreadable> {
    Ok(Payout {
        id: text(value, "id")?,
        amount: number(value, "amount")?,
        currency: text(value, "currency")?,
        created: number(value, "created")?,
        arrival: number(value, "arrival_date")?,
        is_on_its_way: matches!(text(value, "status")?.as_str(), "pending" | "in_transit"),
    })
}

/// An invoice (docs.stripe.com/api/invoices/object); none for a draft, which nobody owes.
fn invoice(value: &Value) -> Result<Option<Owed>, Unreadable> {
    if text(value, "status")? == "draft" {
        return Ok(None);
    }
    let moments = &value["status_transitions"];
    Ok(Some(Owed {
        id: text(value, "id")?,
        currency: text(value, "currency")?,
        total: number(value, "total")?,
        due: number(value, "amount_due")?,
        paid: number(value, "amount_paid")?,
        finalized: number(moments, "finalized_at")?,
        due_by: number(value, "due_date").ok(),
        paid_at: number(moments, "paid_at").ok(),
        voided_at: number(moments, "voided_at").ok(),
        given_up_at: number(moments, "marked_uncollectible_at").ok(),
        parts: Vec::new(),
    }))
}

/// A payment of an invoice (docs.stripe.com/api/invoice-payment/object). Only intents and charges move the balance; a
/// payment record stands for money that came outside of Stripe.
fn part(value: &Value) -> Result<(String, Part), Unreadable> {
    let part = Part {
        at: number(&value["status_transitions"], "paid_at")?,
        amount: number(value, "amount_paid")?,
        is_of_target: matches!(value["payment"]["type"].as_str(), Some("payment_intent" | "charge")),
    };
    Ok((text(value, "invoice")?, part))
}

/// A text, or the id of the object that stands in its place.
fn text(value: &Value, name: &str) -> Result<String, Unreadable> {
    reference(value.get(name)).ok_or(Unreadable)
}

fn number(value: &Value, name: &str) -> Result<i64, Unreadable> {
    value.get(name).and_then(Value::as_i64).ok_or(Unreadable)
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
        assert_eq!(entry(&booked()).map(|entry| (entry.kind, entry.net)), Ok((EntryKind::Dispute, -2500)));
        for name in ["id", "amount", "fee", "net", "currency", "created", "available_on"] {
            let mut less = booked();
            less.as_object_mut().unwrap().remove(name);
            assert_eq!(entry(&less), Err(Unreadable), "{name}");
        }
    }

    #[test]
    fn unknown_categories_keep_their_name() {
        let mut topup = booked();
        topup["reporting_category"] = "topup".into();
        assert_eq!(entry(&topup).map(|entry| entry.kind), Ok(EntryKind::Other("topup".to_owned())));
        topup.as_object_mut().unwrap().remove("reporting_category");
        assert_eq!(entry(&topup).map(|entry| entry.kind), Ok(EntryKind::Other("adjustment".to_owned())));
    }

    #[test]
    fn a_draft_is_left_out_and_nonsense_is_not() {
        let none = json!({ "id": "in_1", "status": "draft", "status_transitions": { "finalized_at": null } });
        assert_eq!(invoice(&none), Ok(None));
        let broken = json!({ "id": "in_1", "status": "open", "status_transitions": { "finalized_at": 7 } });
        assert_eq!(invoice(&broken), Err(Unreadable));
        assert_eq!(invoice(&json!({ "id": "in_1", "status": "open" })), Err(Unreadable));
    }

    #[test]
    fn money_from_outside_has_a_record() {
        let record = json!({ "invoice": "in_1", "amount_paid": 500, "status_transitions": { "paid_at": 7 },
            "payment": { "type": "payment_record", "payment_record": "pr_1" } });
        let outside = Part { at: 7, amount: 500, is_of_target: false };
        assert_eq!(part(&record), Ok(("in_1".to_owned(), outside)));
    }
}
