//! Events: retrieve and list, of the last 30 days.

use super::lists::{Candidates, Listing};
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::event::means;
use crate::store::{Kind, Store};

/// As many names as `types` may have.
const MOST_TYPES: usize = 20;

pub(super) fn retrieve(store: &Store, id: &str) -> Outcome {
    recent(store, id, "id").map(|place| Reply::Object(Kind::Event, place))
}

fn recent(store: &Store, id: &str, param: &str) -> Result<u32, Refusal> {
    let place = store.find(Kind::Event, id, param)?;
    store.recent(place).map(|_| place).ok_or_else(|| Refusal::no_such("event", id, param))
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["delivery_success"])?;
    let types = params.0.get("types").and_then(serde_json::Value::as_array);
    if types.is_some_and(|types| types.len() > MOST_TYPES) {
        return Err(Refusal::of("types", format!("You may specify at most {MOST_TYPES} event types.")));
    }
    if params.has("type") && types.is_some() {
        return Err(Refusal::exclusive("type", "types"));
    }
    let one = params.text("type");
    let keep = |place| {
        store.recent(place).is_some_and(|event| {
            let named = |filter: &serde_json::Value| filter.as_str().is_some_and(|filter| means(filter, event.name));
            one.is_none_or(|filter| means(filter, event.name)) && types.is_none_or(|types| types.iter().any(named))
        })
    };
    let listing = Listing::new("/v1/events", params, |id, param| recent(store, id, param))?;
    let created = |place| store.events.get(place).map_or(0, |event| event.created);
    let candidates = Candidates::Within(store.events.places());
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render(Kind::Event, place))))
}
