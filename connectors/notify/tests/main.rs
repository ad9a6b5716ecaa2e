//! Webhook, pings and mail over real sockets on loopback.

mod email;
mod healthchecks;
mod http_server;
mod secrets;
mod smtp_server;
mod support;
mod webhook;
