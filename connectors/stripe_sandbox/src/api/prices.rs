//! Prices: create, update, list.

use serde_json::{Map, Value};

use super::lists::{Candidates, Listing};
use super::params::keep;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::metadata::Metadata;
use crate::store::money::Code;
use crate::store::price::Price;
use crate::store::product::Product;
use crate::store::{Kind, Store, at};

const KEPT: [&str; 4] = ["lookup_key", "nickname", "recurring", "tax_behavior"];

/// What makes a price more than an amount per unit.
const NOT_PLAYED: [&str; 5] = ["currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transform_quantity"];

pub(super) fn create(store: &mut Store, params: Params) -> Outcome {
    let product = match (params.text("product"), params.map("product_data")) {
        (Some(_), Some(_)) => return Err(Refusal::exclusive("product", "product_data")),
        (Some(id), None) => store.product(id, "product")?,
        (None, Some(data)) => {
            let data = Params(data.clone());
            draft(store, 0, Params(params.0.clone()))?;
            new_product(store, data)?
        }
        (None, None) => return Err(Refusal::missing("product")),
    };
    let price = draft(store, product, params)?;
    Ok(Reply::Object(Kind::Price, store.add_price(price)))
}

fn new_product(store: &mut Store, mut data: Params) -> Result<u32, Refusal> {
    let metadata = Metadata::default().merged(data.take("metadata"))?;
    Ok(store.add_product(Product {
        created: store.now,
        updated: store.now,
        own_id: data.boxed("id"),
        name: data.boxed("name").unwrap_or_default(),
        active: data.yes("active").unwrap_or(true),
        metadata,
        ..Product::default()
    }))
}

/// A price of this product, not yet in the store.
pub(super) fn draft(store: &Store, product: u32, mut params: Params) -> Result<Price, Refusal> {
    params.not_played(&NOT_PLAYED)?;
    let currency = Code::new(params.required("currency")?);
    let unit: Box<str> = match (params.int("unit_amount"), params.text("unit_amount_decimal")) {
        (Some(_), Some(_)) => return Err(Refusal::exclusive("unit_amount", "unit_amount_decimal")),
        (Some(number), None) => currency.check(number, "unit_amount")?.to_string().into(),
        (None, Some(text)) => text.into(),
        (None, None) => return Err(Refusal::missing("unit_amount")),
    };
    if unit.starts_with('-') {
        return Err(Refusal::of("unit_amount", "Invalid non-negative integer").code("parameter_invalid_integer"));
    }
    let metadata = Metadata::default().merged(params.take("metadata"))?;
    let mut rest = Map::new();
    keep(&mut rest, &params, &KEPT);
    if let Some(Value::Object(recurring)) = rest.get_mut("recurring") {
        recurring.entry("interval_count").or_insert_with(|| 1.into());
        recurring.entry("usage_type").or_insert_with(|| "licensed".into());
    }
    let active = params.yes("active").unwrap_or(true);
    Ok(Price { created: store.now, product, currency, unit, active, metadata, rest })
}

pub(super) fn update(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let place = store.price(id, "id")?;
    params.not_played(&NOT_PLAYED)?;
    let mut changed = Price::clone(&store.prices[at(place)]);
    changed.active = params.yes("active").unwrap_or(changed.active);
    changed.metadata = changed.metadata.merged(params.take("metadata"))?;
    keep(&mut changed.rest, &params, &KEPT);
    store.change_price(place, |price| *price = changed);
    Ok(Reply::Object(Kind::Price, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["recurring"])?;
    let product = params.text("product").map(|id| store.product(id, "product")).transpose()?;
    let (active, currency, kind) = (params.yes("active"), params.text("currency"), params.text("type"));
    let keys = params.0.get("lookup_keys").and_then(Value::as_array);
    let keep = |place| {
        let price = &store.prices[at(place)];
        product.is_none_or(|product| price.product == product)
            && active.is_none_or(|active| price.active == active)
            && currency.is_none_or(|code| price.currency.as_str() == code)
            && kind.is_none_or(|kind| (kind == "recurring") == price.is_recurring())
            && keys.is_none_or(|keys| price.rest.get("lookup_key").is_some_and(|key| keys.contains(key)))
    };
    let listing = Listing::new("/v1/prices", params, |id, param| store.price(id, param))?;
    let created = |place| store.prices[at(place)].created;
    let candidates = Candidates::all(&store.prices);
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render_price(place))))
}
