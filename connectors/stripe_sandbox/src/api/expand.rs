//! `expand[]`: ids in an answer replaced by their objects.

use serde_json::Value;

use super::lists::list;
use crate::refusal::Refusal;
use crate::store::{Kind, Store, at};

/// Replaces what the fields (`customer`, `data.customer`, `lines.data.invoice`) name.
pub(super) fn expand(store: &Store, value: &mut Value, fields: &[Value]) -> Result<(), Refusal> {
    for field in fields.iter().filter_map(Value::as_str) {
        let path: Vec<&str> = field.split('.').collect();
        if path.len() > 4 {
            return Err(Refusal::of("expand", "You cannot expand more than 4 levels of a property."));
        }
        walk(store, value, &path);
    }
    Ok(())
}

/// Fields that are not there or not expandable stay as they are.
fn walk(store: &Store, value: &mut Value, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        if let Some(object) = value.as_str().and_then(|id| object(store, id)) {
            *value = object;
        }
        return;
    };
    include(store, value, first);
    let Some(inner) = value.get_mut(*first) else { return };
    if let Value::Array(list) = inner {
        for each in list {
            walk(store, each, rest);
        }
        return;
    }
    if !rest.is_empty() {
        walk(store, inner, &[]);
    }
    walk(store, inner, rest);
}

/// Puts in what an invoice shows only when it is asked for.
fn include(store: &Store, value: &mut Value, field: &str) {
    let id = value["id"].as_str().filter(|_| value["object"] == "invoice");
    let Some(place) = id.and_then(|id| store.invoice(id, "id").ok()) else { return };
    match field {
        "amount_paid_off_stripe" => value[field] = store.invoices[at(place)].settled.off_stripe.into(),
        "payments" => {
            let render = |&payment: &u32| store.render(Kind::InvoicePayment, payment);
            let data: Vec<Value> = store.payments_of(place).iter().rev().map(render).collect();
            value[field] = list("/v1/invoice_payments", &data, false);
        }
        _ => {}
    }
}

fn object(store: &Store, id: &str) -> Option<Value> {
    let prefix = id.split_once('_')?.0;
    let kind = Kind::ALL.into_iter().find(|kind| kind.prefix().strip_suffix('_') == Some(prefix))?;
    let place = match kind {
        Kind::Customer => store.any_customer(id),
        Kind::Item => store.item(id, "id"),
        Kind::Invoice => store.invoice(id, "id"),
        Kind::Product => store.product(id, "id"),
        Kind::Line | Kind::Event | Kind::Endpoint => return None,
        kind => store.find(kind, id, "id"),
    };
    place.ok().map(|place| store.render(kind, place))
}
