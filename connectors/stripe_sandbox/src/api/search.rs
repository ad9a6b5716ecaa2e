//! Search: customers and invoices, some time behind what the lists show.

mod query;

use serde_json::{Value, json};

use super::lists::limit;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::Store;
use crate::store::metadata::Metadata;
use query::{Field, Query};

pub(super) fn customers(store: &Store, params: &Params) -> Outcome {
    let query = Query::parse(params.required("query")?, &["email", "name", "phone", "created"])?;
    let matches = |place: usize| {
        let customer = &store.customers[place];
        !customer.deleted
            && query.holds(|field| match field {
                Field::Metadata(key) => metadata(&customer.metadata, key),
                Field::Named(name) => match name.as_str() {
                    "email" => customer.email.as_deref().map(str::to_owned),
                    "name" => customer.name.as_deref().map(str::to_owned),
                    "created" => Some(customer.created.to_string()),
                    other => customer.rest(other).and_then(Value::as_str).map(str::to_owned),
                },
            })
    };
    let seen = store.customers.partition_point(|customer| customer.created <= store.now - store.search_lag);
    page("/v1/customers/search", params, seen, matches, |place| store.render_customer(place))
}

pub(super) fn invoices(store: &Store, params: &Params) -> Outcome {
    let known = ["status", "customer", "number", "currency", "total", "created", "collection_method"];
    let query = Query::parse(params.required("query")?, &known)?;
    let matches = |place: usize| {
        let invoice = &store.invoices[place];
        !invoice.deleted
            && query.holds(|field| match field {
                Field::Metadata(key) => metadata(&invoice.metadata, key),
                Field::Named(name) => match name.as_str() {
                    "total" => Some(store.total(invoice).to_string()),
                    "created" => Some(invoice.created.to_string()),
                    other => {
                        let value = store.render_invoice(u32::try_from(place).unwrap_or(u32::MAX));
                        value[other].as_str().map(str::to_owned)
                    }
                },
            })
    };
    let seen = store.invoices.partition_point(|invoice| invoice.created <= store.now - store.search_lag);
    page("/v1/invoices/search", params, seen, matches, |place| store.render_invoice(place))
}

fn metadata(metadata: &Metadata, key: &str) -> Option<String> {
    metadata.get(key).map(str::to_owned)
}

/// Newest first; the page's name is the place where the next one goes on.
fn page(
    url: &str,
    params: &Params,
    seen: usize,
    matches: impl Fn(usize) -> bool,
    render: impl Fn(u32) -> Value,
) -> Outcome {
    let limit = limit(params)?;
    let wrong = |_| Refusal::of("page", "Invalid page");
    let end = params.text("page").map(|page| page.parse::<usize>().map_err(wrong)).transpose()?;
    let end = end.map_or(seen, |end| end.min(seen));
    let mut found: Vec<usize> = (0..end).rev().filter(|&place| matches(place)).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(ToString::to_string);
    let data: Vec<Value> = found.into_iter().map(|place| render(u32::try_from(place).unwrap_or(u32::MAX))).collect();
    let value = json!({"object": "search_result", "data": data, "has_more": more, "next_page": next, "url": url});
    Ok(Reply::Json(value))
}
