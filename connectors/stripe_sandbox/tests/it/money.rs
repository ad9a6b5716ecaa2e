//! Money that goes back, and money that goes to the bank.

use serde_json::{Value, json};

use crate::client::Stripe;
use crate::payments::{SENDS, open};

/// An invoice that was paid by this card, and its charge.
async fn paid(stripe: &Stripe, amount: i64, card: &str) -> (String, String) {
    let invoice = open(stripe, amount, SENDS).await;
    let told = stripe.sandbox.pay(&invoice, card, None).unwrap();
    (invoice, told["charge"].as_str().unwrap().to_owned())
}

async fn txns(stripe: &Stripe, query: &str) -> Vec<Value> {
    let answer = stripe.get(&format!("/v1/balance_transactions?limit=100&{query}")).await;
    answer.data().iter().map(|each| json!([each["type"], each["amount"], each["fee"], each["net"]])).collect()
}

async fn available(stripe: &Stripe, currency: &str) -> i64 {
    let balance = stripe.get("/v1/balance").await.body;
    let all = balance["available"].as_array().unwrap();
    all.iter().find(|each| each["currency"] == currency).unwrap()["amount"].as_i64().unwrap()
}

#[tokio::test]
async fn refunds_are_capped() {
    let stripe = Stripe::start();
    let (invoice, charge) = paid(&stripe, 1000, "4242").await;
    let first = stripe.post("/v1/refunds", &format!("charge={charge}&amount=400&reason=duplicate&metadata[a]=b")).await;
    assert_eq!((first.body["status"].as_str(), first.body["amount"].as_i64()), (Some("succeeded"), Some(400)));
    assert_eq!((&first.body["metadata"]["a"], &first.body["reason"]), (&json!("b"), &json!("duplicate")));
    let too_much = stripe.post("/v1/refunds", &format!("charge={charge}&amount=601")).await;
    assert_eq!(too_much.error(), (400, "invalid_request_error", "amount"));
    assert_eq!(stripe.post("/v1/refunds", &format!("charge={charge}&amount=0")).await.error().2, "amount");
    assert_eq!(stripe.post("/v1/refunds", "amount=1").await.error().1, "parameter_missing");
    let intent = first.body["payment_intent"].as_str().unwrap();
    let second = stripe.keyed("/v1/refunds", &format!("payment_intent={intent}"), "k1").await;
    assert_eq!(second.body["amount"], 600);
    assert_eq!(stripe.keyed("/v1/refunds", &format!("payment_intent={intent}"), "k1").await.id(), second.id());
    let again = stripe.post("/v1/refunds", &format!("payment_intent={intent}")).await;
    assert_eq!(again.error(), (400, "charge_already_refunded", ""));
    let read = stripe.get(&format!("/v1/charges/{charge}")).await.body;
    assert_eq!((&read["amount_refunded"], &read["refunded"]), (&json!(1000), &json!(true)));
    assert_eq!(stripe.get(&format!("/v1/refunds?charge={charge}")).await.ids(), [second.id(), first.id()]);
    assert_eq!(stripe.get(&format!("/v1/refunds/{}", first.id())).await.body, first.body);
    assert_eq!(stripe.get(&format!("/v1/invoices/{invoice}")).await.body["status"], "paid");
    let expected =
        [json!(["refund", -600, 0, -600]), json!(["refund", -400, 0, -400]), json!(["charge", 1000, 59, 941])];
    assert_eq!(txns(&stripe, "").await, expected);
    assert_eq!(available(&stripe, "eur").await, -59);
    assert_eq!(stripe.sandbox.fail_refund(second.id()).unwrap()["status"], "failed");
    assert_eq!(stripe.get(&format!("/v1/charges/{charge}")).await.body["amount_refunded"], 400);
    assert_eq!(available(&stripe, "eur").await, 541);
    assert!(stripe.sandbox.fail_refund(second.id()).is_err());
}

#[tokio::test]
async fn refunds_with_our_mark_are_in_the_journal() {
    let stripe = Stripe::start();
    let (_, charge) = paid(&stripe, 1000, "4242").await;
    stripe.post("/v1/refunds", &format!("charge={charge}&amount=1")).await.id();
    let marked = stripe.post("/v1/refunds", &format!("charge={charge}&amount=2&metadata[rowbill_op]=op7")).await;
    let changes = stripe.changes();
    let refunds: Vec<_> = changes.iter().filter(|each| each.kind == "refund").collect();
    let [one] = refunds.as_slice() else { panic!("{refunds:?}") };
    assert_eq!((one.id.as_str(), one.rowbill_op.as_deref(), one.amount), (marked.id(), Some("op7"), Some(2)));
}

#[tokio::test]
async fn disputes_take_the_money_and_may_give_it_back() {
    let stripe = Stripe::start();
    let (_, charge) = paid(&stripe, 1000, "4000000000000259").await;
    let disputes = stripe.get(&format!("/v1/disputes?charge={charge}")).await;
    let [dispute] = disputes.data().as_slice() else { panic!("{disputes:?}") };
    let id = dispute["id"].as_str().unwrap();
    assert_eq!((&dispute["status"], &dispute["amount"]), (&json!("needs_response"), &json!(1000)));
    assert!(dispute["evidence_details"]["due_by"].as_i64() > dispute["created"].as_i64());
    assert_eq!(stripe.get(&format!("/v1/charges/{charge}")).await.body["disputed"], true);
    assert_eq!(stripe.post("/v1/refunds", &format!("charge={charge}")).await.error().1, "charge_disputed");
    assert_eq!(txns(&stripe, "type=adjustment").await, [json!(["adjustment", -1000, 1500, -2500])]);
    assert_eq!(stripe.sandbox.close_dispute(id, true).unwrap()["status"], "won");
    assert_eq!(txns(&stripe, &format!("source={id}")).await.len(), 2);
    assert_eq!(available(&stripe, "eur").await, 1000 - 59 - 1500);
    assert!(stripe.sandbox.close_dispute(id, false).is_err());
    assert!(stripe.sandbox.dispute(&charge).is_err());
    let (_, charge) = paid(&stripe, 1000, "4242").await;
    let body = json!({"charge": charge}).to_string();
    let opened = stripe.post("/_sandbox/dispute", &body).await;
    let body = json!({"dispute": opened.id(), "won": false}).to_string();
    assert_eq!(stripe.post("/_sandbox/dispute", &body).await.body["status"], "lost");
    assert_eq!(stripe.get(&format!("/v1/disputes/{}", opened.id())).await.body["status"], "lost");
}

#[tokio::test]
async fn credit_notes_lower_what_is_left_and_refund_what_was_paid() {
    let stripe = Stripe::start();
    let id = open(&stripe, 1000, SENDS).await;
    let path = format!("/v1/invoices/{id}");
    let note = stripe.post("/v1/credit_notes", &format!("invoice={id}&amount=300&reason=order_change")).await;
    let (kind, before) = (&note.body["type"], &note.body["pre_payment_amount"]);
    assert_eq!((kind, before), (&json!("pre_payment"), &json!(300)));
    let read = stripe.get(&path).await.body;
    let amounts =
        [&read["amount_due"], &read["amount_remaining"], &read["pre_payment_credit_notes_amount"], &read["total"]];
    assert_eq!(amounts, [&json!(700), &json!(700), &json!(300), &json!(1000)]);
    let payments = stripe.get(&format!("/v1/invoice_payments?invoice={id}")).await;
    assert_eq!(payments.data()[0]["amount_requested"], 700);
    stripe.sandbox.pay(&id, "4242", None).unwrap();
    assert_eq!(stripe.post("/v1/credit_notes", &format!("invoice={id}&amount=200")).await.status, 400);
    assert_eq!(
        stripe.post("/v1/credit_notes", &format!("invoice={id}&amount=701&refund_amount=701")).await.status,
        400
    );
    let form = format!("invoice={id}&amount=200&refund_amount=150&credit_amount=50");
    let second = stripe.post("/v1/credit_notes", &form).await;
    assert_eq!((&second.body["type"], &second.body["post_payment_amount"]), (&json!("post_payment"), &json!(200)));
    let refund = second.body["refunds"][0]["refund"].as_str().unwrap();
    assert_eq!(stripe.get(&format!("/v1/refunds/{refund}")).await.body["amount"], 150);
    let customer = read["customer"].as_str().unwrap();
    assert_eq!(stripe.get(&format!("/v1/customers/{customer}")).await.body["balance"], -50);
    assert_eq!(stripe.get(&path).await.body["post_payment_credit_notes_amount"], 200);
    assert_eq!(stripe.get(&format!("/v1/credit_notes?invoice={id}")).await.ids(), [second.id(), note.id()]);
    let whole = open(&stripe, 500, SENDS).await;
    stripe.post("/v1/credit_notes", &format!("invoice={whole}&amount=500")).await.id();
    assert_eq!(stripe.get(&format!("/v1/invoices/{whole}")).await.body["status"], "paid");
    let payments = stripe.get(&format!("/v1/invoice_payments?invoice={whole}")).await;
    assert_eq!(payments.data()[0]["status"], "canceled");
}

#[tokio::test]
async fn a_payout_holds_what_was_available() {
    let stripe = Stripe::start();
    assert!(stripe.sandbox.pay_out("eur").is_err());
    paid(&stripe, 1000, "4242").await;
    let payout = stripe.post("/_sandbox/payout", r#"{"currency":"eur"}"#).await;
    assert_eq!((&payout.body["amount"], &payout.body["status"]), (&json!(941), &json!("paid")));
    let held = txns(&stripe, &format!("payout={}", payout.id())).await;
    assert_eq!(held, [json!(["payout", -941, 0, -941]), json!(["charge", 1000, 59, 941])]);
    assert_eq!(available(&stripe, "eur").await, 0);
    paid(&stripe, 2000, "4242").await;
    assert_eq!(txns(&stripe, &format!("payout={}", payout.id())).await.len(), 2);
    assert_eq!(stripe.sandbox.fail_payout(payout.id()).unwrap()["status"], "failed");
    assert_eq!(txns(&stripe, "type=payout_failure").await, [json!(["payout_failure", 941, 0, 941])]);
    assert_eq!(stripe.sandbox.pay_out("eur").unwrap()["amount"], 941 + 2000 - 88);
    assert_eq!(stripe.get("/v1/payouts?status=failed").await.ids(), [payout.id()]);
    assert!(txns(&stripe, "currency=usd").await.is_empty());
}
