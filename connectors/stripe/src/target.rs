//! A Stripe account as a [`Target`].

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use rowbill_connector::{
    Call, Cash, Filter, IdempotencyKey, Inspection, OperationId, Payments, Problem, Receipt, Request, SendError,
    Target, TargetInfo,
};
use serde_json::Value;

use crate::config::StripeConfig;
use crate::encode::{encode, escape, fill};
use crate::http::{Ask, Http};
use crate::kind::Kind;
use crate::outcome::is_foreign;
use crate::transport::{Https, Transport};

/// The longest key (`docs.stripe.com/api/idempotent_requests`).
const LONGEST_KEY: usize = 255;

/// One Stripe account. Share it between all connections of the account: its rate limits are the account's.
pub struct StripeTarget {
    pub(crate) config: StripeConfig,
    pub(crate) http: Http,
}

/// Shows everything but the key.
impl fmt::Debug for StripeTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StripeTarget").field(&self.config).finish()
    }
}

impl StripeTarget {
    /// Checks the key's form and mode and sets up the connection; sends nothing.
    pub fn new(config: StripeConfig) -> Result<Self, Problem> {
        let base = config.check()?;
        let https = Https::new(&config, &base)?;
        Ok(Self { http: Http::new(&config, base, Arc::new(https))?, config })
    }

    /// The same over another way to Stripe: for simulations.
    pub fn over(config: StripeConfig, transport: Arc<dyn Transport>) -> Result<Self, Problem> {
        let base = config.check()?;
        Ok(Self { http: Http::new(&config, base, transport)?, config })
    }

    /// The pages of a test account stand under `test`, those of a connected account under its id.
    fn dashboard(&self) -> String {
        let mut base = "https://dashboard.stripe.com".to_owned();
        if let Some(account) = &self.config.connected_account {
            base = format!("{base}/{}", escape(account));
        }
        if self.config.live { base } else { format!("{base}/test") }
    }
}

#[async_trait]
impl Target for StripeTarget {
    fn encode(&self, call: &Call) -> Request {
        encode(call)
    }

    async fn ready(&self, operation: &str) {
        self.http.buckets.ready(operation).await;
    }

    /// Does not wait for the rate limits: the caller does ([`Target::ready`]), and then checks the intent's age again.
    async fn send(&self, request: &Request, key: &IdempotencyKey) -> Result<Receipt, SendError> {
        let ask = Ask {
            operation: &request.operation,
            path: &request.path,
            query: &[],
            body: Some(&request.body),
            key: Some(header(key)?),
        };
        self.http.judged(&ask).await?.receipt()
    }

    async fn find(&self, request: &Request, op: &OperationId, since: i64) -> Result<Option<Receipt>, SendError> {
        self.http.find(request, op, since).await
    }

    async fn get(&self, id: &str) -> Result<Receipt, SendError> {
        self.http.one(kind_of(id)?, id).await
    }

    async fn list(&self, object: &str, filter: &Filter) -> Result<Vec<Receipt>, SendError> {
        let kind = Kind::named(object).ok_or_else(|| unknown(&format!("rowbill does not list `{object}` objects.")))?;
        self.http.all(kind, filter).await
    }

    async fn search_ours(&self) -> Result<Option<Vec<Receipt>>, SendError> {
        self.http.search_ours().await
    }

    async fn delete(&self, id: &str) -> Result<(), SendError> {
        let kind = kind_of(id)?;
        let path = fill(kind.one, &[id.to_owned()]);
        // Deleting twice leaves the same as once, so it is repeated like a read.
        match self.http.read(&format!("DELETE {}", kind.one), &path, &[]).await {
            Err(SendError::Refused(problem)) if problem.code == "stripe.resource_missing" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn check(&self) -> Result<TargetInfo, SendError> {
        let account = match self.http.read("GET /v1/account", "/v1/account", &[]).await {
            Ok(account) => account.get("id").and_then(Value::as_str).map(str::to_owned),
            Err(error) if is_closed(&error) => {
                // A restricted key may not read the account, yet may do all that rows need.
                let filter = Filter { at_most: Some(1), ..Filter::default() };
                self.list("customer", &filter).await?;
                None
            }
            Err(error) => return Err(error),
        };
        Ok(TargetInfo { account, clock: self.clock() })
    }

    async fn inspect(&self) -> Result<Inspection, SendError> {
        self.look_around().await
    }

    fn payments(&self) -> Option<&dyn Payments> {
        Some(self)
    }

    fn cash(&self) -> Option<&dyn Cash> {
        Some(self)
    }

    fn link(&self, id: &str) -> String {
        let kind = Kind::of_id(id);
        if self.config.api_base.is_some() {
            let path = kind.map_or_else(|| format!("/v1/{}", escape(id)), |kind| fill(kind.one, &[id.to_owned()]));
            return format!("{}{path}", self.http.base);
        }
        match kind.and_then(|kind| kind.page) {
            Some(page) => format!("{}/{page}/{}", self.dashboard(), escape(id)),
            None => format!("{}/search?query={}", self.dashboard(), escape(id)),
        }
    }

    fn clock(&self) -> Option<SystemTime> {
        self.http.clock.now()
    }
}

pub(crate) fn header(key: &IdempotencyKey) -> Result<HeaderValue, SendError> {
    let fits = !key.0.is_empty() && key.0.len() <= LONGEST_KEY;
    let header = HeaderValue::from_str(&key.0).ok().filter(|_| fits);
    header.ok_or_else(|| {
        let message = "The idempotency key is empty, too long or not plain text. Nothing was sent.";
        SendError::Halt(Problem::new("stripe.idempotency_key", message))
    })
}

fn kind_of(id: &str) -> Result<&'static Kind, SendError> {
    Kind::of_id(id).ok_or_else(|| unknown(&format!("`{id}` is not the id of a customer, invoice item or invoice.")))
}

fn unknown(message: &str) -> SendError {
    SendError::Refused(Problem::new("stripe.object_unknown", message))
}

fn is_closed(error: &SendError) -> bool {
    match error {
        SendError::Halt(problem) => problem.code == "stripe.permission",
        SendError::Refused(_) => true,
        SendError::Unknown(problem) => is_foreign(problem),
        SendError::NotSent { .. } => false,
    }
}
