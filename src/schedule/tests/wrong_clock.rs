//! Clocks that are set: back a little, or by years.

use super::world::{World, at, cron, daily, every, told};
use super::{HOUR, MINUTE};
use crate::schedule::{Outcome, Retry};

#[test]
fn a_clock_that_is_set_back_an_hour_fires_nothing_twice() {
    for schedule in [daily(&["09:00"]), cron("0 9 * * *"), cron("* 9 * * mon")] {
        let mut world = World::new(schedule, "mon 08:59");
        world.until("mon 09:00").noted(&["mon 09:00: tick of mon 09:00"]).ends(Outcome::Settled);
        world.clock_says("mon 08:00:30").until("mon 09:00:59").noted(&[]);
    }
    let mut world = World::new(daily(&["09:00", "09:30"]), "mon 08:59");
    world.until("mon 09:10").ends(Outcome::Settled).clock_says("mon 08:10").until("mon 09:30");
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 09:30: tick of mon 09:30"]);
}

#[test]
fn an_interval_does_not_stand_still() {
    let mut world = World::new(every(15 * MINUTE), "mon 09:00");
    world.until("mon 09:15").noted(&["mon 09:00: tick of mon 09:00"]).ends(Outcome::Settled);
    // The next tick of the old count would be an hour and a quarter away.
    world.noted(&["mon 09:15: tick of mon 09:15"]).ends(Outcome::Settled);
    world.clock_says("mon 08:20").noted(&[]).until("mon 08:35").noted(&["mon 08:35: tick of mon 08:35"]);
    world.ends(Outcome::Settled).until("mon 08:50").noted(&["mon 08:50: tick of mon 08:50"]);
}

#[test]
fn a_little_back_delays_an_interval_a_little() {
    let mut world = World::new(every(HOUR), "mon 09:00");
    world.until("mon 09:01").ends(Outcome::Settled);
    world.clock_says("mon 09:00:30").until("mon 10:00");
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 10:00: tick of mon 10:00"]);
}

/// The clock jumps years ahead, one run comes, and then it is right again.
#[test]
fn a_clock_that_was_wrong_by_years_rights_itself() {
    for (schedule, next) in [
        (every(10), "mon 12:00:10"),
        (every(36 * HOUR), "wed 00:00"),
        (daily(&["09:00"]), "tue 09:00"),
        (cron("0 9 * * wed"), "wed 09:00"),
        (cron("*/20 * * * *"), "mon 12:20"),
    ] {
        let mut world = World::new(schedule, "mon 10:00");
        world.look();
        world.running = None;
        world.now = at("mon 12:00") + 12 * 365 * 86_400;
        let steps = world.look();
        assert_eq!(steps.len(), 2, "{steps:?}");
        world.running = None;
        world.position.retry = Some(Retry { at: world.now + 15, of: "r2".to_owned(), failures: 1, holds: true });
        world.clock_says("mon 12:00");
        assert!(world.running.is_some(), "what could not be done is tried again at once");
        world.ends(Outcome::Settled);
        assert_eq!(world.wake().map(told).unwrap(), next);
    }
}

/// It began while the clock was years ahead.
#[test]
fn a_beginning_in_the_future_rights_itself() {
    for (schedule, next) in [(every(10), "mon 12:00:10"), (daily(&["13:00"]), "mon 13:00")] {
        let mut world = World::starting(schedule, at("mon 12:00") + 12 * 365 * 86_400);
        world.clock_says("mon 12:00").noted(&[]);
        assert_eq!(world.wake().map(told).unwrap(), next);
    }
}
