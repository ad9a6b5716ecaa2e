//! Whatever happens, each tick of the clock begins a run, waits for one, or is counted as skipped; none begins two.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::{World, cron, daily, every, schedule};
use super::{HOUR, MINUTE};
use crate::protocol::Time;
use crate::schedule::{Cause, Clock, Outcome, Schedule, Step, Trigger};

const SEEDS: u64 = 200;
const EVENTS: usize = 150;
const MINUTES: Time = 60;
const HOURS: Time = 60 * MINUTES;

/// What must come out, kept by simple means.
struct Account {
    /// The latest instant up to which ticks have passed.
    high: Time,
    /// From when an interval is counted.
    since: Time,
    passed: u64,
    started: u64,
    skipped: u64,
    /// The last tick that began a run; an interval's may come again after the clock went back.
    last: Option<Time>,
    is_interval: bool,
}

impl Account {
    fn new(world: &World) -> Self {
        let high = world.now - 1;
        let is_interval = matches!(world.schedule.trigger, Trigger::Every { .. });
        Self { high, since: world.position.since, passed: 0, started: 0, skipped: 0, last: None, is_interval }
    }

    /// Looks once, and takes down what came.
    fn look(&mut self, world: &mut World) {
        let steps = world.look();
        if world.position.since != self.since {
            // The clock went back: an interval is counted from now on.
            assert!(self.is_interval && world.now <= self.high && world.position.since == world.now);
            (self.since, self.high) = (world.now, world.now);
        }
        let clock = Clock { schedule: &world.schedule, zone: &world.zone, name: "invoices", since: self.since };
        let ticks = std::iter::successors(clock.next(self.high), |tick| clock.next(*tick));
        self.passed += u64::try_from(ticks.take_while(|tick| *tick <= world.now).count()).unwrap();
        self.high = self.high.max(world.now);
        self.take(&steps);
        let waiting =
            world.position.skipped.map_or(0, |skips| skips.count) + u64::from(world.position.queued.is_some());
        assert_eq!(self.started + self.skipped + waiting, self.passed, "ticks got lost, or came from nowhere");
    }

    fn take(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Start(Cause::Tick(tick)) => {
                    assert!(self.last.is_none_or(|last| last < *tick), "{tick} comes after {:?}", self.last);
                    self.last = Some(*tick).filter(|_| !self.is_interval);
                    self.started += 1;
                }
                Step::Skipped(skips) => {
                    assert!(skips.count > 0 && skips.first <= skips.last, "{skips:?}");
                    self.skipped += skips.count;
                }
                Step::Start(Cause::Retry(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn any_schedule(random: &mut StdRng) -> Schedule {
    let schedule = match random.random_range(0..8) {
        0 => every(7 * MINUTE),
        1 => every(36 * HOUR),
        2 => schedule(Trigger::Every { seconds: 15 * MINUTE, jitter: 10 * MINUTE }),
        3 => daily(&["09:00"]),
        4 => daily(&["00:00", "02:30", "03:30", "23:30"]),
        5 => cron("*/20 8-18 * * mon-fri"),
        6 => cron("15,45 0-3 * * *"),
        _ => cron("30 * * * *"),
    };
    Schedule { catch_up: random.random(), ..schedule }
}

fn any_event(random: &mut StdRng, world: &mut World) {
    match random.random_range(0..20) {
        // Nothing but the time that passes: to the next instant of interest, most often.
        0..8 => world.now = world.wake().map_or(world.now, |next| next.max(world.now)),
        8..11 => world.now += random.random_range(0..10 * MINUTES),
        11 => world.now += random.random_range(0..6 * HOURS),
        12 => world.now -= random.random_range(0..HOURS),
        13 => {
            // The machine is down; an hour and again years of them come elsewhere.
            world.now += random.random_range(0..60 * HOURS);
            world.running = None;
            crate::schedule::recover(&mut world.position, world.now);
        }
        _ => {
            let outcomes = [Outcome::Settled, Outcome::Waits, Outcome::OutOfReach, Outcome::Interrupted];
            // Most runs are settled.
            let outcome = outcomes[random.random_range(0..8_usize).saturating_sub(4)];
            if let Some(run) = world.running.take() {
                crate::schedule::ended(&mut world.position, &run, outcome, world.now);
            }
        }
    }
}

/// An idle connection wakes up in time, whatever the clock did before.
fn wakes_in_time(world: &World, account: &Account) {
    let wake = world.wake().expect("it never wakes up");
    let most = match world.schedule.trigger {
        Trigger::Every { seconds, jitter } => world.now + Time::try_from(seconds + jitter).unwrap(),
        // Over a week-end; after a clock was set back, as late as it was before.
        _ => account.high + 63 * HOURS,
    };
    assert!(world.now < wake && wake <= most, "it wakes up at {wake}, now is {}", world.now);
}

fn play(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let schedule = any_schedule(&mut random);
    // Some week of 2025, whose clocks are changed in spring and in autumn.
    let begin = 1_735_689_600 + random.random_range(0..365 * 24 * HOURS);
    let mut world = World::starting(schedule, begin);
    let zones = ["UTC", "Europe/Kyiv", "America/Santiago", "Australia/Lord_Howe"];
    world.zone = jiff::tz::TimeZone::get(zones[random.random_range(0..zones.len())]).unwrap();
    let mut account = Account::new(&world);
    for _ in 0..EVENTS {
        any_event(&mut random, &mut world);
        account.look(&mut world);
        wakes_in_time(&world, &account);
    }
}

#[test]
fn no_tick_is_lost_and_none_begins_two_runs() {
    for seed in 0..SEEDS {
        if let Err(reason) = std::panic::catch_unwind(|| play(seed)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(reason);
        }
    }
}
