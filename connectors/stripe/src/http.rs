//! One exchange with Stripe: a request leaves, an answer comes or does not.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Url, redirect, retry};
use rowbill_connector::{Problem, SendError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::StripeConfig;
use crate::encode::escape;
use crate::key::masked;
use crate::limits::{Buckets, Limits};

/// Time to reach Stripe.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for the whole exchange. The row protocol counts on it: six minutes later nothing can be under way.
const TOTAL: Duration = Duration::from_mins(1);

/// One request, as it goes out.
pub(crate) struct Ask<'a> {
    /// Method and path template: the endpoint, for limits and logs.
    pub(crate) operation: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) key: Option<HeaderValue>,
}

/// What came back, whatever it says.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body, where it is JSON.
    pub(crate) json: Option<Value>,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The id under which Stripe's support finds this exchange.
    pub(crate) fn request_id(&self) -> Option<String> {
        self.header("request-id").map(str::to_owned)
    }
}

/// The connection to one account.
pub(crate) struct Http {
    client: Client,
    secret: SecretString,
    pub(crate) base: String,
    pub(crate) live: bool,
    pub(crate) buckets: Buckets,
    pub(crate) clock: Clock,
}

impl Http {
    pub(crate) fn new(config: &StripeConfig) -> Result<Self, Problem> {
        let base = config.check()?;
        let limits = Limits { account: config.rate_limit, endpoint: config.endpoint_rate_limit };
        Ok(Self {
            client: client(config, &base)?,
            secret: config.key.clone(),
            base,
            live: config.live,
            buckets: Buckets::new(limits),
            clock: Clock::default(),
        })
    }

    /// Sends one request once and reads the whole answer.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, SendError> {
        let url = self.url(ask)?;
        let start = Instant::now();
        let answer = self.exchange(ask, url).await;
        let millis = start.elapsed().as_millis();
        match &answer {
            Ok(answer) => {
                let (status, request_id) = (answer.status, answer.header("request-id"));
                tracing::debug!(operation = ask.operation, status, request_id, millis, "stripe answered");
            }
            Err(error) => tracing::debug!(operation = ask.operation, error = error.problem().code, millis, "no answer"),
        }
        answer
    }

    async fn exchange(&self, ask: &Ask<'_>, url: Url) -> Result<Answer, SendError> {
        let method = ask.operation.split(' ').next().unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| not_a_request(ask))?;
        let mut request = self.client.request(method, url);
        if let Some(body) = ask.body {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_vec());
        }
        if let Some(key) = &ask.key {
            request = request.header("Idempotency-Key", key.clone());
        }
        let response = request.send().await.map_err(|error| self.lost(error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(date) = headers.get(header::DATE).and_then(|date| date.to_str().ok()) {
            self.clock.hear(date);
        }
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Ok(Answer { status, headers, json: self.json(&body) })
    }

    /// A server that quotes our key must not get it into a message.
    fn json(&self, body: &[u8]) -> Option<Value> {
        let text = str::from_utf8(body).ok()?;
        serde_json::from_str(&self.scrub(text)).ok()
    }

    fn scrub(&self, text: &str) -> String {
        let secret = self.secret.expose_secret();
        text.replace(secret, &masked(secret))
    }

    /// A path that the URL would change (an empty id, `..`) would reach another endpoint; it is not sent.
    fn url(&self, ask: &Ask<'_>) -> Result<Url, SendError> {
        let query = ask.query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = Url::parse(&format!("{}{}{mark}{}", self.base, ask.path, query.join("&")));
        let whole = ask.path.starts_with("/v1/") && !ask.path.contains("//") && !ask.path.ends_with('/');
        url.ok().filter(|url| whole && url.path() == ask.path).ok_or_else(|| not_a_request(ask))
    }

    /// No answer: the request may be under way or done, so the same bytes under the same key come next.
    fn lost(&self, error: reqwest::Error) -> SendError {
        let (code, what) = if error.is_connect() {
            ("stripe.connection", format!("Could not connect to {}", self.base))
        } else if error.is_timeout() {
            ("stripe.timeout", format!("No answer from {} within {} seconds", self.base, TOTAL.as_secs()))
        } else {
            ("stripe.answer_cut", format!("The connection to {} broke before the answer was whole", self.base))
        };
        // Without the URL, since its query may hold an e-mail address.
        let mut message = format!("{what}: {}", error.without_url().source_chain());
        message.truncate(message.floor_char_boundary(500));
        let advice = "rowbill sends the same request again under the same key; if this stays, look at the network.";
        SendError::NotSent { wait: None, problem: Problem::new(code, self.scrub(&message)).advise(advice) }
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

fn not_a_request(ask: &Ask<'_>) -> SendError {
    let message =
        format!("`{}` of {} is not a path that can be sent: an id is empty or wrong.", ask.path, ask.operation);
    SendError::Refused(Problem::new("stripe.path", message).advise("Look at the id that the mapping gives."))
}

fn client(config: &StripeConfig, base: &str) -> Result<Client, Problem> {
    provide_crypto();
    let builder = Client::builder()
        .user_agent(concat!("rowbill/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(config)?)
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(redirect::Policy::none())
        .retry(retry::never());
    // A proxy of the environment is for the world outside, not for a server on this machine.
    let builder = if config.api_base.is_some() { builder.no_proxy() } else { builder.https_only(true) };
    builder.build().map_err(|error| {
        Problem::new("stripe.client", format!("The connection to {base} could not be set up: {}", error.source_chain()))
    })
}

/// What every request of the account says.
fn headers(config: &StripeConfig) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", config.key.expose_secret());
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| bad_header(config, "key"))?;
    bearer.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert("Stripe-Version", HeaderValue::from_static(rowbill_stripe_spec::VERSION));
    if let Some(account) = &config.connected_account {
        let account = HeaderValue::from_str(account).map_err(|_| bad_header(config, "connected_account"))?;
        headers.insert("Stripe-Account", account);
    }
    Ok(headers)
}

fn bad_header(config: &StripeConfig, what: &str) -> Problem {
    let message = format!("`{what}` of account `{}` holds a character that no header can carry.", config.account);
    Problem::new(format!("stripe.{what}"), message)
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
