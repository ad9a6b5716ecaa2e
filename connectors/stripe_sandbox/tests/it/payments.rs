//! Payments of invoices: by the API, by the customer at the invoice's page, in parts, and elsewhere.

use serde_json::{Value, json};

use crate::client::Stripe;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const SECURE: &str = "4000000000003220";

/// The id of an open invoice.
pub async fn open(stripe: &Stripe, amount: i64, more: &str) -> String {
    let customer = stripe.customer().await;
    let form = format!("customer={customer}&currency=eur{more}");
    let invoice = stripe.post("/v1/invoices", &form).await.id().to_owned();
    let lines = format!("lines[][amount]={amount}");
    stripe.post(&format!("/v1/invoices/{invoice}/add_lines"), &lines).await.id();
    stripe.post(&format!("/v1/invoices/{invoice}/finalize"), "").await.id();
    invoice
}

pub const SENDS: &str = "&collection_method=send_invoice&days_until_due=14";

/// The fields of an object, in this order.
fn fields<const N: usize>(value: &Value, names: [&str; N]) -> Value {
    names.iter().map(|&name| value[name].clone()).collect()
}

async fn invoice(stripe: &Stripe, id: &str) -> Value {
    stripe.get(&format!("/v1/invoices/{id}")).await.body
}

#[tokio::test]
async fn a_finalized_invoice_waits_for_its_payment() {
    let stripe = Stripe::start();
    let id = open(&stripe, 2000, SENDS).await;
    let payments = stripe.get(&format!("/v1/invoice_payments?invoice={id}")).await;
    let [payment] = payments.data().as_slice() else { panic!("{payments:?}") };
    let names = ["object", "status", "is_default", "amount_requested", "amount_paid", "invoice"];
    assert_eq!(fields(payment, names), json!(["invoice_payment", "open", true, 2000, null, id]));
    assert_eq!(payment["payment"]["type"], "payment_intent");
    let intent = payment["payment"]["payment_intent"].as_str().unwrap();
    let read = stripe.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(
        fields(&read.body, ["status", "amount", "latest_charge", "customer_account"]),
        json!(["requires_payment_method", 2000, null, null])
    );
    assert!(read.body.get("invoice").is_none());
    let by_intent = format!("/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}");
    assert_eq!(stripe.get(&by_intent).await.data().as_slice(), std::slice::from_ref(payment));
    assert!(stripe.get(&format!("{by_intent}&status=paid")).await.data().is_empty());
    let one = stripe.get(&format!("/v1/invoice_payments/{}", payment["id"].as_str().unwrap())).await;
    assert_eq!(&one.body, payment);
    let nothing = open(&stripe, 20, "").await;
    assert!(stripe.get(&format!("/v1/invoice_payments?invoice={nothing}")).await.data().is_empty());
    assert_eq!(stripe.get("/v1/charges/ch_1").await.error().1, "resource_missing");
}

#[tokio::test]
async fn the_customer_pays_at_the_page() {
    let stripe = Stripe::start();
    let id = open(&stripe, 2000, SENDS).await;
    let told = stripe.sandbox.pay(&id, GOOD, None).unwrap();
    assert_eq!(fields(&told, ["outcome", "invoice_status"]), json!(["paid", "paid"]));
    let read = invoice(&stripe, &id).await;
    let names = ["status", "amount_due", "amount_paid", "amount_remaining", "attempt_count", "attempted"];
    assert_eq!(fields(&read, names), json!(["paid", 2000, 2000, 0, 1, true]));
    assert!(read["status_transitions"]["paid_at"].is_i64() && read["hosted_invoice_url"].is_string());
    assert!(read.get("charge").is_none() && read.get("payment_intent").is_none() && read.get("paid").is_none());
    let charge = stripe.get(&format!("/v1/charges/{}", told["charge"].as_str().unwrap())).await.body;
    assert_eq!(fields(&charge, ["status", "paid", "amount", "refunded"]), json!(["succeeded", true, 2000, false]));
    assert_eq!(charge["payment_method_details"]["card"]["last4"], "4242");
    assert!(charge.get("invoice").is_none());
    let of_intent = format!("/v1/charges?payment_intent={}", told["payment_intent"].as_str().unwrap());
    assert_eq!(stripe.get(&of_intent).await.ids(), [charge["id"].as_str().unwrap()]);
    let of_customer = format!("/v1/charges?customer={}", read["customer"].as_str().unwrap());
    assert_eq!(stripe.get(&of_customer).await.ids().len(), 1);
    let expanded = stripe
        .get(&format!(
            "/v1/invoices/{id}?expand[]=payments.data.payment.payment_intent&expand[]=amount_paid_off_stripe"
        ))
        .await;
    let payment = &expanded.body["payments"]["data"][0];
    assert_eq!(fields(payment, ["status", "amount_paid"]), json!(["paid", 2000]));
    assert_eq!(payment["payment"]["payment_intent"]["latest_charge"], charge["id"]);
    assert_eq!(expanded.body["amount_paid_off_stripe"], 0);
    assert!(stripe.sandbox.pay(&id, GOOD, None).unwrap_err().contains("'paid'"));
    assert!(stripe.sandbox.pay(&id, "4000000000009995", None).is_err());
}

#[tokio::test]
async fn declined_cards_count_as_attempts() {
    let stripe = Stripe::start();
    let sent = open(&stripe, 500, SENDS).await;
    let charged = open(&stripe, 500, "").await;
    for (id, tries_again) in [(&sent, false), (&charged, true)] {
        let told = stripe.sandbox.pay(id, DECLINED, None).unwrap();
        assert_eq!(fields(&told, ["outcome", "invoice_status"]), json!(["declined", "open"]));
        let read = invoice(&stripe, id).await;
        assert_eq!(fields(&read, ["attempt_count", "attempted", "amount_remaining"]), json!([1, true, 500]));
        assert_eq!(read["next_payment_attempt"].is_i64(), tries_again);
        let charge = stripe.get(&format!("/v1/charges/{}", told["charge"].as_str().unwrap())).await.body;
        let names = ["status", "failure_code", "amount_captured", "balance_transaction"];
        assert_eq!(fields(&charge, names), json!(["failed", "card_declined", 0, null]));
        let intent =
            stripe.get(&format!("/v1/payment_intents/{}", told["payment_intent"].as_str().unwrap())).await.body;
        assert_eq!(intent["status"], "requires_payment_method");
        assert_eq!(intent["last_payment_error"]["decline_code"], "generic_decline");
        assert_eq!(stripe.sandbox.pay(id, GOOD, None).unwrap()["payment_intent"], intent["id"]);
        let read = invoice(&stripe, id).await;
        assert_eq!(fields(&read, ["attempt_count", "next_payment_attempt"]), json!([2, null]));
    }
}

#[tokio::test]
async fn the_customer_authenticates_or_does_not() {
    let stripe = Stripe::start();
    let id = open(&stripe, 500, SENDS).await;
    let told = stripe.sandbox.pay(&id, SECURE, None).unwrap();
    assert_eq!(fields(&told, ["outcome", "charge"]), json!(["requires_action", null]));
    let intent = format!("/v1/payment_intents/{}", told["payment_intent"].as_str().unwrap());
    let read = stripe.get(&intent).await.body;
    assert_eq!(read["status"], "requires_action");
    assert_eq!(read["next_action"]["type"], "use_stripe_sdk");
    assert_eq!(stripe.sandbox.authenticate(&id, false).unwrap()["outcome"], "declined");
    let read = stripe.get(&intent).await.body;
    assert_eq!(read["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert!(stripe.sandbox.authenticate(&id, true).is_err());
    stripe.sandbox.pay(&id, SECURE, None).unwrap();
    let told = stripe.sandbox.authenticate(&id, true).unwrap();
    assert_eq!(fields(&told, ["outcome", "invoice_status"]), json!(["paid", "paid"]));
    let charge = stripe.get(&format!("/v1/charges/{}", told["charge"].as_str().unwrap())).await.body;
    assert_eq!(charge["payment_method_details"]["card"]["three_d_secure"]["result"], "authenticated");
}

#[tokio::test]
async fn part_payments() {
    let stripe = Stripe::start();
    let id = open(&stripe, 1000, SENDS).await;
    stripe.sandbox.pay(&id, GOOD, Some(300)).unwrap();
    let read = invoice(&stripe, &id).await;
    let names = ["status", "amount_due", "amount_paid", "amount_remaining"];
    assert_eq!(fields(&read, names), json!(["open", 1000, 300, 700]));
    let list = format!("/v1/invoice_payments?invoice={id}");
    let names = ["is_default", "status", "amount_requested", "amount_paid"];
    let all: Vec<Value> = stripe.get(&list).await.data().iter().map(|each| fields(each, names)).collect();
    assert_eq!(all, [json!([false, "paid", 300, 300]), json!([true, "open", 700, null])]);
    assert!(stripe.sandbox.pay(&id, GOOD, Some(701)).is_err());
    assert!(stripe.sandbox.pay(&id, GOOD, Some(0)).is_err());
    stripe.sandbox.pay(&id, DECLINED, Some(100)).unwrap();
    stripe.sandbox.pay(&id, GOOD, None).unwrap();
    let read = invoice(&stripe, &id).await;
    assert_eq!(fields(&read, ["status", "amount_paid", "attempt_count"]), json!(["paid", 1000, 3]));
    let paid = stripe.get(&format!("{list}&status=paid")).await;
    assert_eq!(paid.data().iter().map(|each| each["amount_paid"].as_i64().unwrap()).sum::<i64>(), 1000);
    assert!(stripe.get(&format!("{list}&status=open")).await.data().is_empty());
    assert_eq!(stripe.get(&format!("{list}&status=canceled")).await.data().len(), 1);
}

#[tokio::test]
async fn payments_by_the_api_and_elsewhere() {
    let stripe = Stripe::start();
    let id = open(&stripe, 800, "").await;
    let path = format!("/v1/invoices/{id}/pay");
    let declined = stripe.post(&path, "payment_method=pm_card_chargeDeclined").await;
    assert_eq!(declined.error(), (402, "card_declined", ""));
    assert_eq!(declined.body["error"]["decline_code"], "generic_decline");
    let secure = stripe.post(&path, "payment_method=pm_card_authenticationRequired").await;
    assert_eq!(secure.error(), (402, "invoice_payment_intent_requires_action", ""));
    let list = format!("/v1/invoice_payments?invoice={id}");
    let intent = stripe.get(&list).await.data()[0]["payment"]["payment_intent"].as_str().unwrap().to_owned();
    assert_eq!(stripe.get(&format!("/v1/payment_intents/{intent}")).await.body["status"], "requires_action");
    let paid = stripe.post(&path, "paid_out_of_band=true&expand[]=amount_paid_off_stripe").await;
    let names = ["status", "amount_paid", "amount_paid_off_stripe", "attempt_count"];
    assert_eq!(fields(&paid.body, names), json!(["paid", 800, 800, 2]));
    assert!(stripe.get(&format!("{list}&status=paid")).await.data().is_empty());
    assert_eq!(stripe.get(&format!("/v1/payment_intents/{intent}")).await.body["status"], "canceled");
    let id = open(&stripe, 800, "").await;
    stripe.post(&format!("/v1/invoices/{id}/pay"), "payment_method=pm_card_visa").await.id();
    assert_eq!(stripe.get(&format!("/v1/invoice_payments?invoice={id}")).await.data()[0]["status"], "paid");
    let id = open(&stripe, 800, "").await;
    stripe.post(&format!("/v1/invoices/{id}/void"), "").await.id();
    let payment = stripe.get(&format!("/v1/invoice_payments?invoice={id}&expand[]=data.payment.payment_intent")).await;
    let intent = &payment.data()[0]["payment"]["payment_intent"];
    assert_eq!(fields(intent, ["status", "cancellation_reason"]), json!(["canceled", "void_invoice"]));
    assert!(stripe.sandbox.pay(&id, GOOD, None).is_err());
    let id = open(&stripe, 800, "").await;
    stripe.post(&format!("/v1/invoices/{id}/mark_uncollectible"), "").await.id();
    assert_eq!(stripe.sandbox.pay(&id, GOOD, None).unwrap()["invoice_status"], "paid");
}

#[tokio::test]
async fn the_journal_has_the_invoice_and_no_money() {
    let stripe = Stripe::start();
    let id = open(&stripe, 800, "&metadata[rowbill_op]=op1").await;
    stripe.sandbox.pay(&id, GOOD, None).unwrap();
    let changes = stripe.changes();
    assert!(changes.iter().all(|each| ["customer", "invoiceitem", "invoice"].contains(&each.kind)));
    let last = changes.last().unwrap();
    assert_eq!((last.kind, last.status, last.request), ("invoice", Some("paid"), u64::MAX));
}

#[tokio::test]
async fn other_processes_pay_over_http() {
    let stripe = Stripe::start();
    let id = open(&stripe, 800, SENDS).await;
    let pay = async |body: Value| stripe.post("/_sandbox/pay", &body.to_string()).await;
    assert_eq!(pay(json!({"invoice": id, "card": GOOD, "amount": 300})).await.body["invoice_status"], "open");
    assert_eq!(pay(json!({"invoice": id, "card": SECURE})).await.body["outcome"], "requires_action");
    assert_eq!(pay(json!({"invoice": id, "authenticate": true})).await.body["invoice_status"], "paid");
    for wrong in
        [json!({"invoice": id, "card": GOOD}), json!({"invoice": id}), json!({"invoice": "in_1", "card": GOOD})]
    {
        assert_eq!(pay(wrong).await.status, 400);
    }
    let all = stripe.get("/_sandbox/objects/charge").await.body;
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let made = stripe.get("/_sandbox").await.body["made"].clone();
    assert_eq!(made, json!({"customer": 1, "invoiceitem": 1, "invoice": 1, "product": 0, "price": 0}));
}
