//! Finds out what a key may do. Reading is tried by a list of one; writing by a change of an object that is not there:
//! Stripe looks at the permission first and at the object second, so nothing can come of it.

use std::time::{SystemTime, UNIX_EPOCH};

use rowbill_connector::{Grant, IdempotencyKey, Inspection, Problem, SendError};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::http::{Ask, Http};
use crate::key::KeyMode;
use crate::target::{StripeTarget, header};

/// The template of a path, and the path itself.
type Change = (&'static str, &'static str);
/// What it is about, the path of its list, and a change of one that is not there.
type Probe = (&'static str, &'static str, Option<Change>);

/// What is about what, with a path to read and one that changes an object of that name.
const PROBES: [Probe; 13] = [
    ("customers", "/v1/customers", Some(("/v1/customers/{customer}", "/v1/customers/cus_rowbill_probe"))),
    (
        "invoice items",
        "/v1/invoiceitems",
        Some(("/v1/invoiceitems/{invoiceitem}", "/v1/invoiceitems/ii_rowbill_probe")),
    ),
    ("invoices", "/v1/invoices", Some(("/v1/invoices/{invoice}", "/v1/invoices/in_rowbill_probe"))),
    ("credit notes", "/v1/credit_notes", Some(("/v1/credit_notes/{id}", "/v1/credit_notes/cn_rowbill_probe"))),
    ("refunds", "/v1/refunds", Some(("/v1/refunds/{refund}", "/v1/refunds/re_rowbill_probe"))),
    ("invoice payments", "/v1/invoice_payments", None),
    ("payment intents", "/v1/payment_intents", None),
    ("charges", "/v1/charges", None),
    ("disputes", "/v1/disputes", None),
    ("events", "/v1/events", None),
    ("balance", "/v1/balance_transactions", None),
    ("payouts", "/v1/payouts", None),
    (
        "webhook endpoints",
        "/v1/webhook_endpoints",
        Some(("/v1/webhook_endpoints/{webhook_endpoint}", "/v1/webhook_endpoints/we_rowbill_probe")),
    ),
];

impl StripeTarget {
    /// An error says that the key does not work at all, or that nobody answers.
    pub(crate) async fn look_around(&self) -> Result<Inspection, SendError> {
        let mode = if self.config.live { KeyMode::Live } else { KeyMode::Test };
        let is_restricted = self.config.key.expose_secret().starts_with("rk_");
        let kind = if is_restricted { "restricted" } else { "full" };
        let mut found = Inspection {
            key: format!("a {kind} {} key", mode.word()),
            is_restricted,
            is_live: self.config.live,
            ..Inspection::default()
        };
        if let Ok(account) = self.http.read("GET /v1/account", "/v1/account", &[]).await {
            let text = |name: &str| account.get(name).and_then(Value::as_str).map(str::to_owned);
            found.account = text("id");
            found.country = text("country");
            found.currency = text("default_currency");
            found.takes_payments = account.get("charges_enabled").and_then(Value::as_bool);
        }
        for (what, list, change) in PROBES {
            let read = self.http.read(&format!("GET {list}"), list, &[("limit", "1".to_owned())]).await;
            found.grants.push(grant(what, false, read.err())?);
            if let Some((template, path)) = change {
                let wrote = change_nothing(&self.http, &format!("POST {template}"), path).await;
                found.grants.push(grant(what, true, wrote.err())?);
            }
        }
        Ok(found)
    }
}

async fn change_nothing(http: &Http, operation: &str, path: &str) -> Result<(), SendError> {
    http.buckets.ready(operation).await;
    // A key of its own each time: an answer from before a permission was given must not come again.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let key = header(&IdempotencyKey(format!("rowbill-probe-{now}")))?;
    let ask = Ask { operation, path, query: &[], body: Some(b"metadata[rowbill_probe]="), key: Some(key) };
    http.judged(&ask).await.map(|_| ())
}

/// Any answer but a missing permission says that the key got as far as the object.
fn grant(what: &'static str, writes: bool, error: Option<SendError>) -> Result<Grant, SendError> {
    let (is_allowed, lacks) = match error {
        None | Some(SendError::Refused(_)) => (Some(true), None),
        Some(SendError::Halt(problem)) if problem.code == "stripe.permission" => (Some(false), permission(&problem)),
        Some(halt @ SendError::Halt(_)) => return Err(halt),
        Some(SendError::NotSent { .. } | SendError::Unknown(_)) => (None, None),
    };
    Ok(Grant { what, writes, is_allowed, lacks })
}

/// Stripe's message names the permission: `rak_invoice_write`.
fn permission(problem: &Problem) -> Option<String> {
    let from = problem.message.find("rak_")?;
    let rest = &problem.message[from..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}
