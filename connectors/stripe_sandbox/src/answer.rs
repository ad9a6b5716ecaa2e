//! Answers, and the compact form in which they are kept under idempotency keys.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;

use crate::api::Reply;
use crate::refusal::Refusal;
use crate::store::customer::Customer;
use crate::store::item::Item;
use crate::store::{Kind, Store, at};

/// What goes back to the client, before the headers that every answer has.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) replayed: bool,
    /// The error's code or type.
    pub(crate) error: Option<&'static str>,
    /// Stripe gives none when a lock could not be had.
    pub(crate) request_id: bool,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(crate) fn ok(value: &Value) -> Self {
        Self::json(200, value)
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let body = value.to_string().into();
        Self { status, body, replayed: false, error: None, request_id: true, headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { error: Some(refusal.name()), ..Self::json(refusal.status, &refusal.body()) }
    }
}

/// A stored answer. A customer or an item is kept by a shared pointer to what it was; rendering it again gives the same
/// bytes, and a million of them cost next to nothing.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Customer(u32, Arc<Customer>),
    Item(u32, Arc<Item>),
    Body { status: u16, body: Bytes, error: Option<&'static str> },
}

impl Stored {
    /// What to keep of a reply; `answer` is its rendering.
    pub(crate) fn of(store: &Store, reply: &Reply, answer: &Answer) -> Self {
        match reply {
            Reply::Object(Kind::Customer, place) => Self::Customer(*place, Arc::clone(&store.customers[at(*place)])),
            Reply::Object(Kind::Item, place) => Self::Item(*place, Arc::clone(&store.items[at(*place)])),
            _ => Self::from(answer),
        }
    }

    /// The answer, given again.
    pub(crate) fn replay(self, store: &Store) -> Answer {
        let answer = match self {
            Self::Customer(place, customer) => Answer::ok(&customer.render(store, place)),
            Self::Item(place, item) => Answer::ok(&item.render(store, place)),
            Self::Body { status, body, error } => Answer { status, body, error, ..Answer::ok(&Value::Null) },
        };
        let answer = Answer { replayed: true, ..answer }.header("idempotent-replayed", "true");
        if answer.status >= 500 { answer.header("stripe-should-retry", "false") } else { answer }
    }
}

impl From<&Answer> for Stored {
    fn from(answer: &Answer) -> Self {
        Self::Body { status: answer.status, body: answer.body.clone(), error: answer.error }
    }
}
