//! Answers that no execution gives: limits, locks, keys in use, and failures on demand.

use crate::answer::{Answer, Stored};
use crate::faults::Fault;
use crate::refusal::Refusal;

/// The answer of a fault that strikes before anything is looked at.
pub(crate) fn refused_by_fault(fault: &Fault) -> Option<Answer> {
    match fault {
        Fault::RejectBefore(status) if !is_judgement(*status) => Some(rejected(*status)),
        Fault::RateLimited { reason, retry_after } => Some(rate_limited(reason, *retry_after)),
        Fault::InUse409 => Some(in_use()),
        Fault::LockTimeout => Some(lock_timeout()),
        _ => None,
    }
}

/// The answer of a fault that judges what is asked for. A key whose result is stored replays that result whatever
/// happens (`docs.stripe.com/api/idempotent_requests`), so this strikes behind the keys.
pub(crate) fn judged_by_fault(fault: &Fault) -> Option<Answer> {
    match fault {
        Fault::RejectBefore(status) if is_judgement(*status) => Some(rejected(*status)),
        _ => None,
    }
}

/// A definite refusal of the request itself, not of who asks, when, or how often.
fn is_judgement(status: u16) -> bool {
    matches!(status, 400 | 402 | 404)
}

fn rejected(status: u16) -> Answer {
    Refusal::new(status, "The sandbox was told to reject this request.").into()
}

pub(crate) fn rate_limited(reason: &str, retry_after: Option<u32>) -> Answer {
    let refusal = Refusal::new(429, "Request rate limit exceeded. Learn more about rate limits.").code("rate_limit");
    let answer = Answer::from(refusal).header("stripe-rate-limited-reason", reason);
    match retry_after {
        Some(seconds) => answer.header("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn lock_timeout() -> Answer {
    let message = "This object cannot be accessed right now because another API request or Stripe process is currently \
                   accessing it. If you see this error intermittently, retry the request.";
    let answer = Answer::from(Refusal::new(429, message).code("lock_timeout"));
    Answer { request_id: false, ..answer }.header("stripe-should-retry", "true")
}

pub(crate) fn in_use() -> Answer {
    let message = "There is currently another in-progress request using this idempotency key. Please try again later.";
    let refusal = Refusal::new(409, message).code("idempotency_key_in_use");
    Answer::from(refusal).header("stripe-should-retry", "true")
}

/// A failure that is stored under the key.
pub(crate) fn failed(status: u16) -> (Answer, Stored) {
    let message = "An unknown error occurred. (The sandbox was told to fail.)";
    let answer = Answer::from(Refusal::new(status, message));
    let stored = Stored::from(&answer);
    let answer = if status >= 500 { answer.header("stripe-should-retry", "false") } else { answer };
    (answer, stored)
}

pub(crate) fn garbled(mut answer: Answer) -> Answer {
    answer.body.truncate(answer.body.len() / 2);
    answer
}
