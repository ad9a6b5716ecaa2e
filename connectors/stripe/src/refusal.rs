//! Stripe's error body, and the problem that a person reads in its place.

use rowbill_connector::Problem;
use serde_json::Value;

use crate::advice::advice;
use crate::http::Answer;

/// The fields of an error body that we use (docs.stripe.com/api/errors).
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// Its `type`.
    pub(crate) kind: Option<String>,
    /// Its `code`.
    pub(crate) code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

impl Refusal {
    /// Reads a body as far as it is an error of Stripe.
    pub(crate) fn of(body: Option<&Value>) -> Self {
        let error = body.and_then(|body| body.get("error"));
        let text = |name: &str| {
            let text = error?.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        Self { kind: text("type"), code: text("code"), param: text("param"), message: text("message") }
    }

    /// Whether the body was in Stripe's words at all.
    pub(crate) fn is_stripes(&self) -> bool {
        self.kind.is_some() || self.code.is_some() || self.message.is_some()
    }

    /// Stripe's own words, with the parameter where they do not name it.
    fn words(&self, status: u16) -> String {
        let Some(message) = &self.message else {
            return format!("Stripe answered {status} and did not say why.");
        };
        match &self.param {
            // `id` stands in the path and says nothing to who wrote the mapping.
            Some(param) if param != "id" && !message.contains(param.as_str()) => {
                format!("{message} (parameter: {param})")
            }
            _ => message.clone(),
        }
    }
}

/// A problem under Stripe's own code, else its type, else `fallback`.
pub(crate) fn problem(answer: &Answer, refusal: &Refusal, fallback: &str) -> Problem {
    let own = refusal.code.as_deref().filter(|code| is_word(code));
    // A type says less than our word where the status alone decides.
    let kind = refusal.kind.as_deref().filter(|kind| is_word(kind) && matches!(fallback, "refused" | "server_error"));
    coded(answer, refusal, own.or(kind).unwrap_or(fallback))
}

/// A problem under a code of ours.
pub(crate) fn coded(answer: &Answer, refusal: &Refusal, code: &str) -> Problem {
    let message = refusal.words(answer.status);
    let advice = advice(code, &message);
    let problem = Problem::new(format!("stripe.{code}"), message).request(answer.request_id());
    match advice {
        Some(advice) => problem.advise(advice),
        None => problem,
    }
}

/// Codes become part of our own, so only what looks like one is taken over.
fn is_word(text: &str) -> bool {
    text.len() <= 80 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::*;

    fn told(error: &Value) -> Problem {
        let headers = HeaderMap::from_iter([("request-id".parse().unwrap(), HeaderValue::from_static("req_1"))]);
        let answer = Answer { status: 400, headers, json: None };
        problem(&answer, &Refusal::of(Some(&json!({ "error": error }))), "refused")
    }

    #[test]
    fn stripes_words_are_kept_and_its_parameter_named() {
        let problem =
            told(&json!({ "code": "resource_missing", "param": "customer", "message": "No such customer: 'cus_x'" }));
        assert_eq!(
            (problem.code.as_str(), problem.message.as_str()),
            ("stripe.resource_missing", "No such customer: 'cus_x'")
        );
        assert_eq!(problem.request_id.as_deref(), Some("req_1"));
        let problem = told(&json!({ "code": "parameter_missing", "param": "amount", "message": "Missing." }));
        assert_eq!(problem.message, "Missing. (parameter: amount)");
        assert!(told(&json!({ "type": "x" })).message.contains("400"));
    }
}
