//! The daemon is killed at random instants, under a schedule of 2 s with three chained connections, and started again:
//! every row once, no run of one tick twice, no tick lost.
//!
//! `ROWBILL_TEST_KILLS=200` kills so often; `ROWBILL_TEST_SEED` says with which dice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowbill_stripe_sandbox::{Fault, Options, Rule};
use serde_json::Value;

use crate::faults::setting;
use crate::support::{Daemon, Project, books, invariants, samples};

const INTERVAL: i64 = 2;
const NAMES: [&str; 3] = ["customers", "items", "invoices"];
const INVOICES: &str = r#"
account: acme
group_by: [customer_id, month]
first_run: all
create_invoice:
  customer: { from: customers, key: "${{ group.customer_id }}" }
  items_from: items
  description: Month ${{ group.month }} of ${{ group.customer_id }}
  finish: finalize
schedule: { after: items, when: finished }
"#;

struct Shop {
    project: Project,
    customers: u32,
    orders: Vec<String>,
}

impl Shop {
    /// With answers that are lost now and then, so that restarts find intents of every kind.
    fn new(seed: u64) -> Self {
        let faults = vec![Rule::one_in(40, Fault::DropAfterCommit), Rule::one_in(40, Fault::InUse409)];
        let project = Project::with(Options { seed, faults, ..Options::default() });
        let items = samples::monthly_items();
        project.mapping("customers", &format!("{}schedule: {{ every: {INTERVAL}s }}\n", samples::CUSTOMERS));
        project.mapping("items", &format!("{items}schedule: {{ after: customers, when: finished }}\n"));
        project.mapping("invoices", INVOICES);
        project.run(&["ledger", "create"]).exits(0);
        let mut shop = Self { project, customers: 0, orders: Vec::new() };
        shop.trade(3);
        shop
    }

    /// More customers, each with two orders that make one invoice.
    fn trade(&mut self, customers: u32) {
        for _ in 0..customers {
            self.customers += 1;
            for nth in 1..3 {
                self.orders.push(format!("A-{0}-{nth},{0},2026-11,{0}.5{nth}", self.customers));
            }
        }
        let header = std::iter::once("Order,Customer ID,Month,Total".to_owned());
        self.project.csv("customers", &samples::customers(self.customers));
        self.project.csv("orders", &samples::lines(header.chain(self.orders.iter().cloned())));
    }

    /// Lets it run for some requests or some time, whichever comes first, and kills it.
    fn run_and_kill(&self, dice: &mut StdRng) {
        let until = Instant::now() + Duration::from_millis(dice.random_range(150..2500));
        let goal = self.project.mark() + dice.random_range(1..60);
        let daemon = Daemon::start(&self.project);
        while Instant::now() < until && self.project.mark() < goal {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        daemon.kill();
        invariants::hold(&self.project.stripe);
    }

    /// Without faults, until nothing is left to do: what waits for a look at Stripe does so by the clock.
    fn settle(&self) {
        self.project.stripe.faults().clear();
        for _ in 0..4 {
            self.project.advance(Duration::from_mins(7));
            let daemon = Daemon::start(&self.project);
            daemon.run("invoices", 1);
            assert_eq!(daemon.stop().0, 143);
        }
    }

    fn runs(&self, of: &str) -> Vec<Value> {
        let output = self.project.run(&["runs", "--of", of, "--limit=100000"]);
        output.json["runs"].as_array().unwrap().clone()
    }

    fn every_row_once(&self) {
        invariants::hold(&self.project.stripe);
        books::agree(&self.project, &NAMES);
        for (name, count) in
            [("customers", self.customers), ("items", 2 * self.customers), ("invoices", self.customers)]
        {
            let rows = books::rows(&self.project, name);
            let done = rows.iter().filter(|row| row["state"] == "done").count();
            assert_eq!(done, count as usize, "{name}: {:#?}", rows.iter().find(|row| row["state"] != "done"));
        }
        for (kind, count) in
            [("customer", self.customers), ("invoiceitem", 2 * self.customers), ("invoice", self.customers)]
        {
            assert_eq!(books::ours(&self.project.stripe, kind).len(), count as usize, "{kind}");
        }
    }

    /// Every place of the grid, from the first tick to the last, was run once or is on record as passed over.
    fn every_tick_is_accounted_for(&self) -> (usize, u64) {
        let runs = self.runs("customers");
        let scheduled: Vec<i64> = runs.iter().filter_map(|run| second(&run["scheduled_at"])).collect();
        let ticks: BTreeSet<i64> = scheduled.iter().copied().collect();
        assert_eq!(ticks.len(), scheduled.len(), "a tick was run twice: {scheduled:?}");
        let (first, last) = (*ticks.first().unwrap(), *ticks.last().unwrap());
        assert!(ticks.iter().all(|tick| (tick - first) % INTERVAL == 0), "not of the grid: {ticks:?}");
        let skips = runs.iter().filter(|run| run["result"] == "skipped").map(|run| &run["ticks"]);
        let skipped: u64 = skips
            .filter(|ticks| (first..last).contains(&second(&ticks["last"]).unwrap()))
            .map(|ticks| ticks["count"].as_u64().unwrap())
            .sum();
        let all = u64::try_from((last - first) / INTERVAL + 1).unwrap();
        assert_eq!(ticks.len() as u64 + skipped, all, "ticks were lost");
        (ticks.len(), skipped)
    }

    /// No run of the one before it was followed twice.
    fn nothing_follows_twice(&self) {
        for (name, before) in [("items", "customers"), ("invoices", "items")] {
            let mut followed: BTreeMap<String, Value> = BTreeMap::new();
            for run in self.runs(name).into_iter().filter(|run| run["trigger"] == "after") {
                let of = run["after"][before].as_str().unwrap().to_owned();
                assert_eq!(followed.insert(of.clone(), run.clone()), None, "{name} followed {of} twice: {run:#}");
            }
        }
    }
}

fn second(value: &Value) -> Option<i64> {
    Some(value.as_str()?.parse::<Timestamp>().unwrap().as_second())
}

#[test]
fn killed_at_random_every_row_once_and_every_tick_once() {
    let (seed, kills) = (setting("ROWBILL_TEST_SEED", 1), setting("ROWBILL_TEST_KILLS", 12));
    let mut dice = StdRng::seed_from_u64(seed);
    let mut shop = Shop::new(seed);
    for _ in 0..kills {
        shop.run_and_kill(&mut dice);
        if dice.random_range(0..3) == 0 {
            let more = dice.random_range(1..4);
            shop.trade(more);
        }
    }
    shop.settle();
    shop.every_row_once();
    let (ticks, skipped) = shop.every_tick_is_accounted_for();
    shop.nothing_follows_twice();
    println!("seed {seed}: {kills} kills, {} customers, {ticks} ticks run, {skipped} passed over", shop.customers);
}
