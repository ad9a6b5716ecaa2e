//! Whole runs in a simulated world: one process, one thread, one seed that decides everything.
//!
//! A world has two accounts, six connections over five small tables, a disk, a network, a clock, and a person who answers
//! questions. Time is tokio's, and paused: minutes of pauses, hours and days cost nothing. What can go wrong differs from
//! seed to seed ([`shape`]). [`script`] lets it go wrong, between runs and in their middle ([`trips`]), and [`checks`]
//! looks after each step; then the faults end, and [`settle`] sees to it that everything comes right.
//!
//! Checked are I1 to I10, I13 and I14 of `docs/reliability.md`, that an invoice is mailed once, and that marks are
//! written at the right keys. Not here: I11 (`tests/schedules.rs`) and I12.

mod books;
pub mod broken;
mod business;
mod checks;
mod disk;
mod edits;
mod known;
mod network;
mod person;
mod process;
mod script;
mod settle;
mod shape;
mod source;
mod table;
mod target;
mod trips;
mod undo;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rowbill_stripe_sandbox::{Entry, RequestEntry};

use broken::Broken;
use business::ACCOUNTS;
use known::Known;
use script::Script;
use shape::Shape;
use world::World;

/// What a simulation came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was violated, and at which step; nothing, if all is well. The first one ends the simulation.
    pub violation: Option<String>,
    /// How often what happened.
    pub coverage: BTreeMap<String, u64>,
    /// A hash over both journals and the ledger: the same for the same seed.
    pub digest: u64,
    /// What happened, if it was asked for.
    pub story: String,
}

/// Simulates a seed.
pub fn run(seed: u64) -> Outcome {
    simulate(seed, None, false)
}

/// Simulates a seed with a rule of the product broken.
pub fn run_broken(seed: u64, broken: Broken) -> Outcome {
    simulate(seed, Some(broken), false)
}

/// Simulates a seed, and tells all that happened.
pub fn story(seed: u64) -> Outcome {
    simulate(seed, None, true)
}

fn simulate(seed: u64, broken: Option<Broken>, story: bool) -> Outcome {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().map_err(|error| error.to_string())?;
        runtime.block_on(whole(seed, broken, story))
    }));
    let failed = |violation| Outcome { seed, violation: Some(violation), ..Outcome::default() };
    match ran {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(what)) => failed(what),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            failed(format!("panic: {}", text.unwrap_or_default()))
        }
    }
}

async fn whole(seed: u64, broken: Option<Broken>, story: bool) -> Result<Outcome, String> {
    let shape = Shape::draw(&mut StdRng::seed_from_u64(seed));
    let world = Arc::new(World::new(shape, seed, broken, story)?);
    world.tell(|| format!("{:#?}", world.shape));
    let mut script = Script::new(Arc::clone(&world));
    let violation = play(&mut script).await.err();
    let known = violation.as_deref().and_then(|what| Known::of(&world, what));
    if let Some(known) = known {
        world.tell(|| format!("{}: {}", known.name(), violation.as_deref().unwrap_or_default()));
        world.count(known.name());
    }
    let violation = violation.filter(|_| known.is_none());
    script.watch.read(&world);
    let mut coverage: BTreeMap<String, u64> =
        world.counters().into_iter().map(|(what, count)| (what.to_owned(), count)).collect();
    coverage.insert("simulated seconds".to_owned(), world.age().as_secs());
    let mut hasher = DefaultHasher::new();
    for account in ACCOUNTS {
        for entry in &script.watch.journals[account] {
            format!("{entry:?}").hash(&mut hasher);
            world.tell(|| format!("{account} {}", serde_json::to_string(entry).unwrap_or_default()));
            if let Entry::Request(RequestEntry { fault: Some(fault), .. }) = entry {
                let name: String = fault.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').collect();
                *coverage.entry(format!("fault {name}")).or_default() += 1;
            }
        }
    }
    format!("{:?}", world.ledger().backup()).hash(&mut hasher);
    Ok(Outcome { seed, violation, coverage, digest: hasher.finish(), story: world.story() })
}

async fn play(script: &mut Script) -> Result<(), String> {
    let steps = script.world.shape.steps;
    for step in 0..steps {
        script.world.tell(|| format!("step {step}"));
        script.step().await.map_err(|what| format!("step {step}: {what}"))?;
    }
    script.settle().await.map_err(|what| format!("after the faults: {what}"))
}
