//! Webhook endpoints: create, retrieve, update, delete, list.

use std::sync::Arc;

use serde_json::Value;

use super::payments::page;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::endpoint::Endpoint;
use crate::store::{Kind, Store, at};

/// As many endpoints as an account may have.
const MOST_ENDPOINTS: usize = 16;

pub(super) fn create(store: &mut Store, params: Params) -> Outcome {
    params.not_played(&["connect"])?;
    let mut endpoint = Endpoint { created: store.now, ..Endpoint::default() };
    apply(&mut endpoint, params)?;
    if store.endpoints.iter().filter(|endpoint| !endpoint.deleted).count() >= MOST_ENDPOINTS {
        let message = format!("You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints.");
        return Err(Refusal::invalid(message));
    }
    let place = store.next(Kind::Endpoint);
    store.endpoints.push(Arc::new(endpoint));
    let mut value = store.render(Kind::Endpoint, place);
    value["secret"] = store.ids.signing_secret(place).into();
    Ok(Reply::Json(value))
}

pub(super) fn retrieve(store: &Store, id: &str) -> Outcome {
    find(store, id, "id").map(|place| Reply::Object(Kind::Endpoint, place))
}

pub(super) fn update(store: &mut Store, id: &str, params: Params) -> Outcome {
    let place = find(store, id, "id")?;
    let mut changed = Endpoint::clone(&store.endpoints[at(place)]);
    apply(&mut changed, params)?;
    store.endpoints[at(place)] = Arc::new(changed);
    Ok(Reply::Object(Kind::Endpoint, place))
}

pub(super) fn delete(store: &mut Store, id: &str) -> Outcome {
    let place = find(store, id, "id")?;
    Arc::make_mut(&mut store.endpoints[at(place)]).deleted = true;
    Ok(Reply::Object(Kind::Endpoint, place))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    let keep = |place| !store.endpoints[at(place)].deleted;
    page(store, params, Kind::Endpoint, "/v1/webhook_endpoints", keep)
}

fn find(store: &Store, id: &str, param: &str) -> Result<u32, Refusal> {
    let place = store.find(Kind::Endpoint, id, param)?;
    if store.endpoints[at(place)].deleted { Err(Refusal::no_such("webhook endpoint", id, param)) } else { Ok(place) }
}

/// Puts parameters on an endpoint, new or old.
fn apply(endpoint: &mut Endpoint, mut params: Params) -> Result<(), Refusal> {
    if let Some(url) = params.boxed("url") {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(Refusal::of("url", "Invalid URL: An explicit scheme (such as https) must be provided."));
        }
        endpoint.url = url;
    }
    if let Some(Value::Array(names)) = params.0.get("enabled_events") {
        endpoint.enabled_events = names.iter().filter_map(Value::as_str).map(Into::into).collect();
    }
    if params.has("description") {
        endpoint.description = params.boxed("description");
    }
    endpoint.api_version = params.boxed("api_version").or(endpoint.api_version.take());
    endpoint.disabled = params.yes("disabled").unwrap_or(endpoint.disabled);
    endpoint.metadata = endpoint.metadata.merged(params.take("metadata"))?;
    Ok(())
}
