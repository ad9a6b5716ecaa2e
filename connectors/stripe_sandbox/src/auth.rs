//! Who may do what: keys, their mode, and the permissions of restricted keys.

use data_encoding::BASE64;

use crate::refusal::Refusal;

/// What the sandbox knows about keys. Any key of the right form is taken unless `keys` names them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    pub(crate) livemode: bool,
    pub(crate) keys: Vec<String>,
    pub(crate) permissions: Option<Vec<String>>,
    pub(crate) revoked: bool,
}

impl Door {
    /// Checks the `Authorization` header and gives back the key.
    pub(crate) fn admit(&self, header: Option<&str>) -> Result<String, Refusal> {
        let key = header.and_then(secret).ok_or_else(no_key)?;
        let mode = if self.livemode { "live" } else { "test" };
        if key.starts_with("pk_") {
            let message = "This API call cannot be made with a publishable API key. Please use a secret API key.";
            return Err(Refusal::new(403, message).code("secret_key_required"));
        }
        let known = self.keys.is_empty() || self.keys.contains(&key);
        let formed = ["sk", "rk"].iter().any(|kind| {
            let prefix = format!("{kind}_{mode}_");
            key.len() > prefix.len() && key.starts_with(&prefix)
        });
        if !known || !formed {
            return Err(Refusal::new(401, format!("Invalid API Key provided: {}", masked(&key))));
        }
        if self.revoked {
            let message = format!("Expired API Key provided: {}", masked(&key));
            return Err(Refusal::new(401, message).code("api_key_expired"));
        }
        Ok(key)
    }

    /// Checks a restricted key's permissions. Write implies read.
    pub(crate) fn permit(&self, key: &str, method: &str, path: &str, account: &str) -> Result<(), Refusal> {
        let Some(permissions) = self.permissions.as_ref().filter(|_| key.starts_with("rk_")) else {
            return Ok(());
        };
        let area = area(path);
        let (read, write) = (format!("{area}_read"), format!("{area}_write"));
        let has = |name: &str| permissions.iter().any(|each| each.strip_prefix("rak_").unwrap_or(each) == name);
        if has(&write) || (method == "GET" && has(&read)) {
            return Ok(());
        }
        let needed = if method == "GET" { read } else { write };
        Err(Refusal::new(
            403,
            format!(
                "The provided key '{}' does not have the required permissions for this endpoint on account \
                 '{account}'. Having the 'rak_{needed}' permission would allow this request to continue.",
                masked(key)
            ),
        ))
    }
}

fn no_key() -> Refusal {
    Refusal::new(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer \
         auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )
}

/// `Bearer KEY`, or Basic with the key as the user.
fn secret(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(BASE64.decode(rest.trim().as_bytes()).ok()?).ok()?;
        text.split(':').next()?.to_owned()
    } else {
        return None;
    };
    Some(key).filter(|key| !key.is_empty())
}

/// `sk_test_****1234`.
fn masked(key: &str) -> String {
    let start: String = key.chars().take(8).collect();
    let end: String = key.chars().skip(8).skip(key.chars().count().saturating_sub(12)).collect();
    format!("{start}****{end}")
}

/// The permission that guards a path: items and lines belong to invoices.
fn area(path: &str) -> &str {
    match path.split('/').nth(2).unwrap_or_default() {
        "customers" => "customer",
        "invoiceitems" | "invoices" | "invoice_payments" => "invoice",
        "products" => "product",
        "prices" => "plan",
        "balance_transactions" => "balance_transaction_source",
        "webhook_endpoints" => "webhook",
        "account" => "accounts_kyc_basic",
        other => other.trim_end_matches('s'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_in_both_schemes_and_masked() {
        let door = Door::default();
        assert_eq!(door.admit(Some("Bearer sk_test_abc")).unwrap(), "sk_test_abc");
        let basic = format!("Basic {}", BASE64.encode(b"rk_test_abc:"));
        assert_eq!(door.admit(Some(&basic)).unwrap(), "rk_test_abc");
        for wrong in [None, Some("Bearer "), Some("Bearer sk_live_abc"), Some("Bearer sk_test_"), Some("nonsense")] {
            assert_eq!(door.admit(wrong).unwrap_err().status, 401, "{wrong:?}");
        }
        assert_eq!(masked("sk_test_abcdefgh1234"), "sk_test_****1234");
        assert_eq!(masked("sk_test_abc"), "sk_test_****abc");
    }

    #[test]
    fn write_implies_read() {
        let door =
            Door { permissions: Some(vec!["rak_invoice_write".into(), "customer_read".into()]), ..Door::default() };
        let permit = |method, path| door.permit("rk_test_1", method, path, "acct_1").is_ok();
        assert!(permit("GET", "/v1/invoiceitems") && permit("POST", "/v1/invoices/in_1/finalize"));
        assert!(permit("GET", "/v1/customers") && !permit("POST", "/v1/customers"));
        assert!(door.permit("sk_test_1", "POST", "/v1/customers", "acct_1").is_ok());
    }
}
