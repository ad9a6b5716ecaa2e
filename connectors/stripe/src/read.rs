//! Reading: repeated a few times by itself, since a read changes nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use reqwest::header::HeaderMap;
use rowbill_connector::{Receipt, SendError};
use serde_json::Value;
use tokio::time::sleep;

use crate::encode::fill;
use crate::http::{Answer, Ask, Http};
use crate::kind::Kind;
use crate::outcome;
use crate::receipt;

/// How often one read is tried.
const TRIES: u32 = 5;
/// The mean of the first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(400);
/// A read does not wait longer than this because a server says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The object of a 2xx.
pub(crate) struct Judged {
    pub(crate) value: Value,
    pub(crate) status: u16,
    /// Stripe answered from its store of earlier answers.
    pub(crate) replayed: bool,
    pub(crate) request_id: Option<String>,
}

impl Judged {
    fn of(answer: Answer, live: bool) -> Result<Self, SendError> {
        let (status, request_id) = (answer.status, answer.request_id());
        let replayed = answer.header("idempotent-replayed") == Some("true");
        let value = outcome::read(answer)?;
        receipt::check_mode(&value, live, request_id.clone())?;
        Ok(Self { value, status, replayed, request_id })
    }

    /// The object's receipt; an object that has no id may have been made all the same.
    pub(crate) fn receipt(self) -> Result<Receipt, SendError> {
        let receipt = receipt::read(&self.value).ok_or_else(|| outcome::unreadable(self.status, self.request_id))?;
        Ok(Receipt { replayed: self.replayed, ..receipt })
    }
}

/// What a write's answer comes to, wherever it is from: fuzzing has no server.
#[doc(hidden)]
pub fn meaning(status: u16, headers: HeaderMap, body: &[u8], live: bool) -> Result<Receipt, SendError> {
    Judged::of(Answer { status, headers, json: serde_json::from_slice(body).ok() }, live)?.receipt()
}

impl Http {
    /// Asks until there is an answer that asking again would not change.
    pub(crate) async fn read(&self, operation: &str, path: &str, query: &[(&str, String)]) -> Result<Value, SendError> {
        let ask = Ask { operation, path, query, body: None, key: None };
        let mut tried = 1;
        loop {
            self.buckets.ready(operation).await;
            let error = match self.judged(&ask).await {
                Err(error) if tried < TRIES && may_pass(&error) => error,
                done => return done.map(|judged| judged.value),
            };
            sleep(pause(&ask, tried, &error)).await;
            tried += 1;
        }
    }

    /// One exchange and what it means.
    pub(crate) async fn judged(&self, ask: &Ask<'_>) -> Result<Judged, SendError> {
        let answer = self.ask(ask).await?;
        if outcome::is_rate(&answer) {
            self.buckets.slow(ask.operation, answer.header("stripe-rate-limited-reason"));
        }
        Judged::of(answer, self.live)
    }

    /// Reads one object, an invoice with all of its lines.
    pub(crate) async fn one(&self, kind: &Kind, id: &str) -> Result<Receipt, SendError> {
        let path = fill(kind.one, &[id.to_owned()]);
        let value = self.read(&format!("GET {}", kind.one), &path, &[]).await?;
        let mut receipt = receipt::read(&value).ok_or_else(no_object)?;
        if receipt::lacks_lines(&value) {
            receipt.items = self.line_items(&path).await?;
        }
        Ok(receipt)
    }
}

/// An answer that is JSON and a 2xx, but not what was asked for.
pub(crate) fn no_object() -> SendError {
    let message = "Stripe's answer has no object in it.";
    SendError::Unknown(rowbill_connector::Problem::new("stripe.answer_unreadable", message))
}

fn may_pass(error: &SendError) -> bool {
    match error {
        SendError::NotSent { .. } => true,
        SendError::Unknown(problem) => !outcome::is_foreign(problem),
        SendError::Refused(_) | SendError::Halt(_) => false,
    }
}

/// Between half and one and a half of the mean, so that many do not come back at one moment. Which of them, the request
/// decides and not chance: a simulation repeats.
fn pause(ask: &Ask<'_>, tried: u32, error: &SendError) -> Duration {
    let mean = PAUSE * 2u32.pow(tried - 1);
    let mut hasher = DefaultHasher::new();
    (ask.path, ask.query, tried).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
    let own = mean / 1000 * (500 + share);
    match error {
        SendError::NotSent { wait: Some(wait), .. } => own.max((*wait).min(LONGEST_PAUSE)),
        _ => own,
    }
}
