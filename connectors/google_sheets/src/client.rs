//! Asks Google, within the budget and again when it helps.

use std::time::Duration;

use google_sheets4::api::{BatchUpdateValuesRequest, Scope, Spreadsheet, ValueRange};
use google_sheets4::common::{Delegate, Response, Retry};
use google_sheets4::{Error, Sheets};
use rowbill_connector::Problem;
use serde_json::Value;
use tokio::time::timeout;

use crate::budget::Kind;
use crate::login::Connector;
use crate::retry::{Backoff, Failure};
use crate::{Budget, Login, SheetsConfig, problems};

/// Google cuts a request after 180 seconds.
const TIMEOUT: Duration = Duration::from_mins(3);
/// All that is wanted to know about a spreadsheet.
const FIELDS: &str = "properties.timeZone,sheets.properties.title";

/// The rows of one range.
pub(crate) type Values = Vec<Vec<Value>>;

/// Time zone and sheets of a spreadsheet.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) zone: Option<String>,
    pub(crate) sheets: Vec<String>,
}

/// One spreadsheet as one login sees it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) config: SheetsConfig,
    login: Login,
    budget: Budget,
}

impl Client {
    pub(crate) fn new(config: SheetsConfig, login: Login, budget: Budget) -> Self {
        Self { config, login, budget }
    }

    /// The account that asks.
    pub(crate) fn email(&self) -> &str {
        self.login.email()
    }

    /// Waits for room for one more read.
    pub(crate) async fn room(&self) {
        self.budget.take(Kind::Read).await;
    }

    /// Time zone and sheets.
    pub(crate) async fn facts(&self) -> Result<Facts, Problem> {
        let mut tries = Backoff::new();
        loop {
            self.room().await;
            match self.facts_once().await {
                Ok(facts) => return Ok(facts),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    /// The cells of several ranges, seen at one moment.
    pub(crate) async fn values(&self, ranges: &[String]) -> Result<Vec<Values>, Problem> {
        self.room().await;
        self.values_with_room(ranges).await
    }

    /// The same for who has room already: it is asked at once.
    pub(crate) async fn values_with_room(&self, ranges: &[String]) -> Result<Vec<Values>, Problem> {
        let mut tries = Backoff::new();
        loop {
            match self.values_once(ranges).await {
                Ok(values) => return Ok(values),
                Err(failure) => tries.wait(failure).await?,
            }
            self.room().await;
        }
    }

    async fn facts_once(&self) -> Result<Facts, Failure> {
        let hub = self.hub().await?;
        let mut seen = Seen::default();
        let call = hub.spreadsheets().get(&self.config.spreadsheet).param("fields", FIELDS);
        let answer = timeout(TIMEOUT, call.add_scope(Scope::SpreadsheetReadonly).delegate(&mut seen).doit()).await;
        let spreadsheet = self.answer(Kind::Read, answer.ok(), &seen).await?;
        Ok(facts(spreadsheet))
    }

    async fn values_once(&self, ranges: &[String]) -> Result<Vec<Values>, Failure> {
        let hub = self.hub().await?;
        let mut seen = Seen::default();
        let mut call = hub.spreadsheets().values_batch_get(&self.config.spreadsheet);
        for range in ranges {
            call = call.add_ranges(range);
        }
        let call = call
            .value_render_option("UNFORMATTED_VALUE")
            .date_time_render_option("SERIAL_NUMBER")
            .major_dimension("ROWS")
            .add_scope(Scope::SpreadsheetReadonly);
        let answer = timeout(TIMEOUT, call.delegate(&mut seen).doit()).await;
        let ranges_found = self.answer(Kind::Read, answer.ok(), &seen).await?.value_ranges.unwrap_or_default();
        if ranges_found.len() != ranges.len() {
            return Err(Failure::again(problems::unavailable(&self.config, "ranges are missing in the answer")));
        }
        Ok(ranges_found.into_iter().map(|range| range.values.unwrap_or_default()).collect())
    }

    /// Writes ranges as they are, once: before another try the rows must be looked up again.
    pub(crate) async fn update_once(&self, data: Vec<ValueRange>) -> Result<(), Failure> {
        self.budget.take(Kind::Write).await;
        let hub = self.hub().await?;
        let mut seen = Seen::default();
        let request = BatchUpdateValuesRequest {
            data: Some(data),
            value_input_option: Some("RAW".to_owned()),
            ..BatchUpdateValuesRequest::default()
        };
        let call = hub.spreadsheets().values_batch_update(request, &self.config.spreadsheet);
        let answer = timeout(TIMEOUT, call.add_scope(Scope::Spreadsheet).delegate(&mut seen).doit()).await;
        self.answer(Kind::Write, answer.ok(), &seen).await.map(drop)
    }

    /// The client's calls. Whoever makes one has room for it in the budget.
    async fn hub(&self) -> Result<Sheets<Connector>, Failure> {
        let tokens = self.login.tokens().await.map_err(Failure::last)?;
        let mut hub = Sheets::new(self.login.client(), tokens);
        if let Some(base) = &self.config.api_base {
            let base = format!("{}/", base.trim_end_matches('/'));
            hub.base_url(base.clone());
            hub.root_url(base);
        }
        hub.user_agent(concat!("rowbill/", env!("CARGO_PKG_VERSION")).to_owned());
        Ok(hub)
    }

    /// What an answer means; `None` is one that did not come in time.
    async fn answer<T>(
        &self,
        kind: Kind,
        answer: Option<Result<(Response, T), Error>>,
        seen: &Seen,
    ) -> Result<T, Failure> {
        let failure = match answer {
            Some(Ok((_, body))) => return Ok(body),
            Some(Err(error)) => self.failure(&error, seen),
            None => Failure::again(problems::unavailable(&self.config, "none came in 180 seconds")),
        };
        if let (Some(429), Failure::Again { wait: Some(wait), .. }) = (seen.status, &failure) {
            self.budget.hold(kind, *wait).await;
        }
        Err(failure)
    }

    fn failure(&self, error: &Error, seen: &Seen) -> Failure {
        let (config, email) = (&self.config, self.email());
        let Some(status) = seen.status else {
            return self.no_status(error);
        };
        let said = message(error, status);
        let again = |problem| Failure::Again { wait: seen.retry_after, problem: Box::new(problem) };
        match status {
            401 => {
                self.login.distrust_token();
                Failure::Login(Box::new(problems::login_refused(config, email, &said)))
            }
            403 if is_quota(error) => again(problems::rate_limited(config, &said)),
            403 => Failure::last(problems::forbidden(config, email, &said)),
            404 => Failure::last(problems::not_found(config, email, &said)),
            429 => again(problems::rate_limited(config, &said)),
            500..=599 | 408 => again(problems::unavailable(config, &said)),
            _ => Failure::last(problems::refused(config, &said)),
        }
    }

    /// No answer of the API: no token, no connection, or nothing that could be read.
    fn no_status(&self, error: &Error) -> Failure {
        let config = &self.config;
        match error {
            Error::MissingToken(inner) => match inner.downcast_ref::<yup_oauth2::Error>() {
                Some(yup_oauth2::Error::AuthError(said)) if !is_passing(said.error.as_str()) => {
                    Failure::last(problems::login_refused(config, self.email(), &said.to_string()))
                }
                Some(yup_oauth2::Error::JSONError(_)) | None => {
                    Failure::again(problems::unavailable(config, "the answer to the login could not be read"))
                }
                Some(other) => Failure::again(problems::unavailable(config, &chain(other))),
            },
            // The decoder's error would print the whole answer, and with it rows.
            Error::JsonDecodeError(_, inner) => Failure::again(problems::unavailable(config, &inner.to_string())),
            Error::HttpError(inner) => Failure::again(problems::unavailable(config, &chain(inner))),
            other => Failure::again(problems::unavailable(config, &other.to_string())),
        }
    }
}

/// What the generated client leaves out of its errors: the status, and how long to wait.
#[derive(Debug, Default)]
struct Seen {
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl Delegate for Seen {
    fn http_failure(&mut self, response: &Response, _: Option<&Value>) -> Retry {
        self.status = Some(response.status().as_u16());
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        self.retry_after = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        Retry::Abort
    }
}

fn facts(spreadsheet: Spreadsheet) -> Facts {
    let sheets = spreadsheet.sheets.unwrap_or_default().into_iter();
    Facts {
        zone: spreadsheet.properties.and_then(|properties| properties.time_zone),
        sheets: sheets.filter_map(|sheet| sheet.properties?.title).collect(),
    }
}

/// Google's own words.
fn message(error: &Error, status: u16) -> String {
    match error {
        Error::BadRequest(body) => body["error"]["message"].as_str().map(str::to_owned),
        _ => None,
    }
    .unwrap_or_else(|| format!("HTTP status {status}"))
}

/// Some quotas answer 403 with a reason instead of 429.
fn is_quota(error: &Error) -> bool {
    let Error::BadRequest(body) = error else { return false };
    let reasons = body["error"]["errors"].as_array().into_iter().flatten();
    let mut reasons = reasons.filter_map(|entry| entry["reason"].as_str());
    body["error"]["status"] == "RESOURCE_EXHAUSTED" || reasons.any(|reason| reason.ends_with("ateLimitExceeded"))
}

/// What a login's answer says when the trouble is not with the login.
fn is_passing(code: &str) -> bool {
    matches!(code, "internal_failure" | "server_error" | "temporarily_unavailable" | "rate_limit_exceeded")
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
