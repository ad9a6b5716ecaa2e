//! A stateful fake Stripe over HTTP.
