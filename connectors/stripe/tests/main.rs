//! Behaviour of the target over HTTP: byte by byte against a scripted server, and as a whole against the sandbox.

mod books;
mod faults;
mod keys;
mod lost;
mod rates;
mod scripted;
mod secrets;
mod support;
mod wire;
