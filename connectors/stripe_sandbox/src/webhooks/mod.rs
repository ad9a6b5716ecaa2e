//! Webhooks: events on their way to the endpoints, signed as Stripe signs them.
//!
//! ```text
//! Store::emit ──► Post::collect   after each request: a letter for every endpoint that wants the event
//!                 Courier         takes letters one after the other, POSTs them, brings back those that were refused
//! ```
//!
//! Only `http` endpoints on this machine get anything; the letters of all others are counted and thrown away.

mod courier;
mod post;

use data_encoding::HEXLOWER;
use ring::hmac;
use serde::{Deserialize, Serialize};

pub(crate) use courier::Courier;
pub(crate) use post::Post;

/// The value of `Stripe-Signature` for a body: HMAC-SHA256 of `{timestamp}.{body}` under the endpoint's secret
/// (docs.stripe.com/webhooks#verify-manually).
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [format!("{timestamp}.").as_bytes(), body].concat();
    format!("t={timestamp},v1={}", HEXLOWER.encode(hmac::sign(&key, &signed).as_ref()))
}

/// What goes wrong with deliveries. What is not mentioned stays as it was.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steering {
    /// Each letter goes out so many times. 1 unless set.
    pub repeat: Option<u32>,
    /// Letters that wait together go out in an order drawn by this seed; 0: in order.
    pub reorder_seed: Option<u64>,
    /// Nothing goes out until this is `false` again.
    pub hold: Option<bool>,
    /// So many of the next letters are lost, for ever.
    pub lose: Option<u32>,
}

/// How deliveries stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deliveries {
    /// Answered with a 2xx.
    pub delivered: u64,
    /// Given up after the last try.
    pub failed: u64,
    /// Waiting, held, under way, or to be tried again.
    pub pending: u64,
    /// Lost because [`Steering::lose`] said so.
    pub lost: u64,
    /// For endpoints that are not `http` on this machine: never sent.
    pub not_local: u64,
    /// Tries that were not answered with a 2xx.
    pub refused: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_stripe() {
        // Made with `printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
        let expected = "t=1492774577,v1=7656fc2882a7ca0a651666b36bf2f2f22ee204f54f608f227498a2419f2890b2";
        assert_eq!(signature("whsec_test", 1_492_774_577, br#"{"id":"evt_1"}"#), expected);
    }
}
