//! The parts of the proof, one after the other, each with a paragraph of what it covered.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rowbill_proof::machine::{Machine, Strikes, disk, kills};
use rowbill_proof::model::{Model, Variant};
use rowbill_proof::simulation;

use crate::{Clock, Part};

/// Violations that are shown of each part; the first ones say the most.
const SHOWN: usize = 10;

/// Runs what was asked for. How many violations there were.
pub fn all(clock: &Clock) -> io::Result<usize> {
    let is_wanted = |part: Part| clock.asked.only.is_empty() || clock.asked.only.contains(&part);
    let mut violations = 0;
    if is_wanted(Part::Model) {
        violations += model(clock.asked.depth);
    }
    if is_wanted(Part::Simulation) {
        let share = if is_wanted(Part::Kills) { 0.5 } else { 1.0 };
        violations += simulate(clock, clock.until(share));
    }
    // The machine gets the binary under its own name.
    let folder = tempfile::Builder::new().prefix("rowbill-proof-").tempdir()?;
    let binary = folder.path().join("rowbill");
    std::fs::copy(std::env::current_exe()?, &binary)?;
    let machine = Machine::new(&binary)?;
    if is_wanted(Part::Points) {
        violations += strikes(clock, "points", &kills::at_every_point(&machine, clock.asked.stride));
    }
    if is_wanted(Part::Disk) {
        violations += strikes(clock, "disk", &disk::fails(&machine, clock.asked.stride));
    }
    if is_wanted(Part::Kills) {
        let instant = clock.until(1.0);
        let kills = clock.asked.kills.unwrap_or(if instant.is_some() { u64::MAX } else { 100 });
        let until = kills::Until { kills, instant };
        violations += strikes(clock, "kills", &kills::at_random(&machine, clock.asked.seed, until));
    }
    println!("{violations} violations in {} s", clock.began.elapsed().as_secs());
    Ok(violations)
}

/// Prints all that happens with a seed.
pub fn story(seed: u64) -> ExitCode {
    let outcome = simulation::story(seed);
    println!("{}", outcome.story);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
    }
}

fn model(depth: usize) -> usize {
    println!("model, {depth} steps deep");
    let mut violations = 0;
    for restores in [false, true] {
        let found = Model { variant: Variant::Product, restores }.search(depth);
        let what = if restores { "with old backups" } else { "without them" };
        println!("  {what}: {} states, {} wrong, {} unsettled", found.states, found.wrong, found.unsettled);
        violations += found.wrong + found.unsettled;
    }
    for (variant, restores) in Variant::FAULTY {
        let is_caught = Model { variant, restores }.search(depth).wrong > 0;
        println!("  {variant:?}: {}", if is_caught { "caught" } else { "NOT CAUGHT" });
        violations += usize::from(!is_caught);
    }
    violations
}

fn simulate(clock: &Clock, until: Option<Instant>) -> usize {
    let asked = &clock.asked;
    let most = asked.seeds.unwrap_or(if until.is_some() { u64::MAX } else { 500 });
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let total: Mutex<(BTreeMap<String, u64>, Vec<String>)> = Mutex::default();
    let work = || {
        while until.is_none_or(|until| Instant::now() < until) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= most {
                break;
            }
            let outcome = simulation::run(asked.seed + at);
            done.fetch_add(1, Ordering::Relaxed);
            let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for (what, count) in outcome.coverage {
                *total.0.entry(what).or_default() += count;
            }
            let seed = outcome.seed;
            total.1.extend(outcome.violation.map(|what| format!("seed {seed} (--story {seed} tells all): {what}")));
        }
    };
    std::thread::scope(|scope| {
        let hands = std::thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..hands {
            scope.spawn(work);
        }
    });
    let (coverage, violations) = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("simulation, {} seeds from {}", done.load(Ordering::Relaxed), asked.seed);
    list(&coverage);
    told(&violations)
}

fn strikes(clock: &Clock, part: &str, strikes: &Strikes) -> usize {
    println!("{part}, struck {} times after {} s", strikes.strikes, clock.began.elapsed().as_secs());
    list(&strikes.points);
    told(&strikes.violations)
}

fn list(counts: &BTreeMap<String, u64>) {
    for (what, count) in counts {
        println!("  {count:>12}  {what}");
    }
}

fn told(violations: &[String]) -> usize {
    for violation in violations.iter().take(SHOWN) {
        println!("  VIOLATION  {violation}");
    }
    println!("  {} violations", violations.len());
    violations.len()
}
