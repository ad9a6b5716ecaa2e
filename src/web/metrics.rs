//! Numbers for Prometheus, under a fixed list of names: docs/daemon.md says what each means.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::protocol::Time;
use crate::run::{Answers, Tally};

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge>;

/// Upper ends of the lengths of runs that are told apart, in seconds.
const LENGTHS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];

/// The numbers of one daemon.
#[derive(Default)]
pub struct Metrics {
    registry: Registry,
    runs: Counters,
    rows: Counters,
    amounts: Counters,
    lengths: Option<Histogram>,
    last_success: Gauges,
    late: Gauges,
    open: Gauges,
    skipped: Counters,
    not_run: Counters,
    paused: Gauges,
    running: Gauge,
    halted: Gauges,
    requests: Counters,
    skew: Gauges,
    ledger: Gauge,
    writable: Gauge,
    problems: Gauge,
    notifications: Counters,
}

impl Metrics {
    /// All numbers at zero.
    pub fn new() -> Self {
        let mut metrics = Self { registry: Registry::with_prefix("rowbill"), ..Self::default() };
        let lengths = Histogram::new(LENGTHS);
        let registry = &mut metrics.registry;
        registry.register("runs", "Runs that ended, by how", metrics.runs.clone());
        registry.register("rows", "Rows of runs, by what became of them", metrics.rows.clone());
        registry.register("amount_minor", "Newly billed, in minor units of the currency", metrics.amounts.clone());
        registry.register_with_unit("run", "How long runs took", Unit::Seconds, lengths.clone());
        let help = "When a run last ended with all rows settled";
        registry.register_with_unit("run_last_success_timestamp", help, Unit::Seconds, metrics.last_success.clone());
        registry.register_with_unit(
            "late",
            "How late the last scheduled run began",
            Unit::Seconds,
            metrics.late.clone(),
        );
        registry.register(
            "open_rows",
            "Rows that are not settled since the last run over all of them, by why",
            metrics.open.clone(),
        );
        registry.register("skipped_ticks", "Times of the schedule that were passed over", metrics.skipped.clone());
        registry.register("not_run", "Times that it did not run because of one before it", metrics.not_run.clone());
        registry.register("paused", "Whether a person has put it on hold", metrics.paused.clone());
        registry.register("running", "Connections that run now", metrics.running.clone());
        registry.register("account_halted", "Whether the account takes nothing for now", metrics.halted.clone());
        registry.register("requests", "Operations sent, by what is known of their effect", metrics.requests.clone());
        let help = "How far the account's clock is ahead of this one";
        registry.register_with_unit("clock_skew", help, Unit::Seconds, metrics.skew.clone());
        registry.register_with_unit("ledger", "Size of the ledger's file", Unit::Bytes, metrics.ledger.clone());
        registry.register("ledger_writable", "Whether the ledger can be written", metrics.writable.clone());
        let help = "Mistakes in files that are not taken up";
        registry.register("configuration_problems", help, metrics.problems.clone());
        registry.register("notifications", "Messages to people, by how they fared", metrics.notifications.clone());
        let info = Gauges::default();
        info.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1);
        registry.register("build_info", "The version of rowbill", info);
        metrics.lengths = Some(lengths);
        metrics
    }

    /// A run has ended: how, its rows, and how long it took.
    pub fn ended(&self, connection: &str, result: &str, tally: &Tally, seconds: Time) {
        self.runs.get_or_create(&two("connection", connection, "result", result)).inc();
        let counts = [
            ("done", tally.done),
            ("already_done", tally.already_done),
            ("skipped", tally.skipped),
            ("failed", tally.failed),
            ("needs_review", tally.needs_review),
            ("deferred", tally.deferred),
        ];
        for (state, count) in counts {
            self.rows.get_or_create(&two("connection", connection, "state", state)).inc_by(count);
        }
        if let Some(lengths) = &self.lengths {
            lengths.observe(f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)));
        }
    }

    /// So many rows are not settled.
    pub fn open(&self, connection: &str, tally: &Tally) {
        let counts = [("failed", tally.failed), ("needs_review", tally.needs_review), ("deferred", tally.deferred)];
        for (state, count) in counts {
            let open = self.open.get_or_create(&two("connection", connection, "state", state));
            open.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// So much was newly billed.
    pub fn billed(&self, connection: &str, currency: &str, minor: i64) {
        let labels = two("connection", connection, "currency", currency);
        self.amounts.get_or_create(&labels).inc_by(u64::try_from(minor).unwrap_or(0));
    }

    /// All rows are settled.
    pub fn succeeded(&self, connection: &str, at: Time) {
        self.last_success.get_or_create(&one("connection", connection)).set(at);
    }

    /// A scheduled run began so late.
    pub fn late(&self, connection: &str, seconds: Time) {
        self.late.get_or_create(&one("connection", connection)).set(seconds);
    }

    /// Ticks were passed over.
    pub fn skipped(&self, connection: &str, ticks: u64) {
        self.skipped.get_or_create(&one("connection", connection)).inc_by(ticks);
    }

    /// It did not run because of one before it.
    pub fn not_run(&self, connection: &str) {
        self.not_run.get_or_create(&one("connection", connection)).inc();
    }

    /// It is on hold, or not any more.
    pub fn paused(&self, connection: &str, paused: bool) {
        self.paused.get_or_create(&one("connection", connection)).set(i64::from(paused));
    }

    /// So many connections run.
    pub fn running(&self, connections: usize) {
        self.running.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// What is known of an account.
    pub fn account(&self, account: &str, answers: &Answers, halted: bool, skew: Option<Time>) {
        self.halted.get_or_create(&one("account", account)).set(i64::from(halted));
        for (name, number) in Answers::NAMES.iter().zip(answers.numbers()) {
            let counter = self.requests.get_or_create_owned(&two("account", account, "answer", name));
            counter.inner().store(number, Ordering::Relaxed);
        }
        if let Some(skew) = skew {
            self.skew.get_or_create(&one("account", account)).set(skew);
        }
    }

    /// The ledger's size, and whether it can be written.
    pub fn ledger(&self, bytes: Option<u64>, writable: bool) {
        self.ledger.set(bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0));
        self.writable.set(i64::from(writable));
    }

    /// So many mistakes are in files that are not taken up.
    pub fn problems(&self, count: usize) {
        self.problems.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A message was taken, or was not.
    pub fn notified(&self, channel: &str, taken: bool) {
        let result = if taken { "taken" } else { "failed" };
        self.notifications.get_or_create(&two("channel", channel, "result", result)).inc();
    }

    /// A connection is gone: its states are gone, what was counted stays.
    pub fn forget(&self, connection: &str) {
        let labels = one("connection", connection);
        for gauges in [&self.last_success, &self.late, &self.paused] {
            gauges.remove(&labels);
        }
        for state in ["failed", "needs_review", "deferred"] {
            self.open.remove(&two("connection", connection, "state", state));
        }
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn one(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn two(name: &'static str, value: &str, other: &'static str, other_value: &str) -> Labels {
    vec![(name, value.to_owned()), (other, other_value.to_owned())]
}
