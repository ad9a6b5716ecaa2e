//! What one Stripe account is reached with.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use rowbill_connector::Problem;
use secrecy::{ExposeSecret, SecretString};

use crate::key;
use crate::limits::Rate;

/// Where requests go unless the account names a loopback server.
pub(crate) const API_BASE: &str = "https://api.stripe.com";

/// One account of `rowbill.yaml`.
#[derive(Clone)]
pub struct StripeConfig {
    /// Its name in `rowbill.yaml`, for messages.
    pub account: String,
    /// Whether it is in live mode. The key and every answer must agree.
    pub live: bool,
    /// A secret or restricted key.
    pub key: SecretString,
    /// The connected account to act for: the `Stripe-Account` header (docs.stripe.com/api/connected-accounts).
    pub connected_account: Option<String>,
    /// Another server, on loopback and in test mode only.
    pub api_base: Option<String>,
    /// Requests a second for the whole account; [`crate::Limits::usual`] has the defaults.
    pub rate_limit: Rate,
    /// Requests a second for each endpoint.
    pub endpoint_rate_limit: Rate,
}

/// Shows everything but the key.
impl fmt::Debug for StripeConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StripeConfig")
            .field("account", &self.account)
            .field("live", &self.live)
            .field("key", &key::masked(self.key.expose_secret()))
            .field("connected_account", &self.connected_account)
            .field("api_base", &self.api_base)
            .field("rate_limit", &self.rate_limit)
            .field("endpoint_rate_limit", &self.endpoint_rate_limit)
            .finish()
    }
}

impl StripeConfig {
    /// All that can be refused without a request; gives the base address, without a slash at its end.
    pub(crate) fn check(&self) -> Result<String, Problem> {
        key::check(&self.account, self.key.expose_secret(), self.live)?;
        let Some(base) = &self.api_base else {
            return Ok(API_BASE.to_owned());
        };
        // The configuration has checked this too; a key must not reach a stranger, whoever calls.
        if self.live || !is_loopback(base) {
            let message =
                format!("`api_base` of account `{}` takes a loopback address in test mode only.", self.account);
            return Err(
                Problem::new("stripe.api_base", message).advise("Write http://127.0.0.1:PORT, or leave it out.")
            );
        }
        Ok(base.trim_end_matches('/').to_owned())
    }
}

fn is_loopback(base: &str) -> bool {
    let Ok(url) = Url::parse(base) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.path() == "/";
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    plain && loopback && matches!(url.scheme(), "http" | "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_another_base() {
        for base in ["http://127.0.0.1:12111", "http://localhost:1/", "http://[::1]:9", "https://127.1.2.3"] {
            assert!(is_loopback(base), "{base}");
        }
        let others =
            ["https://api.stripe.com", "http://localhost.evil.example", "http://127.0.0.1@evil.example", "x", ""];
        for base in others {
            assert!(!is_loopback(base), "{base}");
        }
    }
}
