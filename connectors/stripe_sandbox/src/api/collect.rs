//! Collecting what an invoice asks for: one attempt with one card, and what follows of it.

use super::disputes;
use crate::refusal::Refusal;
use crate::store::card::{Card, Failure};
use crate::store::charge::Charge;
use crate::store::invoice::Status;
use crate::store::payment::Stage;
use crate::store::txn::{Movement, fee};
use crate::store::{Kind, Store, at};

/// Stripe's smart retries choose a time; the sandbox says three days, and does not try by itself.
const NEXT_ATTEMPT: i64 = 3 * 24 * 60 * 60;

/// What came of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Paid,
    Declined(Failure),
    NeedsAction,
}

/// An attempt: the payment it was of, and the charge where there was one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) payment: u32,
    pub(crate) charge: Option<u32>,
    pub(crate) outcome: Outcome,
}

/// Tries a card. `amount`: a part of what is left; `None`: all of it.
pub(crate) fn attempt(store: &mut Store, invoice: u32, amount: Option<i64>, card: Card) -> Result<Attempt, Refusal> {
    let payment = payment(store, invoice, amount)?;
    Ok(match card {
        Card::Good | Card::Disputed => {
            let charge = succeed(store, payment, card, 1);
            Attempt { payment, charge: Some(charge), outcome: Outcome::Paid }
        }
        Card::Declined => {
            let charge = decline(store, payment, card);
            Attempt { payment, charge: Some(charge), outcome: Outcome::Declined(Failure::DECLINED) }
        }
        Card::Authenticates => {
            ask_for_action(store, payment, card);
            Attempt { payment, charge: None, outcome: Outcome::NeedsAction }
        }
    })
}

/// The customer came back from 3-D Secure.
pub(crate) fn authenticate(store: &mut Store, invoice: u32, succeeded: bool) -> Result<Attempt, Refusal> {
    let waits = |place: &u32| store.till.payments[at(*place)].stage == Stage::RequiresAction;
    let Some(payment) = store.payments_of(invoice).iter().copied().find(waits) else {
        return Err(Refusal::invalid("No payment of this invoice waits for authentication."));
    };
    if succeeded {
        let card = store.till.payments[at(payment)].card.unwrap_or(Card::Authenticates);
        let charge = succeed(store, payment, card, 0);
        return Ok(Attempt { payment, charge: Some(charge), outcome: Outcome::Paid });
    }
    let failure = Failure::NOT_AUTHENTICATED;
    store.change_payment(payment, |payment| {
        payment.stage = Stage::RequiresMethod;
        payment.failure = Some(failure);
    });
    store.emit("payment_intent.payment_failed", Kind::Intent, payment);
    failed(store, invoice, 0);
    Ok(Attempt { payment, charge: None, outcome: Outcome::Declined(failure) })
}

/// The payment to be tried: the invoice's own for all that is left, one of its own for a part.
fn payment(store: &mut Store, invoice: u32, amount: Option<i64>) -> Result<u32, Refusal> {
    let left = store.invoices[at(invoice)].remaining();
    if !store.invoices[at(invoice)].is_payable() {
        let status = store.invoices[at(invoice)].status.name();
        return Err(Refusal::invalid(format!("You can't pay an invoice with status '{status}'.")));
    }
    let amount = amount.unwrap_or(left);
    if !(1..=left).contains(&amount) {
        return Err(Refusal::of("amount", format!("Between 1 and {left} can be paid, not {amount}.")));
    }
    let fits = |place: &u32| {
        let payment = &store.till.payments[at(*place)];
        payment.is_open() && payment.amount == amount && payment.is_default == (amount == left)
    };
    let known = store.payments_of(invoice).iter().copied().find(fits);
    Ok(known.unwrap_or_else(|| store.add_payment(invoice, amount, amount == left)))
}

fn succeed(store: &mut Store, place: u32, card: Card, attempts: u32) -> u32 {
    let payment = store.till.payments[at(place)].clone();
    let (now, invoice, amount) = (store.now, payment.invoice, payment.amount);
    let (charge, currency) = (store.next(Kind::Charge), payment.currency);
    let txn = store.book(Movement::Charge, currency, (amount, fee(amount)), (Kind::Charge, charge));
    store.add_charge(Charge { txn: Some(txn), ..new_charge(store, place, card) });
    store.change_payment(place, |payment| {
        payment.stage = Stage::Succeeded;
        payment.ended = Some(now);
        payment.card = Some(card);
        payment.failure = None;
        payment.latest_charge = Some(charge);
    });
    store.emit("charge.succeeded", Kind::Charge, charge);
    store.emit("payment_intent.succeeded", Kind::Intent, place);
    store.change_invoice(invoice, |invoice| {
        invoice.settled.paid += amount;
        invoice.attempts += attempts;
        if invoice.remaining() == 0 {
            invoice.status = Status::Paid;
            invoice.moments.paid = Some(now);
            invoice.next_attempt = None;
        }
    });
    store.emit("invoice_payment.paid", Kind::InvoicePayment, place);
    if store.invoices[at(invoice)].status == Status::Paid {
        store.emit("invoice.paid", Kind::Invoice, invoice);
        store.emit("invoice.payment_succeeded", Kind::Invoice, invoice);
    }
    adjust(store, invoice, None);
    // Stripe books the money a moment later, and says so.
    store.emit("charge.updated", Kind::Charge, charge);
    if card == Card::Disputed {
        disputes::open(store, charge);
    }
    charge
}

fn decline(store: &mut Store, place: u32, card: Card) -> u32 {
    let charge = Charge { failure: Some(Failure::DECLINED), ..new_charge(store, place, card) };
    let charge = store.add_charge(charge);
    store.change_payment(place, |payment| {
        payment.stage = Stage::RequiresMethod;
        payment.card = Some(card);
        payment.failure = Some(Failure::DECLINED);
        payment.latest_charge = Some(charge);
    });
    store.emit("charge.failed", Kind::Charge, charge);
    store.emit("payment_intent.payment_failed", Kind::Intent, place);
    failed(store, store.till.payments[at(place)].invoice, 1);
    charge
}

fn ask_for_action(store: &mut Store, place: u32, card: Card) {
    let invoice = store.till.payments[at(place)].invoice;
    store.change_payment(place, |payment| {
        payment.stage = Stage::RequiresAction;
        payment.card = Some(card);
        payment.failure = None;
    });
    store.emit("payment_intent.requires_action", Kind::Intent, place);
    store.change_invoice(invoice, |invoice| invoice.attempts += 1);
    store.emit("invoice.payment_action_required", Kind::Invoice, invoice);
}

fn failed(store: &mut Store, invoice: u32, attempts: u32) {
    let next = store.now + NEXT_ATTEMPT;
    store.change_invoice(invoice, |invoice| {
        invoice.attempts += attempts;
        invoice.next_attempt = (!invoice.sends).then_some(next);
    });
    store.emit("invoice.payment_failed", Kind::Invoice, invoice);
}

fn new_charge(store: &Store, place: u32, card: Card) -> Charge {
    let payment = &store.till.payments[at(place)];
    Charge {
        created: store.now,
        payment: place,
        customer: payment.customer,
        currency: payment.currency,
        amount: payment.amount,
        refunded: 0,
        card,
        authenticated: payment.stage == Stage::RequiresAction,
        failure: None,
        txn: None,
        dispute: None,
    }
}

/// Makes the open payments of an invoice fit what is left: its own asks for all of it; when nothing is left, or nothing
/// is to be paid any more, all are canceled.
pub(crate) fn adjust(store: &mut Store, invoice: u32, reason: Option<&'static str>) {
    let (now, left) = (store.now, store.invoices[at(invoice)].remaining());
    let ends = left == 0 || !store.invoices[at(invoice)].is_payable();
    for place in store.payments_of(invoice).to_vec() {
        let payment = &store.till.payments[at(place)];
        if !payment.is_open() {
            continue;
        }
        if ends || payment.amount > left && !payment.is_default {
            store.change_payment(place, |payment| {
                payment.stage = Stage::Canceled;
                payment.ended = Some(now);
                payment.cancel_reason = reason;
            });
            store.emit("payment_intent.canceled", Kind::Intent, place);
        } else if payment.is_default && payment.amount != left {
            store.change_payment(place, |payment| payment.amount = left);
        }
    }
}
