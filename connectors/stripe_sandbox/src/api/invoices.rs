//! Invoices: create, update, delete a draft, list.

use serde_json::Map;

use super::items::{MOST_ITEMS, settle_currency};
use super::lists::{Candidates, Listing, Span};
use super::params::keep;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::invoice::{Invoice, Moments, Settled, Status};
use crate::store::metadata::Metadata;
use crate::store::money::Code;
use crate::store::{Kind, Store, at};

const DAY: i64 = 24 * 60 * 60;

/// Parameters that are kept as they were given.
const KEPT: [&str; 14] = [
    "account_tax_ids",
    "automatically_finalizes_at",
    "custom_fields",
    "default_payment_method",
    "default_source",
    "description",
    "effective_at",
    "footer",
    "issuer",
    "on_behalf_of",
    "payment_settings",
    "rendering",
    "shipping_details",
    "statement_descriptor",
];

/// Parameters that change totals or need what the sandbox does not play.
const NOT_PLAYED: [&str; 7] = [
    "application_fee_amount",
    "customer_account",
    "default_tax_rates",
    "discounts",
    "from_invoice",
    "shipping_cost",
    "subscription",
];

/// All that may still change when an invoice is no longer a draft.
const CHANGEABLE: [&str; 5] =
    ["auto_advance", "default_payment_method", "default_source", "metadata", "payment_settings"];

pub(super) fn create(store: &mut Store, mut params: Params) -> Outcome {
    refuse_not_played(&params)?;
    let customer = store.customer(params.required("customer")?, "customer")?;
    let include = params.text("pending_invoice_items_behavior") == Some("include");
    let pending = if include { pending_items(store, customer) } else { Vec::new() };
    let currency = currency(store, &params, customer, &pending);
    let mut invoice = Invoice {
        created: store.now,
        customer,
        currency,
        status: Status::Draft,
        sends: false,
        auto_advance: false,
        days_until_due: None,
        due_date: None,
        number: None,
        metadata: Metadata::default(),
        rest: Map::new(),
        lines: Vec::new(),
        settled: Settled::default(),
        moments: Moments::default(),
        addressee: None,
        attempts: 0,
        next_attempt: None,
        deleted: false,
    };
    apply(store, &mut invoice, &mut params)?;
    let place = store.add_invoice(invoice);
    settle_currency(store, customer, currency);
    let swept = pending.into_iter().rev().filter(|&item| store.items[at(item)].currency == currency);
    for item in swept.take(MOST_ITEMS).collect::<Vec<_>>() {
        store.change_item(item, |item| item.invoice = Some(place));
    }
    Ok(Reply::Object(Kind::Invoice, place))
}

fn pending_items(store: &Store, customer: u32) -> Vec<u32> {
    let pending = |&place: &u32| {
        let item = &store.items[at(place)];
        item.invoice.is_none() && !item.deleted
    };
    store.items_of(customer).iter().copied().filter(pending).collect()
}

fn currency(store: &Store, params: &Params, customer: u32, pending: &[u32]) -> Code {
    let given = params.text("currency").map(Code::new);
    let of_items = pending.first().map(|&item| store.items[at(item)].currency);
    given.or(of_items).or(store.customers[at(customer)].currency).unwrap_or(Code::USD)
}

pub(super) fn update(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let place = store.invoice(id, "id")?;
    refuse_not_played(&params)?;
    let mut invoice = Invoice::clone(&store.invoices[at(place)]);
    if invoice.status != Status::Draft
        && let Some(name) = params.0.keys().find(|name| !CHANGEABLE.contains(&name.as_str()))
    {
        let message = format!("Finalized invoices can't be updated in this way: {name}.");
        return Err(Refusal::of(name, message).code("invoice_not_editable"));
    }
    apply(store, &mut invoice, &mut params)?;
    store.change_invoice(place, |changed| *changed = invoice);
    Ok(Reply::Object(Kind::Invoice, place))
}

/// Deleting a draft gives its items back to the customer's pending ones.
pub(super) fn delete(store: &mut Store, id: &str) -> Outcome {
    let place = store.invoice(id, "id")?;
    if store.invoices[at(place)].status != Status::Draft {
        return Err(Refusal::invalid("You can only delete draft invoices.").code("invoice_not_editable"));
    }
    for item in store.invoices[at(place)].lines.clone() {
        store.change_item(item, |item| item.invoice = None);
    }
    store.change_invoice(place, |invoice| invoice.deleted = true);
    Ok(Reply::Object(Kind::Invoice, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["subscription", "customer_account"])?;
    let customer = params.text("customer").map(|id| store.customer(id, "customer")).transpose()?;
    let candidates = customer
        .map_or_else(|| Candidates::all(&store.invoices), |customer| Candidates::Of(store.invoices_of(customer)));
    let (status, due) = (params.text("status"), Span::read(params, "due_date"));
    let sent = params.text("collection_method").map(|method| method == "send_invoice");
    let keep = |place| {
        let invoice = &store.invoices[at(place)];
        !invoice.deleted
            && status.is_none_or(|status| invoice.status.name() == status)
            && sent.is_none_or(|sent| invoice.sends == sent)
            && (due.is_open() || invoice.due_date.is_some_and(|date| due.holds(date)))
    };
    let listing = Listing::new("/v1/invoices", params, |id, param| store.invoice(id, param))?;
    let created = |place| store.invoices[at(place)].created;
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render_invoice(place))))
}

fn refuse_not_played(params: &Params) -> Result<(), Refusal> {
    params.not_played(&NOT_PLAYED)?;
    let taxed = params.map("automatic_tax").and_then(|tax| tax.get("enabled")).and_then(serde_json::Value::as_bool);
    if taxed == Some(true) {
        return Err(Refusal::not_played("automatic_tax").param("automatic_tax[enabled]"));
    }
    Ok(())
}

/// Puts parameters on a draft, new or old.
fn apply(store: &Store, invoice: &mut Invoice, params: &mut Params) -> Result<(), Refusal> {
    if let Some(method) = params.text("collection_method") {
        invoice.sends = method == "send_invoice";
    }
    due(invoice, params)?;
    if invoice.sends && store.customers[at(invoice.customer)].email.is_none() {
        let message = "Missing email. In order to create invoices that are sent to the customer, the customer must have \
                       a valid email.";
        return Err(Refusal::of("customer", message));
    }
    if let Some(auto_advance) = params.yes("auto_advance") {
        invoice.auto_advance = auto_advance;
    }
    if params.has("number") {
        invoice.number = params.boxed("number");
    }
    invoice.metadata = invoice.metadata.merged(params.take("metadata"))?;
    keep(&mut invoice.rest, params, &KEPT);
    Ok(())
}

/// The rules of `collection_method`, `days_until_due` and `due_date`.
fn due(invoice: &mut Invoice, params: &Params) -> Result<(), Refusal> {
    let (days, date) = (params.int("days_until_due"), params.int("due_date"));
    let given = [("days_until_due", days), ("due_date", date)].into_iter().find(|(_, value)| value.is_some());
    if let Some((name, _)) = given.filter(|_| !invoice.sends) {
        let message = format!("`{name}` can only be specified if `collection_method` is `send_invoice`.");
        return Err(Refusal::of(name, message));
    }
    match (days, date) {
        (Some(_), Some(_)) => return Err(Refusal::exclusive("days_until_due", "due_date")),
        (Some(days), None) if !(0..=36_500).contains(&days) => {
            return Err(
                Refusal::of("days_until_due", format!("Invalid integer: {days}")).code("parameter_invalid_integer")
            );
        }
        (Some(days), None) => {
            invoice.days_until_due = Some(days);
            invoice.due_date = Some(invoice.created + days * DAY);
        }
        (None, Some(date)) if date < invoice.created => {
            return Err(Refusal::of("due_date", "The due date must be in the future."));
        }
        (None, Some(date)) => (invoice.days_until_due, invoice.due_date) = (None, Some(date)),
        (None, None) if invoice.sends && invoice.due_date.is_none() => {
            let message = "If `collection_method` is `send_invoice`, you must pass `days_until_due` or `due_date`.";
            return Err(Refusal::of("days_until_due", message).code("parameter_missing"));
        }
        (None, None) => {}
    }
    Ok(())
}
