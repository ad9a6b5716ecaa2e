//! How a running daemon is spoken to: commands over a Unix socket, health and numbers over HTTP on loopback.
//!
//! [`Control`] is what a daemon can be asked; [`serve_socket`] offers it to this user's commands, and [`Client`] is
//! their end. [`webhooks`] takes what Stripe delivers. [`health`] and [`metrics`] are for machines that look after the daemon.

mod client;
mod control;
pub mod health;
pub mod metrics;
mod socket;
pub mod webhooks;

pub use client::{Client, unexpected};
pub use control::{Answer, Ask, Control, Decide, RunNow, Running, polled};
pub use socket::{path, serve_socket};
