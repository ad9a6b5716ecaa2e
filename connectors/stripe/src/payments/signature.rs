//! Whether Stripe has sent a delivery (docs.stripe.com/webhooks#verify-manually): HMAC-SHA256 of `t.body` with the endpoint's secret.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use rowbill_connector::{Delivery, Problem};
use sha2::Sha256;

/// How far its time may be from ours, either way, in seconds. Stripe's own libraries take five minutes.
const TOLERANCE: i64 = 300;

/// Checks the header against every secret: all `v1` signatures count, other schemes do not. The comparison takes the
/// same time wherever the signatures differ.
pub fn verify(delivery: &Delivery<'_>) -> Result<(), Problem> {
    let parts = || delivery.signature.split(',').filter_map(|part| part.trim().split_once('='));
    let mut times = parts().filter(|(name, _)| *name == "t").map(|(_, value)| value);
    let (Some(time), None) = (times.next(), times.next()) else {
        return Err(Problem::new("webhook.signature", "the header Stripe-Signature has no time"));
    };
    // As Stripe writes it: what is signed is the text, and there is one text for each time.
    let is_plain = time.bytes().all(|byte| byte.is_ascii_digit());
    let Some(at) = Some(time).filter(|_| is_plain).and_then(|time| time.parse::<i64>().ok()) else {
        return Err(Problem::new("webhook.signature", "the time in Stripe-Signature is no number"));
    };
    let signatures: Vec<Vec<u8>> = parts()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| HEXLOWER.decode(value.as_bytes()).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Problem::new("webhook.signature", "the header Stripe-Signature has no signature of the scheme v1"));
    }
    let fits = |secret: &&str| {
        signatures.iter().any(|signature| mac(secret, time, delivery.body).verify_slice(signature).is_ok())
    };
    if !delivery.secrets.iter().any(fits) {
        let problem = Problem::new("webhook.signature", "no secret of this account has signed this delivery");
        return Err(problem.advise(
            "give the signing secret (whsec_…) of this very endpoint; test and live, account and Connect endpoints have \
             different ones; nothing in between may change the body",
        ));
    }
    // After the signature: a stranger learns nothing about our clock.
    if at.checked_sub(delivery.now).is_none_or(|ahead| ahead.abs() > TOLERANCE) {
        let message = "the delivery is signed, but its time is more than five minutes from ours";
        return Err(
            Problem::new("webhook.time", message).advise("switch on time synchronisation: timedatectl set-ntp true")
        );
    }
    Ok(())
}

/// The header that Stripe would send.
pub fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    let signature = mac(secret, &time.to_string(), body).finalize().into_bytes();
    format!("t={time},v1={}", HEXLOWER.encode(&signature))
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn code(signature: &str, secrets: &[&str], now: i64) -> Result<(), String> {
        verify(&Delivery { signature, body: BODY, secrets, now }).map_err(|problem| problem.code)
    }

    #[test]
    fn one_good_signature_is_enough() {
        let good = sign("whsec_new", 1000, BODY);
        assert_eq!(code(&good, &["whsec_old", "whsec_new"], 1000), Ok(()));
        let (time, signature) = good.split_once(',').unwrap();
        let rolled = format!("{time},v1={},v0=aa, {signature}", "0".repeat(64));
        assert_eq!(code(&rolled, &["whsec_new"], 1300), Ok(()));
    }

    #[test]
    fn all_else_is_refused() {
        let good = sign("whsec", 1000, BODY);
        let wrong = Err("webhook.signature".to_owned());
        assert_eq!(code(&good, &["other"], 1000), wrong);
        assert_eq!(code(&good, &[], 1000), wrong);
        assert_eq!(code(&good.replace("v1", "v0"), &["whsec"], 1000), wrong);
        assert_eq!(code(&good.replace("t=1000", "t=1001"), &["whsec"], 1000), wrong);
        assert_eq!(code(&good.replace("t=1000", "t=1000,t=1000"), &["whsec"], 1000), wrong);
        for header in ["", "t=,v1=", "v1=aa", "t=x,v1=aa", "t=1000", "t=1000,v1=zz", "t=1000,v1=AA"] {
            assert_eq!(code(header, &["whsec"], 1000), wrong, "{header}");
        }
        let stale = Err("webhook.time".to_owned());
        assert_eq!(code(&good, &["whsec"], 1301), stale);
        assert_eq!(code(&good, &["whsec"], 699), stale);
        assert_eq!(code(&sign("whsec", i64::MAX, BODY), &["whsec"], 1000), stale);
        assert_eq!(code(&sign("whsec", -5, BODY), &["whsec"], 1000), wrong);
    }
}
