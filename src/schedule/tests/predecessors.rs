//! Connections that run after others.

use super::world::{World, after, at};
use super::{HOUR, MINUTE, Outcome};

const BOTH: [&str; 2] = ["customers", "items"];

fn good<'a>(world: &'a mut World, connection: &str, run: &str) -> &'a mut World {
    world.hears(connection, run, None, true)
}

fn bad<'a>(world: &'a mut World, connection: &str, run: &str) -> &'a mut World {
    let why = format!("{connection} failed");
    world.hears(connection, run, Some(&why), true)
}

#[test]
fn it_runs_after_each_run_of_another() {
    let mut world = World::new(after(&["items"], true, None), "mon 09:00");
    world.until("mon 10:00").noted(&[]);
    good(&mut world, "items", "i1").noted(&["mon 10:00: after {items: i1}"]);
    world.ends(Outcome::Settled).until("mon 11:00").noted(&[]);
    good(&mut world, "items", "i2").noted(&["mon 11:00: after {items: i2}"]);
    // Two that come while it runs are one.
    good(&mut world, "items", "i3");
    good(&mut world, "items", "i4").noted(&[]).ends(Outcome::Settled).noted(&["mon 11:00: after {items: i4}"]);
    world.ends(Outcome::Settled);
    world.breaks_down_until(at("tue 09:00"));
    world.noted(&[]);
}

#[test]
fn it_runs_after_all_of_several() {
    let mut world = World::new(after(&BOTH, true, None), "mon 09:00");
    good(&mut world, "items", "i1");
    good(&mut world, "items", "i2").until("mon 10:00").noted(&[]);
    good(&mut world, "customers", "c1").noted(&["mon 10:00: after {customers: c1, items: i2}"]);
    world.ends(Outcome::Settled);
    good(&mut world, "customers", "c2");
    good(&mut world, "customers", "c3").noted(&[]);
    good(&mut world, "items", "i3").noted(&["mon 10:00: after {customers: c3, items: i3}"]);
}

#[test]
fn it_runs_after_any_of_several_when_all_are_fresh() {
    let mut world = World::new(after(&BOTH, true, Some(2 * HOUR)), "mon 09:00");
    good(&mut world, "customers", "c1").noted(&[]).until("mon 11:00");
    good(&mut world, "items", "i1").noted(&["mon 11:00: after {customers: c1, items: i1}"]).ends(Outcome::Settled);
    world.until("mon 11:01");
    good(&mut world, "items", "i2").noted(&[]);
    good(&mut world, "customers", "c2").noted(&["mon 11:01: after {customers: c2, items: i2}"]).ends(Outcome::Settled);
    // One is enough as long as the other one is fresh.
    world.until("mon 12:00");
    good(&mut world, "items", "i3").noted(&["mon 12:00: after {customers: c2, items: i3}"]).ends(Outcome::Settled);
    // One that failed is not fresh, however new.
    world.until("mon 12:30");
    bad(&mut world, "customers", "c3").noted(&["mon 12:30: not run, customers failed (c3)"]);
    good(&mut world, "items", "i4").noted(&[]);
    good(&mut world, "customers", "c4").noted(&["mon 12:30: after {customers: c4, items: i4}"]);
}

#[test]
fn it_does_not_run_after_a_failure_and_that_is_on_record_once() {
    let mut world = World::new(after(&BOTH, true, None), "mon 09:00");
    bad(&mut world, "customers", "c1").noted(&["mon 09:00: not run, customers failed (c1)"]);
    good(&mut world, "items", "i1").until("mon 12:00").noted(&[]);
    world.breaks_down_until(at("mon 13:00"));
    world.noted(&[]);
    // It waits for a good one of each; that of the items still counts.
    bad(&mut world, "customers", "c2").noted(&["mon 13:00: not run, customers failed (c2)"]);
    good(&mut world, "customers", "c3").noted(&["mon 13:00: after {customers: c3, items: i1}"]);
    // While it runs, too.
    bad(&mut world, "items", "i2").noted(&["mon 13:00: not run, items failed (i2)"]);
    world.ends(Outcome::Settled).noted(&[]);
}

#[test]
fn it_may_run_even_when_they_fail() {
    let mut world = World::new(after(&["items"], false, None), "mon 09:00");
    bad(&mut world, "items", "i1").noted(&["mon 09:00: after {items: i1}"]).ends(Outcome::Settled);
    // One that did not run at all is no run.
    world.hears("items", "i2", Some("items did not run"), false);
    world.noted(&["mon 09:00: not run, items did not run (i2)"]);
    let mut world = World::new(after(&BOTH, false, Some(30 * MINUTE)), "mon 09:00");
    bad(&mut world, "items", "i1").noted(&[]);
    bad(&mut world, "customers", "c1").noted(&["mon 09:00: after {customers: c1, items: i1}"]).ends(Outcome::Settled);
    world.hears("items", "i2", Some("items did not run"), false);
    world.noted(&["mon 09:00: not run, items did not run (i2)"]);
    good(&mut world, "customers", "c2").noted(&[]);
}

/// What did not run because of one is heard by the next, down the chain.
#[test]
fn a_failure_stops_the_whole_chain() {
    let mut items = World::new(after(&["customers"], true, None), "mon 09:00");
    bad(&mut items, "customers", "c1").noted(&["mon 09:00: not run, customers failed (c1)"]);
    for succeeded in [true, false] {
        let mut invoices = World::new(after(&["items"], succeeded, None), "mon 09:00");
        invoices.hears("items", "n1", Some("customers failed"), false);
        invoices.noted(&["mon 09:00: not run, customers failed (n1)"]).until("mon 10:00").noted(&[]);
        good(&mut invoices, "items", "n2").noted(&["mon 10:00: after {items: n2}"]);
    }
}

#[test]
fn it_waits_until_what_is_out_of_reach_is_tried_again() {
    let mut world = World::new(after(&["items"], true, None), "mon 09:00");
    good(&mut world, "items", "i1").ends(Outcome::OutOfReach);
    good(&mut world, "items", "i2").noted(&["mon 09:00: after {items: i1}"]);
    world.until("mon 09:00:15").noted(&["mon 09:00:15: after {items: i2}"]);
    world.ends(Outcome::Settled).until("mon 12:00").noted(&[]);
}

/// A run that makes up for another one does not use up what the next one waits for.
#[test]
fn a_retry_between_two_of_them_takes_up_neither() {
    let mut world = World::new(after(&BOTH, true, None), "mon 09:00");
    good(&mut world, "customers", "c1");
    good(&mut world, "items", "i1").ends(Outcome::Waits).noted(&["mon 09:00: after {customers: c1, items: i1}"]);
    good(&mut world, "customers", "c2").until("mon 09:07").noted(&["mon 09:07: makes up for r1"]);
    world.ends(Outcome::Settled).noted(&[]);
    good(&mut world, "items", "i2").noted(&["mon 09:07: after {customers: c2, items: i2}"]);
}

#[test]
fn nothing_begins_while_it_is_on_hold() {
    let mut world = World::new(after(&["items"], true, None), "mon 09:00");
    world.position.pause(true, world.now);
    good(&mut world, "items", "i1").until("mon 12:00").noted(&[]);
}
