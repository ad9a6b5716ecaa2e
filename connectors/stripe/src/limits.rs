//! Rate limits of one account: a bucket for the whole and one for each endpoint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::bucket::Bucket;

/// Stripe's search endpoints take 20 reads a second (docs.stripe.com/rate-limits).
const SEARCH: u32 = 20;

/// How many requests may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// So many a second; zero is read as one.
    PerSecond(u32),
    /// No waiting at all, for servers on loopback.
    Unlimited,
}

/// The two limits that Stripe keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the whole account.
    pub account: Rate,
    /// For each endpoint: a method and a path template.
    pub endpoint: Rate,
}

impl Limits {
    /// What Stripe allows by default: 100 a second live, 25 test, 25 for each endpoint (docs.stripe.com/rate-limits).
    pub fn usual(live: bool) -> Self {
        Self { account: Rate::PerSecond(if live { 100 } else { 25 }), endpoint: Rate::PerSecond(25) }
    }
}

/// The buckets of one account, shared by all of its connections.
pub(crate) struct Buckets {
    account: Option<Bucket>,
    endpoint: Rate,
    endpoints: Mutex<HashMap<String, Option<Arc<Bucket>>>>,
}

impl Buckets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { account: bucket(limits.account), endpoint: limits.endpoint, endpoints: Mutex::default() }
    }

    /// Waits until one more request of this operation may leave.
    pub(crate) async fn ready(&self, operation: &str) {
        // The endpoint first: a token of the account is taken only by a request that can use it at once.
        if let Some(bucket) = self.endpoint(operation) {
            bucket.take().await;
        }
        if let Some(bucket) = &self.account {
            bucket.take().await;
        }
    }

    /// Slows down after a 429. `reason` is its `Stripe-Rate-Limited-Reason`: `global-rate`, `global-concurrency`,
    /// `endpoint-rate`, `endpoint-concurrency` or `resource-specific` (docs.stripe.com/rate-limits).
    pub(crate) fn slow(&self, operation: &str, reason: Option<&str>) {
        let narrow = reason.is_some_and(|reason| reason.starts_with("endpoint") || reason.starts_with("resource"));
        let now = Instant::now();
        if !narrow {
            self.account.iter().for_each(|bucket| bucket.slow(now));
        } else if let Some(bucket) = self.endpoint(operation) {
            bucket.slow(now);
        }
    }

    fn endpoint(&self, operation: &str) -> Option<Arc<Bucket>> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = endpoints.get(operation) {
            return known.clone();
        }
        let made = bucket(rate(self.endpoint, operation)).map(Arc::new);
        endpoints.insert(operation.to_owned(), made.clone());
        made
    }
}

fn bucket(rate: Rate) -> Option<Bucket> {
    match rate {
        Rate::PerSecond(rate) => Some(Bucket::new(rate)),
        Rate::Unlimited => None,
    }
}

fn rate(endpoint: Rate, operation: &str) -> Rate {
    match endpoint {
        Rate::PerSecond(rate) if operation.ends_with("/search") => Rate::PerSecond(rate.min(SEARCH)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn buckets(account: u32, endpoint: u32) -> Buckets {
        Buckets::new(Limits { account: Rate::PerSecond(account), endpoint: Rate::PerSecond(endpoint) })
    }

    async fn time(buckets: &Buckets, operations: &[&str], times: usize) -> Duration {
        let start = Instant::now();
        for operation in (0..times).flat_map(|_| operations) {
            buckets.ready(operation).await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_held_to_its_own_rate() {
        let took = time(&buckets(1000, 10), &["POST /a"], 31).await;
        assert!((2900..3100).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_share_the_rate_of_the_account() {
        let took = time(&buckets(10, 10), &["POST /a", "POST /b"], 20).await;
        assert!((3800..4000).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn unlimited_never_waits() {
        let buckets = Buckets::new(Limits { account: Rate::Unlimited, endpoint: Rate::Unlimited });
        buckets.slow("POST /a", None);
        assert_eq!(time(&buckets, &["POST /a"], 10_000).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_slows_what_it_names() {
        let buckets = buckets(20, 10);
        buckets.slow("POST /a", Some("endpoint-rate"));
        let (slowed, other) = (time(&buckets, &["POST /a"], 4).await, time(&buckets, &["POST /b"], 4).await);
        assert!(slowed.as_millis() >= 550 && other.as_millis() <= 310, "{slowed:?} {other:?}");
    }

    #[test]
    fn search_has_a_limit_of_its_own() {
        assert_eq!(rate(Rate::PerSecond(25), "GET /v1/customers/search"), Rate::PerSecond(20));
        assert_eq!(rate(Rate::PerSecond(5), "GET /v1/customers/search"), Rate::PerSecond(5));
        assert_eq!(rate(Rate::PerSecond(25), "GET /v1/customers"), Rate::PerSecond(25));
    }
}
