//! Payment intents, invoice payments and charges: retrieve and list.

use serde_json::Value;

use super::lists::{Candidates, Listing};
use super::{Outcome, Params, Reply};
use crate::store::{Kind, Store, at};

/// An object of one of the kinds that are never deleted.
pub(super) fn retrieve(store: &Store, kind: Kind, id: &str) -> Outcome {
    store.find(kind, id, "id").map(|place| Reply::Object(kind, place))
}

pub(super) fn list_intents(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["customer_account"])?;
    let customer = params.text("customer").map(|id| store.customer(id, "customer")).transpose()?;
    let keep = |place| customer.is_none_or(|customer| store.till.payments[at(place)].customer == customer);
    page(store, params, Kind::Intent, "/v1/payment_intents", keep)
}

pub(super) fn list_invoice_payments(store: &Store, params: &Params) -> Outcome {
    let invoice = params.text("invoice").map(|id| store.invoice(id, "invoice")).transpose()?;
    let payment = params.map("payment");
    let named = |name: &str| payment.and_then(|payment| payment.get(name)).and_then(Value::as_str);
    let intent =
        named("payment_intent").map(|id| store.find(Kind::Intent, id, "payment[payment_intent]")).transpose()?;
    let records = named("type") == Some("payment_record");
    let status = params.text("status");
    let keep = |place| {
        let payment = &store.till.payments[at(place)];
        !records
            && intent.is_none_or(|intent| intent == place)
            && status.is_none_or(|status| payment.status() == status)
    };
    let find = |id: &str, param: &str| store.find(Kind::InvoicePayment, id, param);
    let listing = Listing::new("/v1/invoice_payments", params, find)?;
    let candidates = invoice
        .map_or_else(|| Candidates::all(&store.till.payments), |invoice| Candidates::Of(store.payments_of(invoice)));
    let created = |place| store.till.payments[at(place)].created;
    let render = |place| store.render(Kind::InvoicePayment, place);
    Ok(Reply::Json(listing.answer(&candidates, created, keep, render)))
}

pub(super) fn list_charges(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["transfer_group"])?;
    let customer = params.text("customer").map(|id| store.customer(id, "customer")).transpose()?;
    let intent = params.text("payment_intent").map(|id| store.find(Kind::Intent, id, "payment_intent")).transpose()?;
    let keep = |place| {
        let charge = &store.till.charges[at(place)];
        customer.is_none_or(|customer| charge.customer == customer)
            && intent.is_none_or(|intent| charge.payment == intent)
    };
    page(store, params, Kind::Charge, "/v1/charges", keep)
}

/// A page of a whole table.
pub(super) fn page(store: &Store, params: &Params, kind: Kind, url: &str, keep: impl Fn(u32) -> bool) -> Outcome {
    let listing = Listing::new(url, params, |id, param| store.find(kind, id, param))?;
    let created = |place| store.created(kind, place);
    Ok(Reply::Json(
        listing.answer(&Candidates::Within(0..store.next(kind)), created, keep, |place| store.render(kind, place)),
    ))
}

impl Store {
    /// When an object of money was made.
    fn created(&self, kind: Kind, place: u32) -> i64 {
        match kind {
            Kind::Charge => self.till.charges[at(place)].created,
            Kind::Refund => self.till.refunds[at(place)].created,
            Kind::Dispute => self.till.disputes[at(place)].created,
            Kind::CreditNote => self.till.credit_notes[at(place)].created,
            Kind::Txn => self.till.txns[at(place)].created,
            Kind::Payout => self.till.payouts[at(place)].created,
            Kind::Endpoint => self.endpoints[at(place)].created,
            _ => self.till.payments[at(place)].created,
        }
    }
}
