//! Faults on demand: for the next or the n-th matching request, or for one in N of them.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::lock::Lock;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Answered with this status; nothing is executed and nothing stored under the key. A 400, 402 or 404 judges the
    /// request, and so is never given for a key whose result is stored.
    RejectBefore(u16),
    /// Answered with this status, which is stored under the key, although nothing was made.
    FailUncommitted(u16),
    /// Executed; answered with this status, which is stored under the key.
    FailAfterCommit(u16),
    /// Waits, its key in use, until [`Faults::release`]; then executed, even if the client has gone.
    Hold,
    /// Waits so long before it is executed, even if the client goes.
    #[serde(rename = "slow_ms", with = "milliseconds")]
    Slow(Duration),
    /// The connection is closed; nothing is executed.
    DropBefore,
    /// Executed and stored; the connection is closed without an answer.
    DropAfterCommit,
    /// Executed and stored; the answer is a 200 whose body breaks off.
    GarbleAfterCommit,
    /// 429, before the idempotency layer.
    RateLimited {
        /// `Stripe-Rate-Limited-Reason`: `global-rate`, `endpoint-concurrency`, …
        reason: String,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// 429 `lock_timeout`, without a request id.
    LockTimeout,
    /// 409 `idempotency_key_in_use`; to POST requests only.
    #[serde(rename = "in_use_409")]
    InUse409,
    /// From this request on the key is revoked.
    RevokeKey,
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// Only requests of this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths that start so: `/v1/customers`.
    #[serde(default)]
    pub path: Option<String>,
    /// Only this operation, by its name: `POST /v1/invoices/{invoice}/finalize`.
    #[serde(default)]
    pub operation: Option<String>,
    /// So many matching requests pass first.
    #[serde(default)]
    pub after: u64,
    /// To so many matching requests it happens.
    #[serde(default = "once")]
    pub times: u64,
    /// Instead of counting: to one in so many, at random.
    #[serde(default)]
    pub one_in: Option<u32>,
}

fn once() -> u64 {
    1
}

impl Rule {
    /// To the next request of any kind.
    pub fn next(fault: Fault) -> Self {
        Self { fault, method: None, path: None, operation: None, after: 0, times: 1, one_in: None }
    }

    /// To the next request of this operation: `POST /v1/customers`.
    pub fn on(operation: &str, fault: Fault) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::next(fault) }
    }

    /// To one in `n` requests, at random, for ever.
    pub fn one_in(n: u32, fault: Fault) -> Self {
        Self { one_in: Some(n), ..Self::next(fault) }
    }

    /// Only requests of this method whose path starts so.
    #[must_use]
    pub fn only(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Lets `after` matching requests pass, then happens `times` times.
    #[must_use]
    pub fn counted(mut self, after: u64, times: u64) -> Self {
        self.after = after;
        self.times = times;
        self
    }

    fn matches(&self, method: &str, path: &str, operation: &str) -> bool {
        // Only a POST has a key that can be in use.
        (self.fault != Fault::InUse409 || method == "POST")
            && self.method.as_ref().is_none_or(|each| each.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && self.operation.as_ref().is_none_or(|name| name == operation)
    }
}

/// The faults that are set, and the requests that are held.
#[derive(Debug)]
pub struct Faults {
    plan: Lock<Plan>,
    /// Wakes in the order of arrival: a simulation repeats.
    releases: Notify,
    held: watch::Sender<usize>,
}

#[derive(Debug)]
struct Plan {
    rules: Vec<Rule>,
    rng: StdRng,
}

impl Faults {
    pub(crate) fn new(seed: u64, rules: Vec<Rule>) -> Self {
        let plan = Plan { rules, rng: StdRng::seed_from_u64(seed) };
        Self { plan: Lock::new(plan), releases: Notify::new(), held: watch::Sender::new(0) }
    }

    /// Adds a rule. Of several that fit a request the oldest wins; a counted rule goes away when it is used up.
    pub fn script(&self, rule: Rule) {
        self.plan.hold().rules.push(rule);
    }

    /// Takes all rules away. Held requests stay held.
    pub fn clear(&self) {
        self.plan.hold().rules.clear();
    }

    /// The rules that are left.
    pub fn rules(&self) -> Vec<Rule> {
        self.plan.hold().rules.clone()
    }

    /// How many requests are held.
    pub fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// Waits until at least `count` requests are held.
    pub async fn wait_held(&self, count: usize) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.held.subscribe().wait_for(|held| *held >= count).await;
    }

    /// Lets all held requests go on.
    pub fn release(&self) {
        self.releases.notify_waiters();
    }

    pub(crate) async fn hold(&self) {
        let released = self.releases.notified();
        self.held.send_modify(|held| *held += 1);
        released.await;
        self.held.send_modify(|held| *held -= 1);
    }

    pub(crate) fn pick(&self, method: &str, path: &str, operation: &str) -> Option<Fault> {
        let Plan { rules, rng } = &mut *self.plan.hold();
        let index = rules.iter_mut().position(|rule| rule.matches(method, path, operation) && rule.strikes(rng))?;
        let fault = rules[index].fault.clone();
        rules.retain(|rule| rule.times > 0);
        Some(fault)
    }
}

impl Rule {
    fn strikes(&mut self, rng: &mut StdRng) -> bool {
        if let Some(n) = self.one_in {
            return rng.random_range(0..n.max(1)) == 0;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times = self.times.saturating_sub(1);
        true
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_rules_are_used_up() {
        let rule = Rule::on("POST /v1/customers", Fault::DropBefore).counted(1, 2);
        let faults = Faults::new(1, vec![rule]);
        let hits: Vec<bool> =
            (0..5).map(|_| faults.pick("POST", "/v1/customers", "POST /v1/customers").is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn random_rules_repeat_with_their_seed() {
        let hits = |seed| {
            let faults = Faults::new(seed, vec![Rule::one_in(3, Fault::LockTimeout).only("POST", "/v1/")]);
            assert_eq!(faults.pick("GET", "/v1/customers", ""), None);
            (0..300).filter(|_| faults.pick("POST", "/v1/customers", "").is_some()).count()
        };
        assert_eq!(hits(7), hits(7));
        assert!((70..130).contains(&hits(7)));
    }

    #[test]
    fn rules_are_written_as_json() {
        let rule: Rule = serde_json::from_str(r#"{"fault":{"slow_ms":250},"operation":"POST /v1/customers"}"#).unwrap();
        assert_eq!(rule, Rule::on("POST /v1/customers", Fault::Slow(Duration::from_millis(250))));
        let limited: Fault = serde_json::from_str(r#"{"rate_limited":{"reason":"global-rate"}}"#).unwrap();
        assert_eq!(limited, Fault::RateLimited { reason: "global-rate".into(), retry_after: None });
        assert_eq!(serde_json::to_string(&Fault::InUse409).unwrap(), r#""in_use_409""#);
    }
}
