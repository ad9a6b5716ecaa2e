//! Faults on demand.

use std::time::{Duration, Instant};

use rowbill_stripe_sandbox::{Fault, Limits, Options, Rule};

use crate::client::Stripe;

const CUSTOMERS: &str = "/v1/customers";

#[tokio::test]
async fn a_dropped_answer_was_committed_and_a_dropped_request_was_not() {
    let stripe = Stripe::start();
    let faults = stripe.sandbox.faults();
    faults.script(Rule::next(Fault::DropBefore));
    assert!(stripe.try_keyed(CUSTOMERS, "name=A", "k").await.is_err());
    assert!(stripe.changes().is_empty());
    faults.script(Rule::next(Fault::DropAfterCommit));
    assert!(stripe.try_keyed(CUSTOMERS, "name=A", "k").await.is_err());
    assert_eq!(stripe.changes().len(), 1);
    let replay = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!((replay.status, replay.header("idempotent-replayed")), (200, Some("true")));
    let statuses: Vec<Option<u16>> = stripe.requests().iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [None, None, Some(200)]);
    assert_eq!(stripe.requests()[1].fault.as_deref(), Some(r#""drop_after_commit""#));
}

#[tokio::test]
async fn a_garbled_answer_cannot_be_read() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::next(Fault::GarbleAfterCommit));
    let garbled = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!((garbled.status, garbled.body.is_null()), (200, true));
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.body["name"], "A");
    assert_eq!(stripe.changes().len(), 1);
}

#[tokio::test]
async fn slow_requests_commit_even_when_the_client_has_gone() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::next(Fault::Slow(Duration::from_millis(200))));
    let gone = stripe.try_keyed(CUSTOMERS, "name=A", "k");
    assert!(tokio::time::timeout(Duration::from_millis(50), gone).await.is_err());
    assert!(stripe.changes().is_empty());
    let until = Instant::now() + Duration::from_secs(5);
    while stripe.changes().is_empty() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.header("idempotent-replayed"), Some("true"));
    assert_eq!(stripe.changes().len(), 1);
}

#[tokio::test]
async fn locks_have_no_request_id() {
    let stripe = Stripe::start();
    stripe.sandbox.faults().script(Rule::on("POST /v1/customers", Fault::LockTimeout));
    stripe.sandbox.faults().script(Rule::on("POST /v1/customers", Fault::InUse409));
    let locked = stripe.keyed(CUSTOMERS, "name=A", "k").await;
    assert_eq!(locked.error(), (429, "lock_timeout", ""));
    assert_eq!((locked.header("request-id"), locked.header("stripe-rate-limited-reason")), (None, None));
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.error(), (409, "idempotency_key_in_use", ""));
    assert_eq!(stripe.keyed(CUSTOMERS, "name=A", "k").await.status, 200);
}

#[tokio::test]
async fn faults_over_http() {
    let stripe = Stripe::start();
    let rules = r#"[{"fault":{"reject_before":502},"method":"POST","path":"/v1/customers","after":1},
                    {"fault":"revoke_key","operation":"POST /v1/products"}]"#;
    assert_eq!(stripe.post("/_sandbox/faults", rules).await.body.as_array().map(Vec::len), Some(2));
    assert_eq!(stripe.post("/_sandbox/faults", r#"{"fault":"nonsense"}"#).await.status, 400);
    assert_eq!(stripe.post(CUSTOMERS, "").await.status, 200);
    assert_eq!(stripe.post(CUSTOMERS, "").await.status, 502);
    assert_eq!(stripe.post("/v1/products", "name=P").await.error(), (401, "api_key_expired", ""));
    assert_eq!(stripe.get(CUSTOMERS).await.status, 401);
    let key = stripe.post("/_sandbox/key", r#"{"revoked":false}"#).await;
    assert_eq!(key.body.to_string(), r#"{"revoked":false,"permissions":null}"#);
    assert_eq!(stripe.get("/_sandbox/objects/customer").await.body.as_array().map(Vec::len), Some(1));
    let objects = stripe.get("/_sandbox/journal?entry=object").await;
    assert_eq!(objects.body[0]["change"], "created");
    let later = stripe.post("/_sandbox/clock", r#"{"advance_s":1000}"#).await.body["now"].as_i64().unwrap();
    assert!(stripe.post(CUSTOMERS, "").await.body["created"].as_i64().unwrap() >= later);
    assert_eq!(stripe.get("/_sandbox").await.body["made"]["customer"], 2);
    assert_eq!(stripe.get("/_sandbox/nothing").await.status, 400);
}

#[tokio::test]
async fn random_faults_leave_one_object_per_key() {
    let faults = [
        Fault::RejectBefore(500),
        Fault::FailAfterCommit(500),
        Fault::DropBefore,
        Fault::DropAfterCommit,
        Fault::GarbleAfterCommit,
        Fault::LockTimeout,
        Fault::InUse409,
    ];
    let faults = faults.into_iter().map(|fault| Rule::one_in(20, fault)).collect();
    let stripe = Stripe::with(Options { faults, seed: 5, ..Options::default() });
    for row in 0..100 {
        for _ in 0..20 {
            let answer = stripe.try_keyed(CUSTOMERS, &format!("name=row{row}"), &format!("k{row}")).await;
            if answer.is_ok_and(|answer| answer.status == 200 && answer.body["id"].is_string()) {
                break;
            }
        }
    }
    let mut names: Vec<String> =
        stripe.sandbox.objects("customer").iter().map(|customer| customer["name"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 100);
    assert_eq!(stripe.changes().len(), 100);
}

#[tokio::test]
async fn the_limiter_comes_before_the_keys() {
    let rate = Some(Limits { account: 100, endpoint: 3 });
    let stripe = Stripe::with(Options { rate, ..Options::default() });
    let mut limited = 0;
    for number in 0..8 {
        let answer = stripe.keyed(CUSTOMERS, "name=A", &format!("k{number}")).await;
        if answer.status == 429 {
            assert_eq!(answer.header("stripe-rate-limited-reason"), Some("endpoint-rate"));
            assert_eq!(answer.error().1, "rate_limit");
            limited += 1;
        }
    }
    assert!((1..=5).contains(&limited), "{limited}");
    assert_eq!(stripe.changes().len(), 8 - limited);
}

#[tokio::test]
async fn a_stop_closes_the_door_and_frees_the_port() {
    let stripe = Stripe::start();
    let addr = format!("127.0.0.1:{}", stripe.sandbox.port()).parse().unwrap();
    assert_eq!(stripe.get("/_sandbox").await.status, 200);
    stripe.sandbox.shutdown().await;
    assert!(stripe.try_keyed(CUSTOMERS, "", "k").await.is_err());
    let again = rowbill_stripe_sandbox::Sandbox::start(addr, Options::default()).unwrap();
    assert_eq!(again.port(), stripe.sandbox.port());
    let outside = rowbill_stripe_sandbox::Sandbox::start("0.0.0.0:0".parse().unwrap(), Options::default());
    assert!(outside.is_err());
}
