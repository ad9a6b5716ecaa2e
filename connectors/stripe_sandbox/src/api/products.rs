//! Products: create, update, delete, list.

use super::lists::{Candidates, Listing};
use super::params::keep;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::product::Product;
use crate::store::{Kind, Store, at};

const KEPT: [&str; 9] = [
    "description",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
];

pub(super) fn create(store: &mut Store, mut params: Params) -> Outcome {
    if let Some(id) = params.text("id").filter(|id| store.product(id, "id").is_ok()) {
        let refusal = Refusal::of("id", format!("Product already exists: {id}"));
        return Err(refusal.code("resource_already_exists"));
    }
    let own_id = params.boxed("id");
    let mut product = Product { created: store.now, own_id, active: true, ..Product::default() };
    apply(store, &mut product, &mut params)?;
    // The price is checked before the product is made: a refused request leaves nothing behind.
    let place = u32::try_from(store.products.len()).unwrap_or(u32::MAX);
    let data = params.map("default_price_data").cloned();
    let price = data.map(|data| super::prices::draft(store, place, Params(data))).transpose()?;
    store.add_product(product);
    if let Some(price) = price {
        let price = store.add_price(price);
        store.change_product(place, |product| product.default_price = Some(price));
    }
    Ok(Reply::Object(Kind::Product, place))
}

pub(super) fn update(store: &mut Store, id: &str, mut params: Params) -> Outcome {
    let place = store.product(id, "id")?;
    let mut changed = Product::clone(&store.products[at(place)]);
    if let Some(id) = params.text("default_price") {
        changed.default_price = Some(store.price(id, "default_price")?);
    }
    apply(store, &mut changed, &mut params)?;
    store.change_product(place, |product| *product = changed);
    Ok(Reply::Object(Kind::Product, place))
}

pub(super) fn delete(store: &mut Store, id: &str) -> Outcome {
    let place = store.product(id, "id")?;
    if store.prices.iter().any(|price| price.product == place) {
        let message = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(Refusal::invalid(message));
    }
    store.change_product(place, |product| product.deleted = true);
    Ok(Reply::Object(Kind::Product, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["ids", "shippable", "type", "url"])?;
    let active = params.yes("active");
    let keep = |place| {
        let product = &store.products[at(place)];
        !product.deleted && active.is_none_or(|active| product.active == active)
    };
    let listing = Listing::new("/v1/products", params, |id, param| store.product(id, param))?;
    let created = |place| store.products[at(place)].created;
    let candidates = Candidates::all(&store.products);
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render_product(place))))
}

fn apply(store: &Store, product: &mut Product, params: &mut Params) -> Result<(), Refusal> {
    if let Some(name) = params.boxed("name") {
        product.name = name;
    }
    product.active = params.yes("active").unwrap_or(product.active);
    product.updated = store.now;
    product.metadata = product.metadata.merged(params.take("metadata"))?;
    keep(&mut product.rest, params, &KEPT);
    Ok(())
}
