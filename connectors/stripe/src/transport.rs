//! How bytes get to Stripe and back: over HTTPS, or in a simulation without any network.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Once;
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response};
use reqwest::{Client, redirect, retry};
use rowbill_connector::Problem;

use crate::config::StripeConfig;

/// Time to reach Stripe.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for a whole exchange. The row protocol counts on it: six minutes later nothing can be under way.
pub const TOTAL: Duration = Duration::from_mins(1);

/// Why no whole answer came. Whether the request had its effect is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nobody was reached.
    Connect(String),
    /// There was no answer within [`TOTAL`].
    Timeout(String),
    /// The connection broke before the answer was whole.
    Cut(String),
}

/// One exchange at a time: a request leaves, an answer comes or does not.
///
/// Contract: the request is sent at most once and as it is, with all of its headers; no redirect is followed and nothing
/// is retried; after [`TOTAL`] it is given up.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and reads the whole answer, whatever its status.
    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Lost>;
}

/// HTTPS, and HTTP to a server on this machine.
pub(crate) struct Https(Client);

impl Https {
    pub(crate) fn new(config: &StripeConfig, base: &str) -> Result<Self, Problem> {
        provide_crypto();
        let builder = Client::builder()
            .user_agent(concat!("rowbill/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        // A proxy of the environment is for the world outside, not for a server on this machine.
        let builder = if config.api_base.is_some() { builder.no_proxy() } else { builder.https_only(true) };
        builder.build().map(Self).map_err(|error| {
            let message = format!("The connection to {base} could not be set up: {}", error.source_chain());
            Problem::new("stripe.client", message)
        })
    }
}

#[async_trait]
impl Transport for Https {
    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Lost> {
        let request = reqwest::Request::try_from(request).map_err(lost)?;
        let response = self.0.execute(request).await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(lost)?;
        let mut answer = Response::new(body.to_vec());
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

fn lost(error: reqwest::Error) -> Lost {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    // Without the URL, since its query may hold an e-mail address.
    let detail = error.without_url().source_chain();
    match () {
        () if is_connect => Lost::Connect(detail),
        () if is_timeout => Lost::Timeout(detail),
        () => Lost::Cut(detail),
    }
}

trait SourceChain {
    fn source_chain(&self) -> String;
}

impl SourceChain for reqwest::Error {
    fn source_chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(error) = next {
            let _ = write!(text, ": {error}");
            next = error.source();
        }
        text
    }
}

/// The program installs the provider of its choice at start; without one, building a client would panic.
fn provide_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    });
}
