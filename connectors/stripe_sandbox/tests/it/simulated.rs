//! The sandbox without a server: the same again with the same seed, and nothing leaves it.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::Request;
use rowbill_stripe_sandbox::{Deliveries, Options, Sandbox};
use serde_json::Value;

async fn post(sandbox: &Sandbox, path: &str, form: &str) -> Value {
    let request = Request::post(path).header("authorization", "Bearer sk_test_it").body(form.as_bytes().to_vec());
    let answer = sandbox.answer(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_slice(answer.body()).unwrap()
}

/// All events after an invoice was paid, refunded and paid out.
async fn events() -> Vec<Value> {
    let start = UNIX_EPOCH + Duration::from_hours(500_000);
    let sandbox = Sandbox::simulated(Options { seed: 5, ..Options::default() }, start);
    post(&sandbox, "/v1/webhook_endpoints", "url=http://127.0.0.1:9/&enabled_events[]=*").await;
    let customer = post(&sandbox, "/v1/customers", "email=a@example.org").await;
    let form = format!("customer={}&currency=eur", customer["id"].as_str().unwrap());
    let invoice = post(&sandbox, "/v1/invoices", &form).await["id"].as_str().unwrap().to_owned();
    post(&sandbox, &format!("/v1/invoices/{invoice}/add_lines"), "lines[][amount]=900").await;
    post(&sandbox, &format!("/v1/invoices/{invoice}/finalize"), "").await;
    let told = sandbox.pay(&invoice, "4242", None).unwrap();
    post(&sandbox, "/v1/refunds", &format!("charge={}&amount=100", told["charge"].as_str().unwrap())).await;
    sandbox.pay_out("eur").unwrap();
    assert_eq!(sandbox.deliveries(), Deliveries::default());
    sandbox.objects("event")
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_events_and_delivers_none() {
    let first = events().await;
    assert!(first.len() > 15, "{}", first.len());
    assert_eq!(first, events().await);
}
