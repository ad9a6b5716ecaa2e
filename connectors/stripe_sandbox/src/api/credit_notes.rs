//! Credit notes: create, list. On an open invoice they lower what is left to pay; beyond that they refund, credit the
//! customer's balance, or say that money went back elsewhere (`docs.stripe.com/api/credit_notes/create`).

use super::collect::adjust;
use super::payments::page;
use super::refunds::refund;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::credit_note::CreditNote;
use crate::store::invoice::Status;
use crate::store::metadata::Metadata;
use crate::store::{Kind, Store, at};

const NOT_PLAYED: [&str; 4] = ["effective_at", "lines", "refunds", "shipping_cost"];

/// How an amount is given back.
#[derive(Clone, Copy)]
struct Split {
    before: i64,
    refund: i64,
    credit: i64,
}

pub(super) fn create(store: &mut Store, mut params: Params) -> Outcome {
    params.not_played(&NOT_PLAYED)?;
    let place = store.invoice(params.required("invoice")?, "invoice")?;
    let amount = creditable(store, place, &params)?;
    let metadata = Metadata::default().merged(params.take("metadata"))?;
    let split = split(store, place, amount, &params)?;
    let refunds = give_back(store, place, split);
    let number = number(store, place);
    let note = CreditNote {
        created: store.now,
        invoice: place,
        number,
        amount,
        before: split.before,
        out_of_band: params.int("out_of_band_amount"),
        refunds,
        reason: params.boxed("reason"),
        memo: params.boxed("memo"),
        metadata,
    };
    let note = store.add_credit_note(note);
    lower(store, place, split.before, amount - split.before);
    Ok(Reply::Object(Kind::CreditNote, note))
}

/// The amount, if so much of the invoice can still be credited.
fn creditable(store: &Store, place: u32, params: &Params) -> Result<i64, Refusal> {
    let invoice = &store.invoices[at(place)];
    if !matches!(invoice.status, Status::Open | Status::Paid | Status::Uncollectible) {
        let message = "Credit notes can only be created for invoices that are finalized and not void.";
        return Err(Refusal::of("invoice", message));
    }
    let amount = params.int("amount").ok_or_else(|| Refusal::missing("amount"))?;
    let credited: i64 =
        store.till.credit_notes.iter().filter(|note| note.invoice == place).map(|note| note.amount).sum();
    let most = store.total(invoice) - credited;
    if amount < 1 || amount > most {
        let message = format!("The credit note's amount must be between 1 and {most}, what is left of the invoice.");
        return Err(Refusal::of("amount", message));
    }
    Ok(amount)
}

fn split(store: &Store, place: u32, amount: i64, params: &Params) -> Result<Split, Refusal> {
    let given = |name: &str| params.int(name).unwrap_or_default();
    let (refund, credit, elsewhere) = (given("refund_amount"), given("credit_amount"), given("out_of_band_amount"));
    if let Some(name) =
        ["refund_amount", "credit_amount", "out_of_band_amount"].into_iter().find(|name| given(name) < 0)
    {
        return Err(Refusal::of(name, "This value must be greater than or equal to 0."));
    }
    let before = amount.min(store.invoices[at(place)].remaining());
    let after = amount - before;
    if refund.saturating_add(credit).saturating_add(elsewhere) != after {
        let message = format!(
            "The sum of refund_amount, credit_amount and out_of_band_amount must equal what was already paid of the \
             credited amount ({after})."
        );
        return Err(Refusal::invalid(message));
    }
    let refundable: i64 = charges(store, place).into_iter().map(|charge| store.till.charges[at(charge)].left()).sum();
    if refund > refundable {
        let message = format!("The refund amount is greater than what can be refunded of the invoice ({refundable}).");
        return Err(Refusal::of("refund_amount", message));
    }
    Ok(Split { before, refund, credit })
}

/// The charges that paid an invoice and are not with the customer's bank, newest first.
fn charges(store: &Store, invoice: u32) -> Vec<u32> {
    let paid = |&payment: &u32| {
        let payment = &store.till.payments[at(payment)];
        payment.latest_charge.filter(|&charge| {
            let dispute = store.till.charges[at(charge)].dispute;
            payment.status() == "paid" && !dispute.is_some_and(|dispute| store.till.disputes[at(dispute)].takes())
        })
    };
    store.payments_of(invoice).iter().rev().filter_map(paid).collect()
}

fn give_back(store: &mut Store, invoice: u32, split: Split) -> Vec<(u32, i64)> {
    let mut left = split.refund;
    let mut refunds = Vec::new();
    for charge in charges(store, invoice) {
        let amount = left.min(store.till.charges[at(charge)].left());
        if amount > 0 {
            refunds.push((refund(store, charge, amount, None, Metadata::default()), amount));
            left -= amount;
        }
    }
    if split.credit > 0 {
        store.note_on_customer(store.invoices[at(invoice)].customer, |customer| customer.balance -= split.credit);
    }
    refunds
}

/// Puts the note on the invoice. When nothing is left to pay it is paid.
fn lower(store: &mut Store, place: u32, before: i64, after: i64) {
    let now = store.now;
    let was_open = store.invoices[at(place)].is_payable();
    store.change_invoice(place, |invoice| {
        invoice.settled.due -= before;
        invoice.settled.credited.0 += before;
        invoice.settled.credited.1 += after;
        if was_open && invoice.remaining() == 0 {
            invoice.status = Status::Paid;
            invoice.moments.paid = Some(now);
            invoice.next_attempt = None;
        }
    });
    if was_open {
        adjust(store, place, None);
        if store.invoices[at(place)].status == Status::Paid {
            store.emit("invoice.paid", Kind::Invoice, place);
        }
    }
}

/// `7FE11031-0001-CN-01`.
fn number(store: &Store, place: u32) -> Box<str> {
    let earlier = store.till.credit_notes.iter().filter(|note| note.invoice == place).count();
    let invoice = store.invoices[at(place)].number.as_deref().unwrap_or_default();
    format!("{invoice}-CN-{:02}", earlier + 1).into()
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["customer_account"])?;
    let customer = params.text("customer").map(|id| store.customer(id, "customer")).transpose()?;
    let invoice = params.text("invoice").map(|id| store.invoice(id, "invoice")).transpose()?;
    let keep = |place| {
        let noted = store.till.credit_notes[at(place)].invoice;
        invoice.is_none_or(|invoice| noted == invoice)
            && customer.is_none_or(|customer| store.invoices[at(noted)].customer == customer)
    };
    page(store, params, Kind::CreditNote, "/v1/credit_notes", keep)
}
