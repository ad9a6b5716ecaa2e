//! Behaviour of the target over HTTP.
