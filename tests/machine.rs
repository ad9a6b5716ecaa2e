//! The machine fails under the real binary: it is killed, the power goes, the disk is full or broken.
//!
//! The tests take a share of the cases. `ROWBILL_TEST_STRIDE=1` takes each passage of each point (an hour),
//! `ROWBILL_TEST_KILLS=1000` kills so often at random, and `ROWBILL_TEST_SEED` says with which seed to begin. A violation
//! begins with what repeats it:
//!
//! ```text
//! ROWBILL_TEST_CASE="later kill project sync.after 17 torn" cargo test --test rowbill -- machine::one_case --nocapture
//! ```

use std::path::Path;

use rowbill_proof::machine::{Case, Machine, Strikes, disk, kills};

use crate::faults::{seeds, setting};

fn machine() -> Machine {
    Machine::new(Path::new(env!("CARGO_BIN_EXE_rowbill"))).unwrap()
}

#[track_caller]
fn is_clean(strikes: &Strikes) {
    println!("{} strikes: {:#?}", strikes.strikes, strikes.points);
    let violations = &strikes.violations;
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn killed_at_every_point() {
    is_clean(&kills::at_every_point(&machine(), setting("ROWBILL_TEST_STRIDE", 40)));
}

#[test]
fn killed_at_random() {
    let until = kills::Until { kills: setting("ROWBILL_TEST_KILLS", 12), instant: None };
    let strikes = kills::at_random(&machine(), seeds().start, until);
    is_clean(&strikes);
    assert!(strikes.strikes >= until.kills);
}

#[test]
fn the_disk_fails() {
    is_clean(&disk::fails(&machine(), setting("ROWBILL_TEST_STRIDE", 120)));
}

/// The case in `ROWBILL_TEST_CASE`, if there is one.
#[test]
fn one_case() {
    if let Ok(text) = std::env::var("ROWBILL_TEST_CASE") {
        let case: Case = text.parse().unwrap_or_else(|problem| panic!("ROWBILL_TEST_CASE={text}: {problem}"));
        let strikes = case.run(&machine());
        is_clean(&strikes);
        assert_eq!(strikes.strikes, 1, "nothing was hit");
    }
}
