//! The money of one invoice, put together from the invoice, its payments, their charges and disputes.

use rowbill_connector::{Bill, Dispute, OperationId, Payment, SendError, Stage};
use serde_json::Value;

use crate::encode::escape;
use crate::http::Http;
use crate::read::no_object;
use crate::receipt::reference;

/// Reads it: one request for the invoice and one for its payments; two more for each payment that was begun, and one
/// for each charge that is disputed.
pub(super) async fn read(http: &Http, invoice: &str) -> Result<Bill, SendError> {
    let path = format!("/v1/invoices/{}", escape(invoice));
    let value = http.read("GET /v1/invoices/{invoice}", &path, &[]).await?;
    let mut bill = of(&value).ok_or_else(no_object)?;
    for part in list(http, "/v1/invoice_payments", "invoice", invoice).await? {
        match text(&part, "/payment/payment_intent") {
            Some(intent) => intent_into(http, &mut bill, &intent, &part).await?,
            None => bill.payments.extend(other(&part)),
        }
    }
    Ok(bill)
}

async fn intent_into(http: &Http, bill: &mut Bill, id: &str, part: &Value) -> Result<(), SendError> {
    let path = format!("/v1/payment_intents/{}", escape(id));
    let intent = http.read("GET /v1/payment_intents/{intent}", &path, &[]).await?;
    let mut payment = Payment {
        id: id.to_owned(),
        stage: stage(&intent),
        amount: number(part, "/amount_paid"),
        is_of_target: true,
        failure: text(&intent, "/last_payment_error/message"),
        refunded: 0,
    };
    if text(&intent, "/latest_charge").is_some() {
        for charge in list(http, "/v1/charges", "payment_intent", id).await? {
            payment.refunded += money(&charge, "/amount_refunded").ok_or_else(no_object)?;
            if let (Some(true), Some(charge)) = (charge["disputed"].as_bool(), text(&charge, "/id")) {
                for value in list(http, "/v1/disputes", "charge", &charge).await? {
                    bill.disputes.push(dispute(&value).ok_or_else(no_object)?);
                }
            }
        }
    }
    bill.payments.push(payment);
    Ok(())
}

async fn list(http: &Http, path: &'static str, filter: &'static str, id: &str) -> Result<Vec<Value>, SendError> {
    let mut found = Vec::new();
    http.each(path, vec![(filter, id.to_owned())], None, |value| found.push(value.clone())).await?;
    Ok(found)
}

fn of(value: &Value) -> Option<Bill> {
    Some(Bill {
        invoice: text(value, "/id")?,
        op: text(value, "/metadata/rowbill_op").map(OperationId),
        status: text(value, "/status")?,
        currency: text(value, "/currency")?,
        total: money(value, "/total")?,
        due: money(value, "/amount_due")?,
        paid: money(value, "/amount_paid")?,
        remaining: money(value, "/amount_remaining")?,
        // A balance is what the customer owes (docs.stripe.com/api/invoices/object, ending_balance).
        carried_over: value["ending_balance"].as_i64().map_or(0, |end| end - number(value, "/starting_balance")),
        paid_at: value.pointer("/status_transitions/paid_at").and_then(Value::as_i64),
        attempts: u32::try_from(number(value, "/attempt_count")).unwrap_or(0),
        next_attempt: value["next_payment_attempt"].as_i64(),
        url: text(value, "/hosted_invoice_url"),
        ..Bill::default()
    })
}

/// A payment that no intent stands for: a record of money that came outside of Stripe, or an old charge.
fn other(part: &Value) -> Option<Payment> {
    let record = text(part, "/payment/payment_record");
    let is_of_target = record.is_none();
    Some(Payment {
        id: record.or_else(|| text(part, "/payment/charge")).or_else(|| text(part, "/id"))?,
        stage: match part["status"].as_str() {
            Some("paid") => Stage::Succeeded,
            Some("canceled") => Stage::Canceled,
            _ => Stage::Waiting,
        },
        amount: number(part, "/amount_paid"),
        is_of_target,
        ..Payment::default()
    })
}

/// docs.stripe.com/payments/paymentintents/lifecycle.
fn stage(intent: &Value) -> Stage {
    match intent["status"].as_str() {
        Some("succeeded") => Stage::Succeeded,
        Some("requires_action") => Stage::NeedsAction,
        Some("processing" | "requires_capture") => Stage::Processing,
        Some("canceled") => Stage::Canceled,
        _ if intent["last_payment_error"].is_object() => Stage::Failed,
        _ => Stage::Waiting,
    }
}

/// docs.stripe.com/api/disputes/object: an inquiry (`warning_…`) that is closed took no money.
fn dispute(value: &Value) -> Option<Dispute> {
    let won = match value["status"].as_str() {
        Some("won" | "warning_closed" | "prevented") => Some(true),
        Some("lost") => Some(false),
        _ => None,
    };
    let due_by = value.pointer("/evidence_details/due_by").and_then(Value::as_i64);
    Some(Dispute { id: text(value, "/id")?, amount: money(value, "/amount")?, won, due_by })
}

fn text(value: &Value, path: &str) -> Option<String> {
    reference(value.pointer(path))
}

/// An amount that is not there is not taken for nothing.
fn money(value: &Value, path: &str) -> Option<i64> {
    value.pointer(path).and_then(Value::as_i64)
}

/// What may be null while there is none.
fn number(value: &Value, path: &str) -> i64 {
    money(value, path).unwrap_or(0)
}
