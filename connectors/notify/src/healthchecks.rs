//! Pings to healthchecks.io, or to a server of one's own: the alarm rings there when runs stay away.
//!
//! Facts, from the Pinging API (<https://healthchecks.io/docs/http_api/>) in its form with slugs:
//! `https://hc-ping.com/PING_KEY/SLUG` says success, `…/start` and `…/fail` the rest. HEAD, GET and POST are taken. A
//! POST's body is kept up to a limit: 100 kB (<https://healthchecks.io/docs/attaching_logs/>), and 10 kB on a server
//! of one's own unless its `PING_BODY_LIMIT` says otherwise. A slug holds `a-z`, `0-9`, `-` and `_`. `rid` is a UUID
//! in canonical form that ties the start and the end of one run. 200 and 201 are success, 404 is no such check, 409 an
//! ambiguous slug, 429 too many pings. With `?create=1` at its end a check that is not there is made
//! (<https://healthchecks.io/docs/autoprovisioning/>); what the URL has after its `?` is sent along.

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use rowbill_connector::{Pinger, Problem, Signal};
use secrecy::SecretString;

use crate::Timeouts;
use crate::http::{Http, Service};

/// What of a body is kept at the other end.
const BODY: usize = 10_000;
/// What a slug holds as it is; upper-case letters too, so that two names never become one.
const SLUG: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

static SERVICE: Service = Service {
    name: "The health check service",
    unknown: "Make one check whose slug is the connection's name (lower-case letters, digits, - and _), or put \
              ?create=1 at the end of the ping URL; then look at its ping key.",
};

/// A [`Pinger`] with one check for each connection.
#[derive(Debug)]
pub struct Healthchecks {
    http: Http,
}

impl Healthchecks {
    /// A project's checks by the secret ping URL: `https://hc-ping.com/PING_KEY`.
    pub fn new(url: &SecretString, timeouts: Timeouts) -> Result<Self, Problem> {
        Ok(Self { http: Http::new(&SERVICE, url, timeouts)? })
    }

    fn url(&self, connection: &str, run: u128, signal: Signal) -> Result<Url, Problem> {
        let mut url = self.http.address.url().clone();
        let base = url.path().trim_end_matches('/');
        let end = match signal {
            Signal::Start => "/start",
            Signal::Success => "",
            Signal::Fail => "/fail",
        };
        let path = format!("{base}/{}{end}", utf8_percent_encode(connection, SLUG));
        url.set_path(&path);
        // `..` would leave the project, and an empty name would reach the ping key alone.
        if connection.is_empty() || url.path() != path {
            let message = format!("A connection whose name is `{connection}` cannot be the slug of a check.");
            return Err(Problem::new("notify.url", message).advise("Give the connection another name."));
        }
        url.query_pairs_mut().append_pair("rid", &uuid(run));
        Ok(url)
    }
}

#[async_trait]
impl Pinger for Healthchecks {
    async fn ping(&self, connection: &str, run: u128, signal: Signal, body: &str) -> Result<(), Problem> {
        let url = self.url(connection, run, signal)?;
        if body.is_empty() {
            return self.http.get(url).await;
        }
        let body = &body[..body.floor_char_boundary(BODY)];
        self.http.post(url, "text/plain; charset=utf-8", body.as_bytes().to_vec()).await
    }
}

/// A run's number in the canonical form of UUIDs.
fn uuid(run: u128) -> String {
    let hex = format!("{run:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
