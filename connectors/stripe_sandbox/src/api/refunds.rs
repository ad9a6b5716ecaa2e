//! Refunds: create, update, list.

use super::payments::page;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::metadata::Metadata;
use crate::store::refund::Refund;
use crate::store::txn::Movement;
use crate::store::{Kind, Store, at};

const NOT_PLAYED: [&str; 6] =
    ["currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer"];

pub(super) fn create(store: &mut Store, mut params: Params) -> Outcome {
    params.not_played(&NOT_PLAYED)?;
    let charge = charge(store, &params)?;
    let metadata = Metadata::default().merged(params.take("metadata"))?;
    let amount = refundable(store, charge, params.int("amount"))?;
    let place = refund(store, charge, amount, params.boxed("reason"), metadata);
    Ok(Reply::Object(Kind::Refund, place))
}

fn charge(store: &Store, params: &Params) -> Result<u32, Refusal> {
    match (params.text("charge"), params.text("payment_intent")) {
        (Some(charge), None) => store.find(Kind::Charge, charge, "charge"),
        (None, Some(intent)) => {
            let payment = store.find(Kind::Intent, intent, "payment_intent")?;
            let charge = store.till.payments[at(payment)].latest_charge;
            charge.filter(|&charge| store.till.charges[at(charge)].failure.is_none()).ok_or_else(|| {
                let message = format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
                Refusal::of("payment_intent", message)
            })
        }
        (Some(_), Some(_)) => Err(Refusal::exclusive("charge", "payment_intent")),
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            Err(Refusal::invalid(message).code("parameter_missing"))
        }
    }
}

/// How much is refunded: what was asked for, or all that is left.
fn refundable(store: &Store, place: u32, amount: Option<i64>) -> Result<i64, Refusal> {
    let charge = &store.till.charges[at(place)];
    let (id, left) = (store.id(Kind::Charge, place), charge.left());
    if charge.failure.is_some() {
        return Err(Refusal::of("charge", format!("Charge {id} was not successful and cannot be refunded.")));
    }
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(Refusal::invalid(message).code("charge_already_refunded"));
    }
    if charge.dispute.is_some_and(|dispute| store.till.disputes[at(dispute)].takes()) {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(Refusal::invalid(message).code("charge_disputed"));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        let message = "Invalid positive integer";
        return Err(Refusal::of("amount", message).code("parameter_invalid_integer"));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({amount} {0}) is greater than unrefunded amount on charge ({left} {0})",
            charge.currency
        );
        return Err(Refusal::of("amount", message));
    }
    Ok(amount)
}

/// Refunds so much of a charge; the fee does not come back (docs.stripe.com/refunds).
pub(super) fn refund(store: &mut Store, charge: u32, amount: i64, reason: Option<Box<str>>, metadata: Metadata) -> u32 {
    let (created, currency) = (store.now, store.till.charges[at(charge)].currency);
    let txn = store.book(Movement::Refund, currency, (-amount, 0), (Kind::Refund, store.next(Kind::Refund)));
    store.change_charge(charge, |charge| charge.refunded += amount);
    let place = store.add_refund(Refund { created, charge, amount, reason, metadata, txn, failed: None });
    store.emit("charge.refunded", Kind::Charge, charge);
    place
}

/// The bank sends a refund back, which Stripe books as a `refund_failure`.
pub(crate) fn fail(store: &mut Store, place: u32) -> Result<(), Refusal> {
    let refund = &store.till.refunds[at(place)];
    if refund.failed.is_some() {
        return Err(Refusal::invalid("This refund has failed already."));
    }
    let (charge, amount) = (refund.charge, refund.amount);
    let currency = store.till.charges[at(charge)].currency;
    let txn = store.book(Movement::RefundFailure, currency, (amount, 0), (Kind::Refund, place));
    store.change_charge(charge, |charge| charge.refunded -= amount);
    store.change_refund(place, |refund| refund.failed = Some(txn));
    store.emit("refund.failed", Kind::Refund, place);
    store.emit("charge.updated", Kind::Charge, charge);
    Ok(())
}

pub(super) fn update(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let place = store.find(Kind::Refund, id, "id")?;
    let metadata = store.till.refunds[at(place)].metadata.merged(params.take("metadata"))?;
    store.change_refund(place, |refund| refund.metadata = metadata);
    Ok(Reply::Object(Kind::Refund, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    let charge = params.text("charge").map(|id| store.find(Kind::Charge, id, "charge")).transpose()?;
    let intent = params.text("payment_intent").map(|id| store.find(Kind::Intent, id, "payment_intent")).transpose()?;
    let keep = |place| {
        let refund = &store.till.refunds[at(place)];
        charge.is_none_or(|charge| refund.charge == charge)
            && intent.is_none_or(|intent| store.till.charges[at(refund.charge)].payment == intent)
    };
    page(store, params, Kind::Refund, "/v1/refunds", keep)
}
