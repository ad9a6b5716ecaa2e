//! One exchange with Stripe: a request leaves, an answer comes or does not.

use std::sync::Arc;

use http::Request;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use rowbill_connector::{Problem, SendError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::StripeConfig;
use crate::encode::escape;
use crate::key::masked;
use crate::limits::{Buckets, Limits};
use crate::transport::{Lost, TOTAL, Transport};

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
    transport: Arc<dyn Transport>,
    /// What every request of the account says.
    headers: HeaderMap,
    secret: SecretString,
    pub(crate) base: String,
    pub(crate) live: bool,
    pub(crate) buckets: Buckets,
    pub(crate) clock: Clock,
}

impl Http {
    pub(crate) fn new(config: &StripeConfig, base: String, transport: Arc<dyn Transport>) -> Result<Self, Problem> {
        let limits = Limits { account: config.rate_limit, endpoint: config.endpoint_rate_limit };
        Ok(Self {
            transport,
            headers: headers(config)?,
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
        let response = self.transport.exchange(self.request(ask, &url)?).await.map_err(|lost| self.lost(lost))?;
        let (head, body) = response.into_parts();
        if let Some(date) = head.headers.get(header::DATE).and_then(|date| date.to_str().ok()) {
            self.clock.hear(date);
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, json: self.json(&body) })
    }

    fn request(&self, ask: &Ask<'_>, url: &Url) -> Result<Request<Vec<u8>>, SendError> {
        let method = ask.operation.split(' ').next().unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| not_a_request(ask))?;
        let request = Request::builder().method(method).uri(url.as_str());
        let mut request = request.body(ask.body.unwrap_or_default().to_vec()).map_err(|_| not_a_request(ask))?;
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        if ask.body.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, form);
        }
        if let Some(key) = &ask.key {
            headers.insert("Idempotency-Key", key.clone());
        }
        Ok(request)
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
    fn lost(&self, lost: Lost) -> SendError {
        let base = &self.base;
        // Without a connection no byte has left.
        let open = !matches!(lost, Lost::Connect(_));
        let (code, what, detail) = match lost {
            Lost::Connect(detail) => ("stripe.connection", format!("Could not connect to {base}"), detail),
            Lost::Timeout(detail) => {
                ("stripe.timeout", format!("No answer from {base} within {} seconds", TOTAL.as_secs()), detail)
            }
            Lost::Cut(detail) => {
                ("stripe.answer_cut", format!("The connection to {base} broke before the answer was whole"), detail)
            }
        };
        let mut message = format!("{what}: {detail}");
        message.truncate(message.floor_char_boundary(500));
        let advice = "rowbill sends the same request again under the same key; if this stays, look at the network.";
        SendError::NotSent { open, wait: None, problem: Problem::new(code, self.scrub(&message)).advise(advice) }
    }
}

fn not_a_request(ask: &Ask<'_>) -> SendError {
    let message =
        format!("`{}` of {} is not a path that can be sent: an id is empty or wrong.", ask.path, ask.operation);
    SendError::Refused(Problem::new("stripe.path", message).advise("Look at the id that the mapping gives."))
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
