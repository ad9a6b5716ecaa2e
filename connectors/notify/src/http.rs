//! One exchange with a service behind a secret URL.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Once;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response, Url, redirect, retry};
use rowbill_connector::Problem;
use secrecy::SecretString;

use crate::Timeouts;
use crate::address::SecretUrl;
use crate::text::shorten;

/// Who is at the other end, in words for people.
pub(crate) struct Service {
    /// As it begins a sentence: `The webhook`.
    pub(crate) name: &'static str,
    /// What to do when it says that it does not know the address.
    pub(crate) unknown: &'static str,
}

/// The way to one service.
pub(crate) struct Http {
    service: &'static Service,
    pub(crate) address: SecretUrl,
    client: Client,
    whole: Duration,
}

/// Shows neither the URL nor the client, which knows the passwords of proxies.
impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("service", &self.service.name).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(service: &'static Service, url: &SecretString, timeouts: Timeouts) -> Result<Self, Problem> {
        let address = SecretUrl::read(service.name, url)?;
        let client = client(&address, timeouts).map_err(|error| {
            let message = format!("A client for TLS could not be set up: {}", chain(&error.without_url()));
            Problem::new("notify.unreachable", message)
                .advise("Install the certificates of the system, such as Debian's package ca-certificates.")
        })?;
        Ok(Self { service, address, client, whole: timeouts.whole })
    }

    /// Asks without a body.
    pub(crate) async fn get(&self, url: Url) -> Result<(), Problem> {
        self.exchange(self.client.get(url)).await
    }

    /// Sends a body.
    pub(crate) async fn post(&self, url: Url, kind: &'static str, body: Vec<u8>) -> Result<(), Problem> {
        self.exchange(self.client.post(url).header(CONTENT_TYPE, kind).body(body)).await
    }

    /// A status 2xx says that the message was taken, whatever else is in the answer.
    async fn exchange(&self, request: RequestBuilder) -> Result<(), Problem> {
        let response = request.send().await.map_err(|error| self.lost(error))?;
        if response.status().is_success() { Ok(()) } else { Err(self.refused(response).await) }
    }

    async fn refused(&self, mut response: Response) -> Problem {
        let status = response.status().as_u16();
        // The status has said it; a body that does not come changes nothing.
        let body = response.chunk().await.ok().flatten().unwrap_or_default();
        let said = self.said(&body).map(|text| format!(" (“{text}”)")).unwrap_or_default();
        let advice = match status {
            300..=399 => "Write the URL that it leads to: a redirect is not followed, since the URL is a secret.",
            429 => "It takes no more messages for a while. rowbill tells again later; nothing to do.",
            400..=499 => self.service.unknown,
            _ => "The trouble is at the service. rowbill tells again later; if this stays, look at its status page.",
        };
        let message =
            format!("{} answered with status {status}{said} and did not take the message.", self.service.name);
        Problem::new("notify.refused", message).advise(advice)
    }

    /// What the answer says, where it is a few plain words such as `no_service`. A longer one may quote the URL.
    fn said<'a>(&self, body: &'a [u8]) -> Option<&'a str> {
        let text = str::from_utf8(body).ok()?.trim();
        let is_plain = text.len() <= 60 && text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, ' ' | '_'));
        (is_plain && !text.is_empty() && !self.address.holds(text)).then_some(text)
    }

    /// No answer: the message may have arrived all the same.
    fn lost(&self, error: reqwest::Error) -> Problem {
        let name = self.service.name;
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let cause = self.address.scrub(&shorten(&chain(&error.without_url()), 300));
        let message = match (is_connect, is_timeout) {
            (true, _) => format!("{name} could not be reached: {cause}"),
            (_, true) => format!("{name} gave no answer in {:?}.", self.whole),
            _ => format!("{name} broke the connection before its answer: {cause}"),
        };
        Problem::new("notify.unreachable", message).advise(
            "rowbill tells again later; if this stays, look at the URL, the network, the firewall and the proxy.",
        )
    }
}

fn client(address: &SecretUrl, timeouts: Timeouts) -> reqwest::Result<Client> {
    provide_crypto();
    let builder = Client::builder()
        .user_agent(concat!("rowbill/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.whole)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // Messages are rare: a connection that was kept would be dead by the next one.
        .pool_max_idle_per_host(0);
    // A proxy of the environment is for the world outside, not for a server on this machine.
    let builder = if address.is_loopback() { builder.no_proxy() } else { builder.https_only(true) };
    builder.build()
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
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
