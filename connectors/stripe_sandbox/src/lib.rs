//! A stateful fake Stripe over HTTP.
//!
//! It plays customers, invoice items, invoices, products and prices of one account, checks every parameter against
//! the operation data of `rowbill-stripe-spec`, keeps answers under idempotency keys as Stripe does, and makes faults
//! on demand. It listens on loopback only. [`Sandbox::start`] is where to begin.
//!
//! # Over HTTP
//!
//! What a Rust caller does through [`Sandbox`] another process does under `/_sandbox`, with JSON bodies and no key:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_sandbox` | account, mode, clock, how many objects were made |
//! | `GET /_sandbox/journal[?since=SEQ][&entry=request\|object]` | the journal: an array of [`Entry`] |
//! | `GET /_sandbox/objects/KIND` | all objects of a kind: `customer`, `invoiceitem`, `invoice`, `line_item`, `product`, `price` |
//! | `POST /_sandbox/faults` | adds a [`Rule`] or an array of them |
//! | `GET`, `DELETE /_sandbox/faults` | the rules that are left; takes all away |
//! | `GET /_sandbox/held`, `POST /_sandbox/release` | how many requests are held; lets them go on |
//! | `GET`, `POST /_sandbox/clock` | `{"now":…}`; `{"advance_s":90000}` moves it ahead |
//! | `POST /_sandbox/key` | `{"revoked":true}`; `{"permissions":["customer_write"]}`, `null` for all |
//!
//! Rules as JSON, every field but `fault` optional:
//!
//! ```json
//! {"fault":{"fail_after_commit":500},"operation":"POST /v1/customers","after":2,"times":1}
//! {"fault":"drop_after_commit","method":"POST","path":"/v1/invoice","one_in":20}
//! ```
//!
//! Faults: `{"reject_before":503}`, `{"fail_uncommitted":500}`, `{"fail_after_commit":500}`, `"hold"`,
//! `{"slow_ms":250}`, `"drop_before"`, `"drop_after_commit"`, `"garble_after_commit"`,
//! `{"rate_limited":{"reason":"global-rate","retry_after":1}}`, `"lock_timeout"`, `"in_use_409"`, `"revoke_key"`.
//!
//! # What it does not play
//!
//! Discounts, taxes, shipping, subscriptions, credit notes, refunds, payment intents, events and webhooks. A request
//! that needs one of them is refused with a message that says so; nothing is left out of a total in silence.
#![deny(missing_docs)]

mod admin;
mod answer;
mod api;
mod auth;
mod check;
mod clock;
mod engine;
mod faults;
mod form;
mod idempotency;
mod injected;
mod journal;
mod limiter;
mod lock;
mod refusal;
mod sandbox;
mod server;
mod store;
mod webhooks;
mod wire;

pub use clock::Clock;
pub use faults::{Fault, Faults, Rule};
pub use journal::{Change, Entry, ObjectEntry, RequestEntry};
pub use limiter::Limits;
pub use sandbox::{Options, Sandbox};
pub use webhooks::{Deliveries, Steering, signature};
