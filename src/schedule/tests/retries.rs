//! Runs that could not do all, and what is made up for.

use super::world::{World, at, daily, every, told};
use super::{HOUR, MINUTE};
use crate::protocol::Time;
use crate::schedule::Outcome;

/// After each run that ends so, the seconds until the next one.
fn pauses(outcome: Outcome) -> Vec<Time> {
    let mut world = World::new(daily(&["09:00"]), "mon 08:00");
    world.until("mon 09:00");
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let before = world.now;
        world.ends(outcome);
        world.now = world.wake().unwrap();
        assert_eq!(world.look().len(), 1);
        pauses.push(world.now - before);
    }
    pauses
}

#[test]
fn pauses_double_up_to_a_limit() {
    assert_eq!(pauses(Outcome::OutOfReach), [15, 30, 60, 120, 240, 480, 900, 900, 900]);
    assert_eq!(pauses(Outcome::Waits), [420, 840, 1680, 3360, 3600, 3600, 3600, 3600, 3600]);
}

#[test]
fn a_run_that_settles_all_ends_them() {
    let mut world = World::new(daily(&["09:00"]), "mon 08:00");
    world.until("mon 09:00").ends(Outcome::OutOfReach);
    world.until("mon 09:00:15").ends(Outcome::OutOfReach);
    world.until("mon 09:00:45").ends(Outcome::Settled);
    world.until("tue 09:00").ends(Outcome::OutOfReach).until("tue 09:00:15");
    world.noted(&[
        "mon 09:00: tick of mon 09:00",
        "mon 09:00:15: makes up for r1",
        "mon 09:00:45: makes up for r2",
        "tue 09:00: tick of tue 09:00",
        "tue 09:00:15: makes up for r4",
    ]);
}

#[test]
fn ticks_wait_while_something_is_out_of_reach() {
    let mut world = World::new(every(MINUTE), "mon 09:00");
    world.until("mon 09:00:30");
    for end in ["mon 09:00:30", "mon 09:00:45", "mon 09:01:15", "mon 09:02:15"] {
        world.until(end).ends(Outcome::OutOfReach);
    }
    world.until("mon 09:04:14").noted(&[
        "mon 09:00: tick of mon 09:00",
        "mon 09:00:45: makes up for r1",
        "mon 09:01:15: tick of mon 09:01",
        "mon 09:02:15: tick of mon 09:02",
    ]);
    world
        .until("mon 09:04:15")
        .noted(&["mon 09:04:15: skipped 1, mon 09:03 to mon 09:03", "mon 09:04:15: tick of mon 09:04"]);
    // What is in reach again is asked at its next tick.
    world.ends(Outcome::Settled).until("mon 09:05").noted(&["mon 09:05: tick of mon 09:05"]);
}

#[test]
fn ticks_do_not_wait_for_rows_that_wait() {
    let mut world = World::new(daily(&["09:00", "09:05"]), "mon 08:00");
    world.until("mon 09:00").ends(Outcome::Waits).until("mon 09:06");
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 09:05: tick of mon 09:05"]);
    // The tick's run looked them up too; it is the second in a row that could not do all.
    world.ends(Outcome::Waits).until("mon 09:19").noted(&[]);
    world.until("mon 09:20").noted(&["mon 09:20: makes up for r2"]);
}

#[test]
fn a_run_that_was_interrupted_is_made_up_for_at_once_and_once() {
    let mut world = World::new(daily(&["09:00"]), "mon 08:00");
    world.until("mon 09:00").ends(Outcome::Interrupted);
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 09:00: makes up for r1"]);
    world.breaks_down_until(at("mon 09:20"));
    world.noted(&["mon 09:20: makes up for r2"]);
    world.ends(Outcome::Settled);
    // Nothing was open any more.
    world.breaks_down_until(at("mon 09:40"));
    world.noted(&[]).until("tue 08:59").noted(&[]);
}

#[test]
fn the_end_of_another_run_leaves_the_open_one_open() {
    let mut world = World::new(daily(&["09:00"]), "mon 08:00");
    world.until("mon 09:00");
    crate::schedule::ended(&mut world.position, "by hand", Outcome::Settled, world.now);
    assert_eq!(world.position.open.as_deref(), Some("r1"));
    world.breaks_down_until(at("mon 09:20"));
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 09:20: makes up for r1"]);
}

#[test]
fn it_wakes_for_what_comes_first() {
    let mut world = World::new(every(HOUR), "mon 09:00");
    let wakes = |world: &World| world.wake().map(told).unwrap_or_default();
    assert_eq!(wakes(&world), "mon 09:00");
    // While it runs, only ticks are looked at.
    world.until("mon 09:10").ends(Outcome::OutOfReach);
    assert_eq!(wakes(&world), "mon 09:10:15");
    world.until("mon 09:10:15");
    assert_eq!(wakes(&world), "mon 10:00");
    world.until("mon 09:50").ends(Outcome::Waits);
    assert_eq!(wakes(&world), "mon 10:00");
    // By hand, and after others: nothing to wake up for.
    assert_eq!(wakes(&World::new(super::world::after(&["customers"], true, None), "mon 09:00")), "");
}
