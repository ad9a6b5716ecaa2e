//! Gives tokens for signed requests, whose form is looked at and whose signature is not.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{EMAIL, State};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that a request may be valid, in seconds.
const LONGEST: i64 = 3600;

pub(super) fn give(state: &mut State, body: &[u8]) -> (u16, Value) {
    match scopes(&state.url, body) {
        Ok(scopes) => {
            let token = format!("fake-token-{}", state.tokens.len() + 1);
            state.tokens.insert(token.clone(), scopes);
            (200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3599 }))
        }
        Err(why) => (400, json!({ "error": "invalid_grant", "error_description": why })),
    }
}

fn scopes(url: &str, body: &[u8]) -> Result<String, &'static str> {
    let field = |wanted| form_urlencoded::parse(body).find(|(name, _)| name == wanted).map(|(_, value)| value);
    if field("grant_type").as_deref() != Some(GRANT) {
        return Err("Unsupported grant_type.");
    }
    let assertion = field("assertion").ok_or("Missing assertion.")?;
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err("Invalid JWT: three parts expected.");
    };
    let (header, claims) = (decoded(header)?, decoded(claims)?);
    if header["alg"] != "RS256" || bytes(signature)?.len() != 256 {
        return Err("Invalid JWT Signature.");
    }
    if claims["iss"] != EMAIL {
        return Err("Invalid grant: account not found.");
    }
    if claims["aud"] != format!("{url}/token") {
        return Err("Invalid JWT: audience.");
    }
    match (claims["iat"].as_i64(), claims["exp"].as_i64()) {
        (Some(from), Some(to)) if from < to && to - from <= LONGEST => {}
        _ => return Err("Invalid JWT: Token must be a short-lived token (60 minutes)."),
    }
    let scopes = claims["scope"].as_str().filter(|scopes| !scopes.is_empty());
    scopes.map(str::to_owned).ok_or("Invalid OAuth scope.")
}

/// Google takes padding, which a client should not send and this one does.
fn bytes(part: &str) -> Result<Vec<u8>, &'static str> {
    let part = part.trim_end_matches('=');
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| "Invalid JWT: not base64url.")
}

fn decoded(part: &str) -> Result<Value, &'static str> {
    let bytes = bytes(part)?;
    serde_json::from_slice(&bytes).map_err(|_| "Invalid JWT: not JSON.")
}
