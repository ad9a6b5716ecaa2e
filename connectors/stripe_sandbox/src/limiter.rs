//! Stripe's rate limits: so many requests a second for the account and for each endpoint.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Limits in requests per second of real time, or of tokio's where that is paused. Up to one second's worth may come at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the whole account (Stripe: 100 live, 25 test).
    pub account: u32,
    /// For each operation (Stripe: 25).
    pub endpoint: u32,
}

impl Limits {
    /// What Stripe allows an account in live mode.
    pub const LIVE: Self = Self { account: 100, endpoint: 25 };
    /// What Stripe allows an account in test mode.
    pub const TEST: Self = Self { account: 25, endpoint: 25 };
}

const BURST: Duration = Duration::from_secs(1);

/// Per bucket only the moment at which it is full again is kept (the generic cell rate algorithm).
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    account: Option<Instant>,
    endpoints: HashMap<String, Instant>,
}

impl Limiter {
    /// Takes one request, or says why it may not be taken.
    pub(crate) fn take(&mut self, limits: Limits, endpoint: &str, now: Instant) -> Result<(), &'static str> {
        let account = next(self.account, limits.account, now).ok_or("global-rate")?;
        let full = self.endpoints.get(endpoint).copied();
        let full = next(full, limits.endpoint, now).ok_or("endpoint-rate")?;
        self.account = Some(account);
        self.endpoints.insert(endpoint.to_owned(), full);
        Ok(())
    }
}

fn next(full: Option<Instant>, per_second: u32, now: Instant) -> Option<Instant> {
    let full = full.map_or(now, |at| at.max(now)) + BURST / per_second.max(1);
    (full <= now + BURST).then_some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_share_the_accounts_rate() {
        let (limits, start) = (Limits { account: 10, endpoint: 4 }, Instant::now());
        let mut limiter = Limiter::default();
        for _ in 0..4 {
            assert_eq!(limiter.take(limits, "a", start), Ok(()));
        }
        assert_eq!(limiter.take(limits, "a", start), Err("endpoint-rate"));
        for endpoint in ["b", "b", "b", "b", "c", "c"] {
            assert_eq!(limiter.take(limits, endpoint, start), Ok(()));
        }
        assert_eq!(limiter.take(limits, "c", start), Err("global-rate"));
        assert_eq!(limiter.take(limits, "c", start + Duration::from_millis(100)), Ok(()));
    }
}
