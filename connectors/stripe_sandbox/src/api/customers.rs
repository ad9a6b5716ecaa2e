//! Customers: create, retrieve, update, delete, list.

use serde_json::{Map, Value};

use super::lists::{Candidates, Listing};
use super::params::keep;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::customer::Customer;
use crate::store::{Kind, Store, at};

/// Parameters that are kept as they were given.
const KEPT: [&str; 13] = [
    "address",
    "business_name",
    "default_source",
    "description",
    "individual_name",
    "invoice_prefix",
    "invoice_settings",
    "next_invoice_sequence",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
    "test_clock",
];

pub(super) fn create(store: &mut Store, params: Params) -> Outcome {
    let mut customer = Customer { created: store.now, ..Customer::default() };
    apply(&mut customer, params)?;
    Ok(Reply::Object(Kind::Customer, store.add_customer(customer)))
}

pub(super) fn retrieve(store: &Store, id: &str) -> Outcome {
    store.any_customer(id).map(|place| Reply::Object(Kind::Customer, place))
}

pub(super) fn update(store: &mut Store, id: &str, params: Params) -> Outcome {
    let place = store.customer(id, "id")?;
    let mut changed = Customer::clone(&store.customers[at(place)]);
    apply(&mut changed, params)?;
    store.change_customer(place, |customer| *customer = changed);
    Ok(Reply::Object(Kind::Customer, place))
}

pub(super) fn delete(store: &mut Store, id: &str) -> Outcome {
    let place = store.customer(id, "id")?;
    store.change_customer(place, |customer| customer.deleted = true);
    Ok(Reply::Object(Kind::Customer, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    let email = params.text("email");
    let candidates = match email {
        Some(email) => Candidates::Of(store.places_by_email(email)),
        None => Candidates::all(&store.customers),
    };
    let keep = |place| {
        let customer = &store.customers[at(place)];
        !customer.deleted && email.is_none_or(|email| customer.email.as_deref() == Some(email))
    };
    let listing = Listing::new("/v1/customers", params, |id, param| store.customer(id, param))?;
    let created = |place| store.customers[at(place)].created;
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render_customer(place))))
}

/// Puts parameters on a customer, new or old.
fn apply(customer: &mut Customer, mut params: Params) -> Result<(), Refusal> {
    if let Some(email) = params.text("email") {
        check_email(email)?;
        customer.email = Some(email.into());
    }
    if let Some(name) = params.boxed("name") {
        customer.name = Some(name);
    }
    if let Some(balance) = params.int("balance") {
        customer.balance = balance;
    }
    customer.metadata = customer.metadata.merged(params.take("metadata"))?;
    let mut rest: Map<String, Value> = customer.rest.take().map_or_else(Map::new, |rest| *rest);
    keep(&mut rest, &params, &KEPT);
    customer.rest = (!rest.is_empty()).then(|| Box::new(rest));
    Ok(())
}

fn check_email(email: &str) -> Result<(), Refusal> {
    let formed = email.split_once('@').is_some_and(|(user, host)| {
        let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', ',', ';', '<', '>']);
        plain(user) && plain(host) && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    if formed && email.chars().count() <= 512 {
        return Ok(());
    }
    Err(Refusal::of("email", format!("Invalid email address: {email}")).code("email_invalid"))
}
