//! The binary is killed at random instants, with faults on, and started again until every row is settled.

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::faults::{all_of, seeds};
use crate::support::business::Business;
use crate::support::{invariants, journal};

/// So many kills for each seed.
const KILLS: u32 = 12;
/// A kill comes after at most so many more requests.
const STRETCH: u32 = 30;

fn faults() -> Vec<Rule> {
    let faults = [
        Fault::DropAfterCommit,
        Fault::DropBefore,
        Fault::FailAfterCommit(500),
        Fault::GarbleAfterCommit,
        Fault::RateLimited { reason: "endpoint-rate".into(), retry_after: None },
        Fault::InUse409,
    ];
    faults.into_iter().map(|fault| Rule::one_in(100, fault)).collect()
}

/// Starts a run and kills it when the journal has got so many entries longer, unless it has ended by then.
fn run_and_kill(business: &Business, entries: usize) {
    let project = &business.project;
    let goal = project.mark() + entries;
    let mut child = project.spawn(&["run-now", "--all"]);
    let ended = std::cell::Cell::new(None);
    let child_cell = std::cell::RefCell::new(&mut child);
    journal::until("requests, or the end of the run", || {
        ended.set(child_cell.borrow_mut().try_wait().unwrap());
        ended.get().is_some() || project.stripe.journal().len() >= goal
    });
    if ended.get().is_none() {
        // SIGKILL: nothing of it can be caught.
        child.kill().unwrap();
    }
    child.wait().unwrap();
    invariants::hold(&project.stripe);
}

#[test]
fn killed_at_random_it_makes_no_double_and_loses_no_row() {
    let cases: Vec<u64> =
        seeds().flat_map(|seed| [seed, seed + 1_000_000, seed + 2_000_000, seed + 3_000_000]).collect();
    all_of(&cases, |seed| {
        let business = Business::new(*seed, faults());
        business.project.run(&["ledger", "create"]).exits(0);
        for _ in 0..KILLS {
            let entries = business.roll(1..STRETCH) as usize;
            run_and_kill(&business, entries);
            if business.roll(0..4) == 0 {
                business.wait();
            }
        }
        business.answer();
        business.settle();
        business.is_settled();
    });
}

/// Before the first request there is nothing to lose, and no ledger yet: it is made when it is not there.
#[test]
fn killed_before_the_ledger_is_made_it_starts_anew() {
    let business = Business::new(seeds().start, Vec::new());
    for entries in [0, 1, 2, 3] {
        run_and_kill(&business, entries);
    }
    business.settle();
    business.is_settled();
}
