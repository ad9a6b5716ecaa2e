//! What an answer means for the effect of the request: the table of the row protocol.

use std::time::{Duration, SystemTime};

use rowbill_connector::{Problem, SendError};
use serde_json::Value;

use crate::http::Answer;
use crate::refusal::{self, Refusal};

/// The longest wait that is taken over from an answer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The code of an answer that is neither a success nor in Stripe's words: a proxy, or a server that is not Stripe.
pub(crate) const FOREIGN: &str = "answer_foreign";

/// Whether an error says that.
pub(crate) fn is_foreign(problem: &Problem) -> bool {
    problem.code.strip_prefix("stripe.") == Some(FOREIGN)
}

/// The object of a 2xx, or what is known otherwise.
pub(crate) fn read(mut answer: Answer) -> Result<Value, SendError> {
    let json = answer.json.take();
    if (200..300).contains(&answer.status) {
        return match json {
            Some(value @ Value::Object(_)) => Ok(value),
            _ => Err(unreadable(answer.status, answer.request_id())),
        };
    }
    Err(judge(&answer, &Refusal::of(json.as_ref())))
}

/// A 2xx that we cannot read may well have had its effect.
pub(crate) fn unreadable(status: u16, request_id: Option<String>) -> SendError {
    let message = format!("Stripe answered {status} with something that is not the object asked for.");
    SendError::Unknown(Problem::new("stripe.answer_unreadable", message).request(request_id))
}

/// Sources: docs.stripe.com/error-low-level, docs.stripe.com/api/errors, stripe-go `shouldRetry`.
fn judge(answer: &Answer, refusal: &Refusal) -> SendError {
    let known = |code: &str| refusal.code.as_deref() == Some(code);
    let retry = answer.header("stripe-should-retry") == Some("true");
    match answer.status {
        // Stored under the key and replayed, or from something between us and Stripe: either way it may be done.
        500.. => SendError::Unknown(refusal::problem(answer, refusal, "server_error")),
        401 => SendError::Halt(refusal::coded(answer, refusal, "key_refused")),
        // Before the type: some versions give this code the type of a mismatch.
        _ if known("idempotency_key_in_use") => not_sent(answer, refusal, "idempotency_key_in_use"),
        _ if refusal.kind.as_deref() == Some("idempotency_error") => {
            // A ledger that was lost or restored has sent other bytes under this key: what they made is to be looked up.
            SendError::Unknown(refusal::coded(answer, refusal, "idempotency_mismatch"))
        }
        429 => not_sent(answer, refusal, "rate_limit"),
        409 => not_sent(answer, refusal, "conflict"),
        403 => SendError::Halt(refusal::coded(answer, refusal, "permission")),
        // Connected-account limits answer 400 (stripe-node#2223).
        _ if known("rate_limit") || known("lock_timeout") || retry => not_sent(answer, refusal, "try_again"),
        // These two come from proxies and mean that nothing was taken up.
        408 | 425 => not_sent(answer, refusal, "try_again"),
        400.. if refusal.is_stripes() => SendError::Refused(refusal::problem(answer, refusal, "refused")),
        // A 3xx, or a 4xx not in Stripe's words: nobody knows who answered.
        _ => SendError::Unknown(refusal::coded(answer, refusal, FOREIGN)),
    }
}

/// Whether a 429 is about the rate; the one of a locked object is not (docs.stripe.com/rate-limits).
pub(crate) fn is_rate(answer: &Answer) -> bool {
    let locked = || Refusal::of(answer.json.as_ref()).code.as_deref() == Some("lock_timeout");
    answer.status == 429 && (answer.header("stripe-rate-limited-reason").is_some() || !locked())
}

fn not_sent(answer: &Answer, refusal: &Refusal, code: &str) -> SendError {
    let wait = wait(answer, SystemTime::now());
    SendError::NotSent { open: is_open(answer, refusal), wait, problem: refusal::problem(answer, refusal, code) }
}

/// Limits and locks are told before anything is begun; of all else that is to be repeated we only hope it.
fn is_open(answer: &Answer, refusal: &Refusal) -> bool {
    let code = refusal.code.as_deref();
    code == Some("idempotency_key_in_use")
        || !(answer.status == 429 || matches!(code, Some("rate_limit" | "lock_timeout")))
}

/// `Retry-After`, in seconds or as a date.
fn wait(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    let date = || httpdate::parse_http_date(text).ok().map(|date| date.duration_since(now).unwrap_or_default());
    seconds.or_else(date).map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = headers.iter().map(header).collect();
        Answer { status, headers, json: serde_json::from_str(body).ok() }
    }

    fn told(status: u16, headers: &[(&'static str, &str)], body: &str) -> String {
        let say = |name: &str, problem: &Problem| format!("{name} {}", problem.code);
        match read(answer(status, headers, body)) {
            Ok(_) => "ok".to_owned(),
            Err(SendError::Refused(problem)) => say("refused", &problem),
            Err(SendError::Unknown(problem)) => say("unknown", &problem),
            Err(SendError::Halt(problem)) => say("halt", &problem),
            Err(SendError::NotSent { open: true, problem, .. }) => say("open", &problem),
            Err(SendError::NotSent { wait: Some(wait), problem, .. }) => {
                say(&format!("wait {}", wait.as_secs()), &problem)
            }
            Err(SendError::NotSent { wait: None, problem, .. }) => say("again", &problem),
        }
    }

    fn error(kind: &str, code: &str) -> String {
        json!({ "error": { "type": kind, "code": code, "message": "No.", "param": "x" } }).to_string()
    }

    type Case = (u16, &'static [(&'static str, &'static str)], String, &'static str);

    fn hold(cases: Vec<Case>) {
        for (status, headers, body, wanted) in cases {
            assert_eq!(told(status, headers, &body), wanted, "{status} {headers:?} {body}");
        }
    }

    fn request(code: &str) -> String {
        error("invalid_request_error", code)
    }

    fn html() -> String {
        "<html>".to_owned()
    }

    #[test]
    fn a_2xx_or_5xx_without_an_object_may_have_been_done() {
        let api = || json!({ "error": { "type": "api_error", "message": "Sorry." } }).to_string();
        hold(vec![
            (200, &[], json!({ "id": "cus_1" }).to_string(), "ok"),
            (200, &[], html(), "unknown stripe.answer_unreadable"),
            (200, &[], "[]".to_owned(), "unknown stripe.answer_unreadable"),
            (204, &[], String::new(), "unknown stripe.answer_unreadable"),
            (302, &[], String::new(), "unknown stripe.answer_foreign"),
            (500, &[], api(), "unknown stripe.api_error"),
            (500, &[("stripe-should-retry", "false")], api(), "unknown stripe.api_error"),
            (500, &[("stripe-should-retry", "true")], api(), "unknown stripe.api_error"),
            (500, &[], error("idempotency_error", "x"), "unknown stripe.x"),
            (502, &[], html(), "unknown stripe.server_error"),
            (503, &[("retry-after", "3")], String::new(), "unknown stripe.server_error"),
        ]);
    }

    #[test]
    fn a_limit_or_a_lock_was_not_taken_up_and_a_key_in_use_may_be() {
        hold(vec![
            (429, &[], request("rate_limit"), "again stripe.rate_limit"),
            (429, &[("retry-after", "3")], String::new(), "wait 3 stripe.rate_limit"),
            (429, &[("retry-after", "soon")], request("lock_timeout"), "again stripe.lock_timeout"),
            (429, &[("retry-after", "999999999")], String::new(), "wait 3600 stripe.rate_limit"),
            (429, &[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], String::new(), "wait 0 stripe.rate_limit"),
            (409, &[], request("idempotency_key_in_use"), "open stripe.idempotency_key_in_use"),
            (409, &[], error("idempotency_error", "idempotency_key_in_use"), "open stripe.idempotency_key_in_use"),
            (409, &[], request("something_else"), "open stripe.something_else"),
            (409, &[], String::new(), "open stripe.conflict"),
            (400, &[("stripe-should-retry", "true")], request("x"), "open stripe.x"),
            (400, &[], request("rate_limit"), "again stripe.rate_limit"),
            (408, &[], String::new(), "open stripe.try_again"),
        ]);
    }

    #[test]
    fn only_stripes_own_words_refuse() {
        let untyped = json!({ "error": { "message": "?" } }).to_string();
        hold(vec![
            (400, &[("stripe-should-retry", "false")], request("x"), "refused stripe.x"),
            (400, &[], request("email_invalid"), "refused stripe.email_invalid"),
            (400, &[], request(""), "refused stripe.invalid_request_error"),
            (400, &[], request("We ird"), "refused stripe.invalid_request_error"),
            (400, &[], untyped, "refused stripe.refused"),
            (402, &[], error("card_error", "card_declined"), "refused stripe.card_declined"),
            (404, &[], request("resource_missing"), "refused stripe.resource_missing"),
            (400, &[], html(), "unknown stripe.answer_foreign"),
            (404, &[], String::new(), "unknown stripe.answer_foreign"),
        ]);
    }

    #[test]
    fn a_key_that_stands_for_other_bytes_says_nothing_of_these() {
        hold(vec![
            (400, &[], error("idempotency_error", ""), "unknown stripe.idempotency_mismatch"),
            (409, &[], error("idempotency_error", ""), "unknown stripe.idempotency_mismatch"),
        ]);
    }

    #[test]
    fn a_refused_key_halts() {
        hold(vec![
            (401, &[], String::new(), "halt stripe.key_refused"),
            (401, &[], request("api_key_expired"), "halt stripe.key_refused"),
            (403, &[], request("x"), "halt stripe.permission"),
            (403, &[], String::new(), "halt stripe.permission"),
        ]);
    }

    #[test]
    fn a_lock_is_not_a_rate() {
        assert!(is_rate(&answer(429, &[], "")));
        assert!(is_rate(&answer(429, &[], &error("invalid_request_error", "rate_limit"))));
        assert!(!is_rate(&answer(429, &[], &error("invalid_request_error", "lock_timeout"))));
        assert!(!is_rate(&answer(409, &[], "")));
    }
}
