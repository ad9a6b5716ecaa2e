//! A stateful fake Stripe over HTTP.
//!
//! It plays customers, invoice items, invoices, products and prices of one account, the payments of its invoices and
//! what becomes of the money, events and webhooks. It checks every parameter against the operation data of
//! `rowbill-stripe-spec`, keeps answers under idempotency keys as Stripe does, and makes faults on demand. It listens on
//! loopback only. [`Sandbox::start`] is where to begin.
//!
//! # Over HTTP
//!
//! What a Rust caller does through [`Sandbox`] another process does under `/_sandbox`, with JSON bodies and no key:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_sandbox` | account, mode, clock, how many objects were made |
//! | `GET /_sandbox/journal[?since=SEQ][&entry=request\|object]` | the journal: an array of [`Entry`] |
//! | `GET /_sandbox/objects/KIND` | all objects of a kind, by its `object`: `customer`, `invoice`, `line_item`, `charge`, `event`, … |
//! | `POST /_sandbox/faults` | adds a [`Rule`] or an array of them |
//! | `GET`, `DELETE /_sandbox/faults` | the rules that are left; takes all away |
//! | `GET /_sandbox/held`, `POST /_sandbox/release` | how many requests are held; lets them go on |
//! | `GET`, `POST /_sandbox/clock` | `{"now":…}`; `{"advance_s":90000}` moves it ahead |
//! | `POST /_sandbox/key` | `{"revoked":true}`; `{"permissions":["customer_write"]}`, `null` for all |
//! | `POST /_sandbox/pay` | `{"invoice":"in_…","card":"4242424242424242","amount":500}`: the customer pays at the page |
//! | | `{"invoice":"in_…","authenticate":true}`: comes back from 3-D Secure |
//! | `POST /_sandbox/dispute` | `{"charge":"ch_…"}` opens one; `{"dispute":"du_…","won":true}` closes it |
//! | `POST /_sandbox/payout` | `{"currency":"eur"}` makes one; `{"payout":"po_…"}` lets it fail |
//! | `POST /_sandbox/failed_refund` | `{"refund":"re_…"}` lets it fail |
//! | `GET`, `POST /_sandbox/webhooks` | [`Deliveries`]; takes a [`Steering`]: `{"repeat":3,"reorder_seed":7,"hold":true,"lose":2}` |
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
//! # Payments
//!
//! An invoice that is finalized with something due gets a payment intent and the `invoice_payment` that ties them
//! together, as since 2025-03-31.basil; neither names the other. It is paid by `POST /v1/invoices/{invoice}/pay`, or by
//! the customer ([`Sandbox::pay`]). Cards by their end, and the same by Stripe's test payment methods:
//!
//! | card | payment method | does |
//! | --- | --- | --- |
//! | …4242 | `pm_card_visa`, and all others | succeeds |
//! | …0002 | `pm_card_chargeDeclined` | is declined |
//! | …3220 | `pm_card_authenticationRequired` | has to be authenticated ([`Sandbox::authenticate`]) |
//! | …0259 | `pm_card_createDispute` | succeeds and is disputed at once |
//!
//! A part payment has a payment intent of its own. Money is available at once, less 2.9 % and 30 minor units; a refund
//! gives no fee back, a dispute takes 1500 more. What a customer or a bank does is entered in the journal where it changes
//! an invoice; payments, events and the like never are, refunds and credit notes where they carry a `rowbill_op`.
//!
//! # Events and webhooks
//!
//! Every change is an event, as it would be at Stripe, with the object as it was; products and prices make none. The
//! last 30 days by the sandbox's clock are listed, at most 100,000. Endpoints get what they ask for when they are `http`
//! on this machine, signed ([`signature`]) with the sandbox's time, one after the other in the order of the events. What
//! is not answered with a 2xx within 5 s is tried again after 0.1, 0.5, 2 and 10 s of real time. A sandbox without a
//! server ([`Sandbox::simulated`]) delivers nothing.
//!
//! # What it does not play
//!
//! Discounts, taxes, shipping, subscriptions; payment intents, charges and payment methods that belong to no invoice;
//! `attach_payment`; credit notes by line; evidence for disputes; customer balance transactions. Nothing is collected by
//! itself: `auto_advance` and `next_payment_attempt` are shown and have no effect. A request that needs one of them is
//! refused with a message that says so; nothing is left out of a total in silence. `pending_webhooks` of an event is
//! always 0 and `previous_attributes` always empty.
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
