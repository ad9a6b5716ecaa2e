//! What a key means: replays, conflicts, failures that are stored and failures that are not, the end after a day.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::client::Stripe;

const CUSTOMERS: &str = "/v1/customers";

#[tokio::test]
async fn the_same_key_gives_the_same_answer() {
    let stripe = Stripe::start();
    let first = stripe.keyed(CUSTOMERS, "email=a@b.example&name=A", "k").await;
    let second = stripe.keyed(CUSTOMERS, "name=A&email=a@b.example", "k").await;
    assert_eq!(first.body, second.body);
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), (None, Some("true")));
    assert_ne!(first.header("request-id"), second.header("request-id"));
    assert_eq!(stripe.sandbox.objects("customer").len(), 1);
    let replayed: Vec<bool> = stripe.requests().iter().map(|entry| entry.replayed).collect();
    assert_eq!(replayed, [false, true]);
}

#[tokio::test]
async fn a_replay_shows_the_object_as_it_was() {
    let stripe = Stripe::start();
    let first = stripe.keyed(CUSTOMERS, "name=Before", "k").await;
    let changed = stripe.post(&format!("{CUSTOMERS}/{}", first.id()), "name=After").await;
    assert_eq!(changed.body["name"], "After");
    assert_eq!(stripe.keyed(CUSTOMERS, "name=Before", "k").await.body["name"], "Before");
}

#[tokio::test]
async fn the_same_key_for_something_else_is_an_error() {
    let stripe = Stripe::start();
    stripe.keyed(CUSTOMERS, "name=A", "k").await;
    for (path, form) in [(CUSTOMERS, "name=B"), ("/v1/products", "name=A")] {
        let refused = stripe.keyed(path, form, "k").await;
        assert_eq!((refused.status, refused.body["error"]["type"].as_str()), (400, Some("idempotency_error")));
    }
}

#[tokio::test]
async fn what_was_never_executed_is_not_stored() {
    let stripe = Stripe::start();
    let refused = stripe.keyed(CUSTOMERS, "nam=A", "k").await;
    assert_eq!(refused.error(), (400, "parameter_unknown", "nam"));
    stripe.sandbox.faults().script(Rule::next(Fault::RejectBefore(503)));
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.status, 503);
    let limited = Fault::RateLimited { reason: "global-rate".into(), retry_after: Some(2) };
    stripe.sandbox.faults().script(Rule::next(limited));
    let limited = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!((limited.status, limited.header("stripe-rate-limited-reason")), (429, Some("global-rate")));
    assert_eq!(limited.header("retry-after"), Some("2"));
    stripe.sandbox.revoke_key();
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.error(), (401, "api_key_expired", ""));
    stripe.sandbox.restore_key();
    let made = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (200, None));
}

#[tokio::test]
async fn refusals_of_executed_requests_are_stored() {
    let stripe = Stripe::start();
    let form = "customer=cus_nobody&amount=5&currency=eur";
    for replayed in [None, Some("true")] {
        let refused = stripe.keyed("/v1/invoiceitems", form, "k").await;
        assert_eq!(refused.error(), (400, "resource_missing", "customer"));
        assert_eq!(refused.header("idempotent-replayed"), replayed);
    }
}

#[tokio::test]
async fn a_500_after_the_commit_is_stored() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::on("POST /v1/customers", Fault::FailAfterCommit(500)));
    for replayed in [None, Some("true")] {
        let failed = stripe.keyed(CUSTOMERS, "name=A&metadata[rowbill_op]=op1", "k").await;
        assert_eq!((failed.status, failed.header("stripe-should-retry")), (500, Some("false")));
        assert_eq!(failed.header("idempotent-replayed"), replayed);
        assert_eq!(failed.error().1, "api_error");
    }
    let made = stripe.changes();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].rowbill_op.as_deref(), made[0].request), (Some("op1"), 0));
}

#[tokio::test]
async fn a_500_without_a_commit_is_stored_too() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::next(Fault::FailUncommitted(500)));
    for _ in 0..2 {
        assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.status, 500);
    }
    assert!(stripe.changes().is_empty());
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "other").await.status, 200);
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::next(Fault::Hold));
    let held = tokio::spawn({
        let stripe = stripe.clone();
        async move { stripe.keyed(CUSTOMERS, "name=A", "k").await }
    });
    stripe.sandbox.faults().wait_held(1).await;
    let conflict = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!(conflict.error(), (409, "idempotency_key_in_use", ""));
    assert_eq!(conflict.header("stripe-should-retry"), Some("true"));
    assert!(stripe.changes().is_empty());
    stripe.sandbox.faults().release();
    let made = held.await.unwrap();
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.body, made.body);
    assert_eq!(stripe.changes().len(), 1);
}

#[tokio::test]
async fn after_a_day_a_key_is_new_again() {
    let stripe = Stripe::start();
    let first = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    stripe.sandbox.clock().advance(Duration::from_hours(23));
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.id(), first.id());
    stripe.sandbox.clock().advance(Duration::from_secs(3601));
    let second = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_ne!(second.id(), first.id());
    let apart = second.body["created"].as_i64().unwrap() - first.body["created"].as_i64().unwrap();
    assert!(apart >= 24 * 3600, "{apart}");
}

#[tokio::test]
async fn keys_mean_nothing_on_other_methods_and_have_a_longest() {
    let stripe = Stripe::start();
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", &"k".repeat(256)).await.status, 400);
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", &"k".repeat(255)).await.status, 200);
    let without = [stripe.post(CUSTOMERS, "name=A").await, stripe.post(CUSTOMERS, "name=A").await];
    assert_ne!(without[0].id(), without[1].id());
}
