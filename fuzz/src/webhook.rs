//! Deliveries of webhooks: none is taken that our secret has not signed, at a time near ours.

use rowbill_connector::Delivery;

const SECRET: &str = "whsec_fuzz";
const NOW: i64 = 1_800_000_000;

/// A line with the header, then the body.
pub fn check(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (head, body) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let Ok(signature) = std::str::from_utf8(head) else { return };
    let secrets = ["whsec_other", SECRET];
    match rowbill_stripe::verify(&Delivery { signature, body, secrets: &secrets, now: NOW }) {
        Ok(()) => {
            let time = signature.split(',').find_map(|part| part.trim().strip_prefix("t=")).expect("a time");
            let time: i64 = time.parse().expect("a time that is a number");
            assert!((time - NOW).abs() <= 300, "{signature}");
            let ours = rowbill_stripe::sign(SECRET, time, body);
            let (_, ours) = ours.split_once(',').expect("a signature");
            let is_signed = signature.split(',').any(|part| part.trim() == ours);
            assert!(is_signed, "{signature} was taken, and is not {ours}");
        }
        Err(problem) => {
            assert!(problem.code.starts_with("webhook.") && !problem.message.contains("whsec_fuzz"), "{problem:?}");
        }
    }
}
