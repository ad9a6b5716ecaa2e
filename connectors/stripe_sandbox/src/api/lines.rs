//! The lines of a draft: add, change, remove; and their list.

use serde_json::Value;

use super::items::{NOT_PLAYED, changed, describe, not_editable, takes_item};
use super::lists::{limit, list as list_body};
use super::pricing::priced;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::invoice::Status;
use crate::store::item::Item;
use crate::store::{Kind, Store, at};

/// A line to be added: a pending item, or a new one.
enum Addition {
    Pending(u32, Item),
    New(Item),
}

/// All lines are added, or none.
pub(super) fn add(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let invoice = draft(store, id)?;
    let lines = params.take_list("lines");
    let mut additions = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let addition = addition(store, invoice, line, &additions).map_err(|refusal| {
            if refusal.has_param() { refusal.inside(&format!("lines[{index}]")) } else { refusal }
        })?;
        additions.push(addition);
    }
    let metadata = store.invoices[at(invoice)].metadata.merged(params.take("invoice_metadata"))?;
    for addition in additions {
        match addition {
            Addition::Pending(place, item) => store.change_item(place, |changed| *changed = item),
            Addition::New(item) => drop(store.add_item(item)),
        }
    }
    store.change_invoice(invoice, |invoice| invoice.metadata = metadata);
    Ok(Reply::Object(Kind::Invoice, invoice))
}

fn addition(store: &Store, invoice: u32, mut line: Params, before: &[Addition]) -> Result<Addition, Refusal> {
    line.not_played(&NOT_PLAYED)?;
    let (customer, currency) = (store.invoices[at(invoice)].customer, store.invoices[at(invoice)].currency);
    let pending = line.take("invoice_item");
    let addition = if let Some(Value::String(id)) = pending {
        attached(store, invoice, &id, line, before)?
    } else {
        let Some(priced) = priced(store, &line, Some(currency))? else {
            return Err(Refusal::missing("amount"));
        };
        let mut item = Item { invoice: Some(invoice), ..priced.item(store, customer) };
        describe(&mut item, &mut line)?;
        Addition::New(item)
    };
    let (Addition::Pending(_, item) | Addition::New(item)) = &addition;
    takes_item(store, invoice, customer, item.currency, before.len() + 1)?;
    Ok(addition)
}

/// A pending item becomes a line; what else the line says changes the item.
fn attached(store: &Store, invoice: u32, id: &str, line: Params, before: &[Addition]) -> Result<Addition, Refusal> {
    let place = store.item(id, "invoice_item")?;
    let twice = before.iter().any(|each| matches!(each, Addition::Pending(other, _) if *other == place));
    if twice || store.items[at(place)].invoice.is_some() {
        let message = format!("The invoice item '{id}' is already attached to an invoice.");
        return Err(Refusal::of("invoice_item", message));
    }
    if store.items[at(place)].customer != store.invoices[at(invoice)].customer {
        let message = "The invoice item belongs to a different customer than the invoice.";
        return Err(Refusal::of("invoice_item", message));
    }
    Ok(Addition::Pending(place, Item { invoice: Some(invoice), ..changed(store, place, line)? }))
}

pub(super) fn remove(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let invoice = draft(store, id)?;
    let mut removals = Vec::new();
    for line in params.take_list("lines") {
        let place = store.line(invoice, line.required("id")?, "lines")?;
        removals.push((place, line.text("behavior") == Some("delete")));
    }
    let metadata = store.invoices[at(invoice)].metadata.merged(params.take("invoice_metadata"))?;
    for (place, delete) in removals {
        store.change_item(place, |item| {
            item.invoice = None;
            item.deleted = delete;
        });
    }
    store.change_invoice(invoice, |invoice| invoice.metadata = metadata);
    Ok(Reply::Object(Kind::Invoice, invoice))
}

pub(super) fn update(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let invoice = draft(store, id)?;
    let mut changes = Vec::new();
    for mut line in params.take_list("lines") {
        let place = store.line(invoice, line.required("id")?, "lines")?;
        line.take("id");
        changes.push((place, changed(store, place, line)?));
    }
    let metadata = store.invoices[at(invoice)].metadata.merged(params.take("invoice_metadata"))?;
    for (place, item) in changes {
        store.change_item(place, |changed| *changed = item);
    }
    store.change_invoice(invoice, |invoice| invoice.metadata = metadata);
    Ok(Reply::Object(Kind::Invoice, invoice))
}

pub(super) fn update_one(store: &mut Store, id: &str, line: &str, params: Params) -> Outcome {
    let invoice = draft(store, id)?;
    let place = store.line(invoice, line, "id")?;
    let item = changed(store, place, params)?;
    store.change_item(place, |changed| *changed = item);
    Ok(Reply::Object(Kind::Line, place))
}

/// Lines come in the invoice's order, not newest first.
pub(super) fn list(store: &Store, id: &str, params: &Params) -> Outcome {
    let invoice = store.invoice(id, "id")?;
    let lines = &store.invoices[at(invoice)].lines;
    let cursor = |name: &str| {
        let id = params.text(name)?;
        Some(store.line(invoice, id, name).map(|place| lines.iter().position(|&line| line == place).unwrap_or(0)))
    };
    let limit = limit(params)?;
    let url = format!("/v1/invoices/{id}/lines");
    let render = |places: &[u32]| -> Vec<Value> { places.iter().map(|&place| store.render_line(place)).collect() };
    if let Some(before) = cursor("ending_before").transpose()? {
        let start = before.saturating_sub(limit);
        return Ok(Reply::Json(list_body(&url, &render(&lines[start..before]), start > 0)));
    }
    let start = cursor("starting_after").transpose()?.map_or(0, |after| after + 1);
    let end = lines.len().min(start + limit);
    Ok(Reply::Json(list_body(&url, &render(&lines[start..end]), end < lines.len())))
}

fn draft(store: &Store, id: &str) -> Result<u32, Refusal> {
    let place = store.invoice(id, "id")?;
    if store.invoices[at(place)].status == Status::Draft { Ok(place) } else { Err(not_editable()) }
}
