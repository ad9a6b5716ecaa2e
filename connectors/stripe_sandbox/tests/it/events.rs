//! Events: their names and order, and how they are listed.

use std::time::Duration;

use serde_json::Value;

use crate::client::Stripe;
use crate::payments::{SENDS, open};

/// The names of all events, oldest first.
async fn names(stripe: &Stripe) -> Vec<String> {
    let events = stripe.get("/v1/events?limit=100").await;
    let name = |event: &Value| event["type"].as_str().unwrap().to_owned();
    events.data().iter().rev().map(name).collect()
}

#[tokio::test]
async fn the_life_of_an_invoice() {
    let stripe = Stripe::start();
    let id = open(&stripe, 1000, SENDS).await;
    stripe.post(&format!("/v1/invoices/{id}/send"), "").await.id();
    let before = names(&stripe).await;
    let expected = [
        "customer.created",
        "invoice.created",
        "invoiceitem.created",
        "invoice.updated",
        "invoice.updated",
        "invoice.finalized",
        "payment_intent.created",
        "invoice.updated",
        "invoice.sent",
    ];
    assert_eq!(before, expected);
    let news = async || names(&stripe).await.split_off(before.len());
    stripe.sandbox.pay(&id, "0002", None).unwrap();
    let declined = ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"];
    assert_eq!(news().await, declined);
    stripe.sandbox.pay(&id, "3220", None).unwrap();
    stripe.sandbox.authenticate(&id, true).unwrap();
    let paid = [
        "payment_intent.requires_action",
        "invoice.updated",
        "invoice.payment_action_required",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "charge.updated",
    ];
    assert_eq!(news().await[declined.len()..], paid);
}

#[tokio::test]
async fn money_that_goes_back() {
    let stripe = Stripe::start();
    let id = open(&stripe, 1000, SENDS).await;
    let charge = stripe.sandbox.pay(&id, "4242", None).unwrap()["charge"].as_str().unwrap().to_owned();
    let before = names(&stripe).await.len();
    stripe.post("/v1/refunds", &format!("charge={charge}&amount=100")).await.id();
    stripe.post("/v1/credit_notes", &format!("invoice={id}&amount=100&out_of_band_amount=100")).await.id();
    stripe.sandbox.pay_out("eur").unwrap();
    let dispute = stripe.sandbox.dispute(&charge).unwrap();
    stripe.sandbox.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    let expected = [
        "refund.created",
        "charge.refunded",
        "credit_note.created",
        "invoice.updated",
        "payout.created",
        "payout.paid",
        "payout.reconciliation_completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ];
    assert_eq!(names(&stripe).await.split_off(before), expected);
}

#[tokio::test]
async fn an_event_shows_the_object_as_it_was() {
    let stripe = Stripe::start();
    let id = open(&stripe, 1000, "").await;
    stripe.sandbox.pay(&id, "4242", None).unwrap();
    let finalized = stripe.get("/v1/events?type=invoice.finalized").await;
    let [event] = finalized.data().as_slice() else { panic!("{finalized:?}") };
    assert_eq!(
        (&event["data"]["object"]["status"], &event["api_version"]),
        (&"open".into(), &"2026-10-28.endive".into())
    );
    assert!(event["data"]["object"].get("amount_paid_off_stripe").is_none());
    assert_eq!(stripe.get(&format!("/v1/events/{}", event["id"].as_str().unwrap())).await.body, *event);
    let made = stripe.keyed("/v1/customers", "email=x@example.org", "key-1").await;
    stripe.keyed("/v1/customers", "email=x@example.org", "key-1").await.id();
    let events = stripe.get("/v1/events?type=customer.created").await;
    assert_eq!(events.data().len(), 2);
    assert_eq!(events.data()[0]["request"]["idempotency_key"], "key-1");
    assert_eq!(events.data()[0]["request"]["id"].as_str(), made.header("request-id"));
    let paid = stripe.get("/v1/events?type=invoice.paid").await;
    assert!(paid.data()[0]["request"]["id"].is_null());
    let path = format!("/v1/customers/{}", made.id());
    stripe.post(&path, "name=New").await.id();
    stripe.delete(&path).await;
    let types = stripe.get("/v1/events?types[]=customer.updated&types[]=customer.deleted").await;
    assert_eq!(types.data().len(), 2);
    assert_eq!(types.data()[1]["data"]["object"]["name"], "New");
}

#[tokio::test]
async fn pages_filters_and_thirty_days() {
    let stripe = Stripe::start();
    for _ in 0..5 {
        stripe.customer().await;
    }
    let all = stripe.get("/v1/events?limit=100").await;
    let page = stripe.get(&format!("/v1/events?limit=2&starting_after={}", all.ids()[1])).await;
    assert_eq!((page.ids(), &page.body["has_more"]), (all.ids()[2..4].to_vec(), &Value::from(true)));
    let page = stripe.get(&format!("/v1/events?limit=2&ending_before={}", all.ids()[4])).await;
    assert_eq!(page.ids(), all.ids()[2..4]);
    let since = all.data()[0]["created"].as_i64().unwrap() + 86_400 * 20;
    stripe.sandbox.clock().advance(Duration::from_hours(24 * 29));
    stripe.customer().await;
    assert_eq!(stripe.get(&format!("/v1/events?created[gte]={since}")).await.ids().len(), 1);
    assert_eq!(stripe.get("/v1/events").await.ids().len(), 6);
    stripe.sandbox.clock().advance(Duration::from_hours(48));
    assert_eq!(stripe.get("/v1/events").await.ids().len(), 1);
    let old = stripe.get(&format!("/v1/events/{}", all.ids()[0])).await;
    assert_eq!(old.error(), (404, "resource_missing", "id"));
    stripe.customer().await;
    assert_eq!(stripe.sandbox.objects("event").len(), 2);
}

#[tokio::test]
async fn an_invoice_that_is_not_paid_in_time_is_overdue() {
    let stripe = Stripe::start();
    let (late, paid) = (open(&stripe, 1000, SENDS).await, open(&stripe, 1000, SENDS).await);
    stripe.sandbox.pay(&paid, "4242", None).unwrap();
    stripe.post("/_sandbox/clock", r#"{"advance_s":1296000}"#).await;
    let overdue = stripe.get("/v1/events?type=invoice.overdue").await;
    let [event] = overdue.data().as_slice() else { panic!("{overdue:?}") };
    assert_eq!(event["data"]["object"]["id"], late.as_str());
}
