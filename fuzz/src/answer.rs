//! Stripe's answers: whatever comes, what may have been done is never called refused, and what was not is never done.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rowbill_connector::SendError;
use serde_json::Value;

const NAMES: [&str; 6] = [
    "request-id",
    "retry-after",
    "stripe-should-retry",
    "stripe-rate-limited-reason",
    "idempotent-replayed",
    "idempotency-key",
];

/// Two bytes of status, lines of headers that begin with the number of their name, an empty line, the body.
pub fn check(data: &[u8]) {
    let Some((status, rest)) = data.split_at_checked(2) else { return };
    let status = 200 + u16::from_be_bytes([status[0], status[1]]) % 400;
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (&b""[..], rest),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_first() else { continue };
        let name = HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let json: Option<Value> = serde_json::from_slice(body).ok();
    match rowbill_stripe::meaning(status, headers, body, false) {
        Ok(receipt) => {
            assert!((200..300).contains(&status) && !receipt.id.is_empty(), "{status}: {receipt:?}");
            let json = json.expect("a receipt of what is no JSON");
            assert_eq!(json["id"].as_str(), Some(&*receipt.id));
            assert_ne!(json["livemode"], true, "a live object in a test account");
        }
        Err(error) => is_cautious(status, json.as_ref(), &error),
    }
}

fn is_cautious(status: u16, json: Option<&Value>, error: &SendError) {
    let problem = error.problem();
    assert!(problem.code.starts_with("stripe.") && !problem.message.is_empty(), "{problem:?}");
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    assert!(problem.code.chars().all(word), "{problem:?}");
    match error {
        SendError::Refused(_) => {
            let is_stripes = json.is_some_and(|json| json["error"].is_object());
            assert!((400..500).contains(&status) && is_stripes, "{status}: {error:?}");
        }
        SendError::NotSent { open, wait, .. } => {
            assert!((300..500).contains(&status), "{status}: {error:?}");
            let is_limit =
                status == 429 || problem.code.ends_with("lock_timeout") || problem.code.ends_with("rate_limit");
            assert!(*open || is_limit, "{status}: {error:?}");
            assert!(wait.is_none_or(|wait| wait.as_secs() <= 3600), "{error:?}");
        }
        SendError::Unknown(_) => assert_ne!(status, 429),
        SendError::Halt(_) => assert!(status < 500, "{status}: {error:?}"),
    }
}
