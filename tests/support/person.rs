//! What a person does in Stripe's own dashboard: objects that rowbill has not made, and changes behind its back.

use std::sync::LazyLock;

use reqwest::{Client, Method};
use rowbill_proof::journal;
use rowbill_stripe_sandbox::Sandbox;
use serde_json::Value;

use super::RUNTIME;

static HTTP: LazyLock<Client> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
});

/// Posts a form; the answer must be a 200.
#[track_caller]
pub fn post(stripe: &Sandbox, path: &str, form: &str) -> Value {
    send(stripe, Method::POST, path, form)
}

/// Deletes an object.
#[track_caller]
pub fn delete(stripe: &Sandbox, path: &str) -> Value {
    send(stripe, Method::DELETE, path, "")
}

/// A customer with this e-mail.
#[track_caller]
pub fn customer(stripe: &Sandbox, email: &str) -> String {
    id(&post(stripe, "/v1/customers", &format!("email={email}")))
}

/// A pending item of EUR 9.99 on a customer.
#[track_caller]
pub fn stray_item(stripe: &Sandbox, customer: &str) -> String {
    let form = format!("customer={customer}&amount=999&currency=eur&description=stray");
    id(&post(stripe, "/v1/invoiceitems", &form))
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn send(stripe: &Sandbox, method: Method, path: &str, form: &str) -> Value {
    let request = HTTP
        .request(method, format!("{}{path}", stripe.url()))
        .header("authorization", "Bearer sk_test_person")
        .header("stripe-version", journal::PERSON)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    let (status, text) = RUNTIME.block_on(async {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    });
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}
