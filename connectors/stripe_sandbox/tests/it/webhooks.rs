//! Webhook endpoints and deliveries, over real HTTP.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use rowbill_stripe_sandbox::{Deliveries, Steering, signature};
use serde_json::Value;

use crate::client::Stripe;
use crate::payments::open;

/// An endpoint that takes everything, after it has refused so many.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    letters: Vec<(String, Bytes)>,
    refuse: u32,
    signatures: Vec<String>,
}

impl Receiver {
    async fn start(&self) -> String {
        let app = axum::Router::new().fallback(take).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    fn refuse(&self, times: u32) {
        self.0.lock().unwrap().refuse = times;
    }

    /// Ids and types, in the order in which they came.
    fn events(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = |(_, body): &(String, Bytes)| {
            let event: Value = serde_json::from_slice(body).unwrap();
            (text(&event["id"]), text(&event["type"]))
        };
        self.0.lock().unwrap().letters.iter().map(event).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut taken = receiver.0.lock().unwrap();
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    taken.signatures.push(signature.clone());
    if taken.refuse > 0 {
        taken.refuse -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    taken.letters.push((signature, body));
    StatusCode::OK
}

/// Waits until deliveries stand so.
async fn settled(stripe: &Stripe, holds: impl Fn(&Deliveries) -> bool) -> Deliveries {
    for _ in 0..200_000 {
        // A request over HTTP lets the others work meanwhile.
        stripe.get("/_sandbox/webhooks").await;
        let deliveries = stripe.sandbox.deliveries();
        if holds(&deliveries) {
            return deliveries;
        }
    }
    panic!("{:?}", stripe.sandbox.deliveries());
}

async fn endpoint(stripe: &Stripe, url: &str, events: &str) -> Value {
    let answer = stripe.post("/v1/webhook_endpoints", &format!("url={url}&enabled_events[]={events}")).await;
    answer.id();
    answer.body
}

#[tokio::test]
async fn endpoints_are_made_changed_and_deleted() {
    let stripe = Stripe::start();
    let made = endpoint(&stripe, "http://127.0.0.1:9/hook", "invoice.paid&description=mine&metadata[a]=b").await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&made["status"], &made["enabled_events"][0]), (&"enabled".into(), &"invoice.paid".into()));
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
    let read = stripe.get(&path).await.body;
    assert!(read.get("secret").is_none() && read["metadata"]["a"] == "b" && read["description"] == "mine");
    assert_eq!(stripe.post(&path, "disabled=true").await.body["status"], "disabled");
    let wrong = stripe.post("/v1/webhook_endpoints", "url=example.org&enabled_events[]=*").await;
    assert_eq!(wrong.error().2, "url");
    assert_eq!(stripe.delete(&path).await.body["deleted"], true);
    assert_eq!(stripe.get(&path).await.status, 404);
    for _ in 0..16 {
        endpoint(&stripe, "http://127.0.0.1:9/hook", "invoice.paid").await;
    }
    assert_eq!(stripe.get("/v1/webhook_endpoints?limit=100").await.ids().len(), 16);
    let more = stripe.post("/v1/webhook_endpoints", "url=http://127.0.0.1:9/&enabled_events[]=*").await;
    assert_eq!(more.status, 400);
}

#[tokio::test]
async fn deliveries_are_signed_and_selected() {
    let stripe = Stripe::start();
    let receiver = Receiver::default();
    let made = endpoint(&stripe, &receiver.start().await, "invoice.paid").await;
    endpoint(&stripe, "https://example.org/hook", "invoice.paid").await;
    let invoice = open(&stripe, 1000, "").await;
    stripe.sandbox.pay(&invoice, "4242", None).unwrap();
    let counts = settled(&stripe, |counts| counts.pending == 0 && counts.delivered == 1).await;
    assert_eq!((counts.not_local, counts.failed), (1, 0));
    let taken = receiver.0.lock().unwrap();
    let (given, body) = &taken.letters[0];
    let event: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&event["type"], &event["data"]["object"]["id"]), (&"invoice.paid".into(), &invoice.as_str().into()));
    let timestamp = given[2..].split(',').next().unwrap().parse().unwrap();
    assert_eq!(*given, signature(made["secret"].as_str().unwrap(), timestamp, body));
}

#[tokio::test]
async fn what_is_refused_comes_again() {
    let stripe = Stripe::start();
    let receiver = Receiver::default();
    receiver.refuse(2);
    endpoint(&stripe, &receiver.start().await, "customer.created").await;
    stripe.customer().await;
    let counts = settled(&stripe, |counts| counts.pending == 0).await;
    assert_eq!((counts.delivered, counts.refused, counts.failed), (1, 2, 0));
    assert_eq!((receiver.events().len(), receiver.0.lock().unwrap().signatures.len()), (1, 3));
}

#[tokio::test]
async fn repeated_lost_held_and_out_of_order() {
    let stripe = Stripe::start();
    let receiver = Receiver::default();
    endpoint(&stripe, &receiver.start().await, "*").await;
    let knobs = r#"{"hold":true,"repeat":2,"lose":1,"reorder_seed":7}"#;
    assert_eq!(stripe.post("/_sandbox/webhooks", knobs).await.status, 200);
    for _ in 0..6 {
        stripe.customer().await;
    }
    let waiting = stripe.get("/_sandbox/webhooks").await.body;
    assert_eq!((&waiting["pending"], &waiting["lost"], &waiting["delivered"]), (&10.into(), &1.into(), &0.into()));
    stripe.sandbox.steer_webhooks(Steering { hold: Some(false), ..Steering::default() });
    settled(&stripe, |counts| counts.pending == 0 && counts.delivered == 10).await;
    let came: Vec<String> = receiver.events().into_iter().map(|(id, _)| id).collect();
    let events = stripe.get("/v1/events").await;
    let made: Vec<&str> = events.ids().into_iter().rev().collect();
    assert!(!came.contains(&made[0].to_owned()));
    for id in &made[1..] {
        assert_eq!(came.iter().filter(|each| each == id).count(), 2);
    }
    let first_seen: Vec<&String> =
        came.iter().enumerate().filter(|(at, id)| !came[..*at].contains(id)).map(|(_, id)| id).collect();
    assert_ne!(first_seen, made[1..].iter().collect::<Vec<_>>());
    assert_eq!(stripe.post("/_sandbox/webhooks", r#"{"colour":1}"#).await.status, 400);
}
