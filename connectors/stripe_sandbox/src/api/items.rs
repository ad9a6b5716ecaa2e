//! Invoice items: create, retrieve, update, delete, list.

use serde_json::Value;

use super::lists::{Candidates, Listing};
use super::pricing::priced;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::invoice::Status;
use crate::store::item::Item;
use crate::store::money::Code;
use crate::store::{Kind, Store, at};

/// As many items as Stripe takes on one invoice.
pub(super) const MOST_ITEMS: usize = 250;

/// Parameters that change totals in ways the sandbox does not play.
pub(super) const NOT_PLAYED: [&str; 6] =
    ["discounts", "tax_rates", "tax_amounts", "subscription", "customer_account", "invoicing_rules"];

pub(super) fn create(store: &mut Store, mut params: Params) -> Outcome {
    params.not_played(&NOT_PLAYED)?;
    let customer = store.customer(params.required("customer")?, "customer")?;
    let invoice = params.text("invoice").map(|id| store.invoice(id, "invoice")).transpose()?;
    let Some(priced) = priced(store, &params, None)? else {
        return Err(Refusal::missing("amount"));
    };
    if let Some(invoice) = invoice {
        takes_item(store, invoice, customer, priced.currency, 1)?;
    }
    let currency = priced.currency;
    let mut item = Item { invoice, ..priced.item(store, customer) };
    describe(&mut item, &mut params)?;
    let place = store.add_item(item);
    settle_currency(store, customer, currency);
    Ok(Reply::Object(Kind::Item, place))
}

pub(super) fn retrieve(store: &Store, id: &str) -> Outcome {
    store.item(id, "id").map(|place| Reply::Object(Kind::Item, place))
}

pub(super) fn update(store: &mut Store, id: &str, params: Params) -> Outcome {
    let place = store.item(id, "id")?;
    let changed = changed(store, place, params)?;
    store.change_item(place, |item| *item = changed);
    Ok(Reply::Object(Kind::Item, place))
}

pub(super) fn delete(store: &mut Store, id: &str) -> Outcome {
    let place = store.item(id, "id")?;
    editable(store, place)?;
    store.change_item(place, |item| item.deleted = true);
    Ok(Reply::Object(Kind::Item, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    let customer = params.text("customer").map(|id| store.customer(id, "customer")).transpose()?;
    let invoice = params.text("invoice").map(|id| store.invoice(id, "invoice")).transpose()?;
    let pending = params.yes("pending");
    let mut of_invoice = invoice.map(|invoice| store.invoices[at(invoice)].lines.clone()).unwrap_or_default();
    of_invoice.sort_unstable();
    let candidates = match (invoice, customer) {
        (Some(_), _) => Candidates::Of(&of_invoice),
        (None, Some(customer)) => Candidates::Of(store.items_of(customer)),
        (None, None) => Candidates::all(&store.items),
    };
    let keep = |place| {
        let item = &store.items[at(place)];
        !item.deleted
            && customer.is_none_or(|customer| item.customer == customer)
            && pending.is_none_or(|pending| item.invoice.is_none() == pending)
    };
    let listing = Listing::new("/v1/invoiceitems", params, |id, param| store.item(id, param))?;
    let created = |place| store.items[at(place)].created;
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render_item(place))))
}

/// An item with parameters applied, if it may be changed at all.
pub(super) fn changed(store: &Store, place: u32, mut params: Params) -> Result<Item, Refusal> {
    params.not_played(&NOT_PLAYED)?;
    editable(store, place)?;
    let mut item = Item::clone(&store.items[at(place)]);
    let only_quantity = params.has("quantity") || params.has("quantity_decimal");
    match priced(store, &params, Some(item.currency))? {
        Some(priced) if priced.currency != item.currency => {
            let message = format!("The currency of an invoice item ({}) can not be changed.", item.currency);
            return Err(Refusal::of("currency", message));
        }
        Some(priced) => priced.put_on(&mut item),
        None if only_quantity => {
            params.0.insert("unit_amount_decimal".into(), Value::from(&*item.unit_amount));
            let (price, currency) = (item.price, item.currency);
            if let Some(priced) = priced(store, &params, Some(currency))? {
                priced.put_on(&mut item);
            }
            item.price = price;
        }
        None => {}
    }
    describe(&mut item, &mut params)?;
    Ok(item)
}

/// Puts what is not money on an item.
pub(super) fn describe(item: &mut Item, params: &mut Params) -> Result<(), Refusal> {
    if let Some(description) = params.boxed("description") {
        item.description = Some(description);
    }
    if let Some(discountable) = params.yes("discountable") {
        item.discountable = discountable;
    }
    if let Some(period) = params.map("period") {
        let bound = |name: &str| period.get(name).and_then(Value::as_i64).unwrap_or(item.created);
        item.period = (bound("start"), bound("end"));
        if item.period.0 > item.period.1 {
            return Err(Refusal::of("period[end]", "The period's end must not be before its start."));
        }
    }
    item.metadata = item.metadata.merged(params.take("metadata"))?;
    Ok(())
}

/// Whether so many more items of this customer and currency may go on an invoice.
pub(super) fn takes_item(
    store: &Store,
    invoice: u32,
    customer: u32,
    currency: Code,
    more: usize,
) -> Result<(), Refusal> {
    let invoice = &store.invoices[at(invoice)];
    if invoice.status != Status::Draft {
        return Err(not_editable());
    }
    if invoice.customer != customer {
        return Err(Refusal::of("invoice", "The invoice belongs to a different customer than the invoice item."));
    }
    if invoice.currency != currency {
        let message = format!(
            "The currency of the invoice item ({currency}) does not match the currency of the invoice ({}).",
            invoice.currency
        );
        return Err(Refusal::of("currency", message));
    }
    if invoice.lines.len() + more > MOST_ITEMS {
        return Err(Refusal::of("invoice", format!("An invoice can have at most {MOST_ITEMS} invoice items.")));
    }
    Ok(())
}

/// Items of an invoice that is no longer a draft stand as they are.
fn editable(store: &Store, place: u32) -> Result<(), Refusal> {
    let invoice = store.items[at(place)].invoice;
    let draft = invoice.is_none_or(|invoice| store.invoices[at(invoice)].status == Status::Draft);
    if draft { Ok(()) } else { Err(not_editable()) }
}

pub(super) fn not_editable() -> Refusal {
    Refusal::invalid("The invoice is no longer editable: it has been finalized.").code("invoice_not_editable")
}

/// A customer's currency is that of its first item or invoice.
pub(super) fn settle_currency(store: &mut Store, customer: u32, currency: Code) {
    if store.customers[at(customer)].currency.is_none() {
        store.note_on_customer(customer, |customer| customer.currency = Some(currency));
    }
}
