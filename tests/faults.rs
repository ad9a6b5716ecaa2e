//! Every faulty answer that the sandbox has, at 1 in 20: never a second object for a row, and books that agree.
//!
//! `ROWBILL_TEST_ROUNDS=50` repeats everything with so many seeds, `ROWBILL_TEST_SEED` says with which to begin:
//!
//! ```text
//! ROWBILL_TEST_ROUNDS=50 cargo test --test rowbill -- faults:: kills::
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::business::Business;

const ONE_IN: u32 = 20;
/// So many businesses run at a time: they mostly wait.
const AT_A_TIME: usize = 4;

/// A number from the environment.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// The seeds of this test run.
pub fn seeds() -> std::ops::Range<u64> {
    let first = setting("ROWBILL_TEST_SEED", 1);
    first..first + setting("ROWBILL_TEST_ROUNDS", 1)
}

/// A fault at one in so many requests. A definite refusal is for what is written: reading costs nothing and is refused
/// only with the key.
fn at_one_in(n: u32, fault: &Fault) -> Rule {
    let rule = Rule::one_in(n, fault.clone());
    if *fault == Fault::RejectBefore(402) { rule.only("POST", "/v1/") } else { rule }
}

fn limited(retry_after: Option<u32>) -> Fault {
    Fault::RateLimited { reason: "global-rate".into(), retry_after }
}

fn every_fault() -> Vec<Fault> {
    vec![
        Fault::DropAfterCommit,
        Fault::DropBefore,
        Fault::FailAfterCommit(500),
        Fault::FailUncommitted(500),
        Fault::GarbleAfterCommit,
        Fault::RejectBefore(503),
        Fault::RejectBefore(402),
        limited(None),
        limited(Some(1)),
        Fault::InUse409,
        Fault::LockTimeout,
        Fault::Slow(Duration::from_millis(150)),
    ]
}

/// Runs each of them to its end, a few at a time; one failure does not hide the others.
pub fn all_of<T: Sync + std::fmt::Debug>(cases: &[T], check: impl Fn(&T) + Sync) {
    let failed: Vec<String> = cases
        .chunks(AT_A_TIME)
        .flat_map(|chunk| {
            std::thread::scope(|scope| {
                let check = &check;
                let run = |case| scope.spawn(move || catch_unwind(AssertUnwindSafe(|| check(case))).is_err());
                let running: Vec<_> = chunk.iter().map(|case| (case, run(case))).collect();
                let ended = running.into_iter().map(|(case, run)| (case, run.join().unwrap()));
                ended.filter(|(_, failed)| *failed).map(|(case, _)| format!("{case:?}")).collect::<Vec<_>>()
            })
        })
        .collect();
    assert!(failed.is_empty(), "failed (seed, what): {failed:#?}");
}

#[test]
fn no_fault_makes_a_double_or_loses_a_row() {
    let cases: Vec<(u64, Fault)> =
        seeds().flat_map(|seed| every_fault().into_iter().map(move |fault| (seed, fault))).collect();
    all_of(&cases, |(seed, fault)| {
        let business = Business::new(*seed, vec![at_one_in(ONE_IN, fault)]);
        business.settle();
        business.is_settled();
    });
}

#[test]
fn all_faults_together_make_no_double_and_lose_no_row() {
    let cases: Vec<u64> = seeds().flat_map(|seed| [seed, seed + 1_000_000]).collect();
    all_of(&cases, |seed| {
        let faults = every_fault();
        let business = Business::new(*seed, faults.iter().map(|fault| at_one_in(ONE_IN * 3, fault)).collect());
        business.settle();
        business.is_settled();
    });
}
