//! `expand[]`: ids in an answer replaced by their objects.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::store::Store;

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

fn object(store: &Store, id: &str) -> Option<Value> {
    match id.split_once('_')?.0 {
        "cus" => store.any_customer(id).ok().map(|place| store.render_customer(place)),
        "ii" => store.item(id, "id").ok().map(|place| store.render_item(place)),
        "in" => store.invoice(id, "id").ok().map(|place| store.render_invoice(place)),
        "prod" => store.product(id, "id").ok().map(|place| store.render_product(place)),
        "price" => store.price(id, "id").ok().map(|place| store.render_price(place)),
        _ => None,
    }
}
