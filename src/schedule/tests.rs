//! What is decided for a connection, told in scripts: when the clock says this, that is to be done.

mod clock;
mod parse;
mod predecessors;
mod random;
mod retries;
mod world;
mod wrong_clock;

use super::{Outcome, Schedule, Trigger};
use world::{World, at, cron, daily, every, schedule};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn skipping(schedule: Schedule) -> Schedule {
    Schedule { catch_up: false, ..schedule }
}

#[test]
fn a_tick_begins_a_run_once() {
    let mut world = World::new(daily(&["09:00", "17:30"]), "mon 08:00");
    for (time, noted) in [("mon 09:00", "mon 09:00: tick of mon 09:00"), ("mon 17:30", "mon 17:30: tick of mon 17:30")]
    {
        world.until(time).noted(&[noted]);
        world.clock_says(time).ends(Outcome::Settled).clock_says(time).noted(&[]);
    }
}

#[test]
fn a_tick_at_the_very_beginning_counts() {
    for schedule in [every(HOUR), daily(&["08:00"]), cron("0 8 * * *"), cron("@hourly")] {
        World::new(schedule, "mon 08:00").clock_says("mon 08:00").noted(&["mon 08:00: tick of mon 08:00"]);
    }
}

#[test]
fn what_was_missed_is_caught_up_once_or_not_at_all() {
    let begin = |schedule| World::new(schedule, "mon 10:00");
    let caught_up = ["thu 10:00: skipped 2, tue 09:00 to wed 09:00", "thu 10:00: tick of thu 09:00"];
    begin(daily(&["09:00"])).clock_says("thu 10:00").noted(&caught_up);
    let missed = ["thu 10:00: skipped 3, tue 09:00 to thu 09:00"];
    let mut world = begin(skipping(daily(&["09:00"])));
    world.clock_says("thu 10:00").noted(&missed).until("fri 09:00").noted(&["fri 09:00: tick of fri 09:00"]);
    // A minute late is not missed.
    begin(skipping(daily(&["09:00"]))).clock_says("tue 09:01").noted(&["tue 09:01: tick of tue 09:00"]);
    let missed = ["tue 09:01:01: skipped 1, tue 09:00 to tue 09:00"];
    begin(skipping(daily(&["09:00"]))).clock_says("tue 09:01:01").noted(&missed);
}

#[test]
fn so_many_were_missed_that_they_are_not_counted() {
    for (schedule, before, last) in [
        (every(10), "sun 11:59:50", "sun 12:00"),
        (cron("* * * * *"), "sun 11:59", "sun 12:00"),
        (cron("* * * * mon-wed"), "wed 23:58", "wed 23:59"),
    ] {
        let noted = [format!("sun 12:00: skipped 999, mon 12:00 to {before}"), format!("sun 12:00: tick of {last}")];
        let mut world = World::new(schedule, "mon 12:00");
        world.clock_says("sun 12:00").noted(&noted.each_ref().map(String::as_str));
        assert_eq!(world.position.decided, at(last));
    }
}

#[test]
fn one_tick_at_most_waits_for_the_run_before_it() {
    for schedule in [every(15 * MINUTE), skipping(every(15 * MINUTE)), cron("*/15 * * * *"), cron("0,15,30,45 9 * * *")]
    {
        let mut world = World::new(schedule, "mon 09:00");
        world.until("mon 09:01").noted(&["mon 09:00: tick of mon 09:00"]);
        world.until("mon 09:20").noted(&[]).ends(Outcome::Settled).noted(&["mon 09:20: tick of mon 09:15"]);
        // 09:30 and 09:45 pass, and the later one runs, an hour late if need be.
        world.until("mon 09:50").noted(&[]).ends(Outcome::Settled);
        world.noted(&["mon 09:50: skipped 1, mon 09:30 to mon 09:30", "mon 09:50: tick of mon 09:45"]);
        world.until("mon 09:59").ends(Outcome::Settled).noted(&[]);
    }
}

#[test]
fn a_tick_that_waits_outlives_the_machine() {
    let mut world = World::new(skipping(daily(&["09:00", "10:00"])), "mon 08:00");
    world.until("mon 10:30").noted(&["mon 09:00: tick of mon 09:00"]);
    world.breaks_down_until(at("mon 12:00"));
    world.noted(&["mon 12:00: tick of mon 10:00"]);
    world.ends(Outcome::Settled).until("tue 10:30").noted(&["tue 09:00: tick of tue 09:00"]);
    // It gives its place to one that comes later, even to one that nobody saw come.
    world.schedule = skipping(daily(&["09:00", "10:00", "11:00"]));
    world.breaks_down_until(at("tue 12:00"));
    world.noted(&["tue 12:00: skipped 1, tue 10:00 to tue 10:00", "tue 12:00: tick of tue 11:00"]);
}

#[test]
fn what_passes_while_it_could_not_run_anyway_is_not_missed() {
    let begin = || World::new(skipping(daily(&["09:00", "10:00"])), "mon 08:00");
    let mut world = begin();
    world.until("mon 09:00").clock_says("mon 10:30").ends(Outcome::Settled);
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 10:30: tick of mon 10:00"]);
    let mut world = begin();
    world.until("mon 09:59:50").ends(Outcome::OutOfReach);
    world.position.retry.as_mut().unwrap().at = at("mon 10:30");
    world.clock_says("mon 10:20").until("mon 10:30");
    world.noted(&["mon 09:00: tick of mon 09:00", "mon 10:30: tick of mon 10:00"]);
}

#[test]
fn what_passes_while_it_is_on_hold_is_not_caught_up() {
    for schedule in [daily(&["09:00", "10:00"]), every(HOUR), cron("0 * * * *")] {
        let mut world = World::new(schedule, "mon 09:00");
        world.until("mon 10:10").noted(&["mon 09:00: tick of mon 09:00"]);
        // One waits for the run that is going on; it is not caught up either.
        world.position.pause(true, world.now);
        world.ends(Outcome::Settled);
        assert_eq!(world.wake(), None);
        world.until("wed 08:50").noted(&[]);
        world.position.pause(false, world.now);
        world.until("wed 09:00").noted(&["wed 09:00: tick of wed 09:00"]);
    }
}

#[test]
fn a_schedule_that_is_edited_takes_effect_at_once() {
    let edit = |world: &mut World, schedule: Schedule, written: &str| {
        world.schedule = schedule;
        world.position.follow(written, world.now);
    };
    let mut world = World::new(daily(&["09:00"]), "mon 08:00");
    world.until("mon 12:00").ends(Outcome::Settled).noted(&["mon 09:00: tick of mon 09:00"]);
    // A time that is a minute ahead; one that has passed today comes tomorrow.
    edit(&mut world, daily(&["08:00", "12:01"]), "at 08:00, 12:01");
    world.until("mon 12:01").noted(&["mon 12:01: tick of mon 12:01"]).ends(Outcome::Settled);
    // The same text once more changes nothing, an interval begins with a run.
    edit(&mut world, daily(&["08:00", "12:01"]), "at 08:00, 12:01");
    world.clock_says("mon 12:01").noted(&[]);
    edit(&mut world, every(HOUR), "every 1h");
    world.clock_says("mon 12:30").noted(&["mon 12:30: tick of mon 12:01"]).ends(Outcome::Settled);
    world.until("mon 13:01").noted(&["mon 13:01: tick of mon 13:01"]);
    // What waited for its turn under the old schedule is forgotten.
    world.until("mon 14:30");
    edit(&mut world, daily(&["08:00"]), "at 08:00");
    world.ends(Outcome::Settled).until("tue 08:00").noted(&["tue 08:00: tick of tue 08:00"]);
}

#[test]
fn a_delay_is_within_its_bounds_and_not_always_the_same() {
    let mut world = World::new(schedule(Trigger::Every { seconds: 600, jitter: 120 }), "mon 00:00");
    let begin = world.now;
    let mut delays = Vec::new();
    for nth in 0..200 {
        world.now = world.wake().unwrap();
        assert_eq!(world.look().len(), 1, "at {}", world.now);
        world.ends(Outcome::Settled);
        delays.push(world.now - begin - nth * 600);
    }
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!((0..20).contains(least) && (100..=120).contains(most), "{delays:?}");
}
