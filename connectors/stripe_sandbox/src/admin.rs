//! The sandbox's own paths under `/_sandbox`, for tests that run it in another process, and the invoice pages.

pub(crate) mod money;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::engine::{Arrival, Engine};
use crate::faults::Rule;
use crate::journal::Entry;
use crate::store::Kind;
use crate::webhooks::Steering;
use money::FailedRefund;

/// Answers a request to one of the sandbox's own paths.
pub(crate) fn answer(engine: &Engine, arrival: &Arrival) -> Option<Answer> {
    if let Some(id) = arrival.path.strip_prefix("/invoice/") {
        return Some(invoice_page(engine, id.trim_end_matches("/pdf")));
    }
    let path = arrival.path.strip_prefix("/_sandbox")?;
    let result = match (arrival.method.as_str(), path.trim_start_matches('/')) {
        ("GET", "") => Ok(engine.summary()),
        ("GET", "journal") => Ok(engine.journal_since(&arrival.query)),
        ("GET", "faults") => Ok(json!(engine.faults.rules())),
        ("POST", "faults") => parsed(arrival).map(|rules| engine.script(rules)),
        ("DELETE", "faults") => Ok(engine.clear()),
        ("GET", "held") => Ok(json!({"held": engine.faults.held()})),
        ("POST", "release") => Ok(engine.release()),
        ("GET", "clock") => Ok(json!({"now": engine.clock.unix()})),
        ("POST", "clock") => parsed(arrival).map(|by| engine.advance(&by)),
        ("POST", "pay") => parsed(arrival).and_then(|pay| engine.pay(&pay)),
        ("POST", "dispute") => parsed(arrival).and_then(|dispute| engine.dispute(&dispute)),
        ("POST", "payout") => parsed(arrival).and_then(|payout| engine.payout(&payout)),
        ("POST", "failed_refund") => {
            parsed(arrival).and_then(|failed: FailedRefund| engine.fail_refund(&failed.refund))
        }
        ("GET", "webhooks") => Ok(json!(engine.post.deliveries())),
        ("POST", "webhooks") => parsed(arrival).map(|steering| engine.steer(steering)),
        ("POST", "key") => parsed(arrival).map(|change| engine.change_key(change)),
        ("GET", path) => match path.strip_prefix("objects/").and_then(kind) {
            Some(kind) => Ok(Value::Array(engine.objects(kind))),
            None => Err(format!("there is no /_sandbox/{path}")),
        },
        (method, path) => Err(format!("there is no {method} /_sandbox/{path}")),
    };
    Some(match result {
        Ok(value) => Answer::ok(&value),
        Err(message) => Answer::json(400, &json!({ "error": message })),
    })
}

fn parsed<'a, T: Deserialize<'a>>(arrival: &'a Arrival) -> Result<T, String> {
    serde_json::from_slice(&arrival.body).map_err(|error| error.to_string())
}

/// A kind by its `object`.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.object() == name)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    One(Rule),
    Many(Vec<Rule>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyChange {
    revoked: Option<bool>,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default)]
enum Permissions {
    /// Not mentioned.
    #[default]
    AsBefore,
    /// `null` means everything.
    Now(Option<Vec<String>>),
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::Now)
    }
}

impl Engine {
    /// All objects of a kind that are not deleted, in order of creation.
    pub(crate) fn objects(&self, kind: Kind) -> Vec<Value> {
        let store = self.store.hold();
        let places: Vec<u32> = match kind {
            Kind::Line => store.invoices.iter().flat_map(|invoice| invoice.lines.iter().copied()).collect(),
            Kind::Event => store.events.places().collect(),
            kind => (0..store.next(kind)).collect(),
        };
        let all = places.into_iter().map(|place| store.render(kind, place));
        all.filter(|value| value.get("deleted").is_none()).collect()
    }

    fn summary(&self) -> Value {
        let store = self.store.hold();
        json!({
            "account": self.ids.account(),
            "livemode": store.livemode,
            "now": self.clock.unix(),
            "made": {
                "customer": store.customers.len(), "invoiceitem": store.items.len(), "invoice": store.invoices.len(),
                "product": store.products.len(), "price": store.prices.len(),
            },
        })
    }

    fn journal_since(&self, query: &str) -> Value {
        let mut since = 0;
        let mut only = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "since" => since = value.parse().unwrap_or(0),
                "entry" => only = Some(value.into_owned()),
                _ => {}
            }
        }
        let wanted = |entry: &Entry| {
            let (name, seq) = match entry {
                Entry::Request(entry) => ("request", entry.seq),
                Entry::Object(entry) => ("object", entry.seq),
            };
            seq >= since && only.as_deref().is_none_or(|only| only == name)
        };
        json!(self.journal.entries().into_iter().filter(wanted).collect::<Vec<_>>())
    }

    fn script(&self, rules: Rules) -> Value {
        let rules = match rules {
            Rules::One(rule) => vec![rule],
            Rules::Many(rules) => rules,
        };
        for rule in rules {
            self.faults.script(rule);
        }
        json!(self.faults.rules())
    }

    fn clear(&self) -> Value {
        self.faults.clear();
        json!([])
    }

    fn release(&self) -> Value {
        let held = self.faults.held();
        self.faults.release();
        json!({"released": held})
    }

    fn advance(&self, by: &Advance) -> Value {
        self.clock.advance(Duration::from_secs(by.advance_s));
        self.act(|_| ());
        json!({"now": self.clock.unix()})
    }

    fn steer(&self, steering: Steering) -> Value {
        self.post.steer(steering);
        json!(self.post.deliveries())
    }

    fn change_key(&self, change: KeyChange) -> Value {
        let mut door = self.door.hold();
        door.revoked = change.revoked.unwrap_or(door.revoked);
        if let Permissions::Now(permissions) = change.permissions {
            door.permissions = permissions;
        }
        json!({"revoked": door.revoked, "permissions": door.permissions})
    }
}

/// What a link to an invoice shows.
fn invoice_page(engine: &Engine, id: &str) -> Answer {
    let store = engine.store.hold();
    let place = match store.invoice(id, "id") {
        Ok(place) => place,
        Err(refusal) => return refusal.into(),
    };
    let mut invoice = store.render_invoice(place);
    let lines = store.invoices[place as usize].lines.iter().map(|&line| store.render_line(line)).collect();
    invoice["lines"]["data"] = Value::Array(lines);
    invoice["lines"]["has_more"] = false.into();
    Answer::ok(&invoice)
}
