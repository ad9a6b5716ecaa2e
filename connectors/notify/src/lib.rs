//! Tells people and monitors what rowbill does: a chat webhook, e-mail, and pings to healthchecks.io.
//!
//! ```text
//! Notice ── Webhook ──► POST {"text": "…"}          Slack, and chats that take its form
//!        └─ Email ────► one plain-text mail         SMTP with TLS; without it on loopback only
//! Signal ── Healthchecks ──► URL/CONNECTION[/start|/fail]?rid=RUN
//! ```
//!
//! Each is one try within [`Timeouts`]; when to tell what, and whether again, is the caller's business. A webhook's
//! URL, a ping URL and a password are secrets: none of them is in a problem, in `Debug` or in a log.
//!
//! Reading order: `address` (which URLs are taken, and how they stay secret), `text` (what people read), `http` (one
//! exchange), `webhook`, `healthchecks`, `email` with `smtp` (one mail's way, and what can go wrong on it).
#![deny(missing_docs)]

mod address;
mod email;
mod healthchecks;
mod http;
mod smtp;
mod text;
mod timeouts;
mod webhook;

pub use email::{Email, EmailConfig, MailLogin, Security};
pub use healthchecks::Healthchecks;
pub use timeouts::Timeouts;
pub use webhook::Webhook;
