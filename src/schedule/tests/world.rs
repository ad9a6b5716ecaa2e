//! A connection that lives through a script: the clock moves, runs begin and end, and what happens is noted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::protocol::Time;
use crate::schedule::{
    Around, Cause, Clock, Days, Heard, Outcome, Position, Schedule, Seen, Skips, Step, Trigger, decide, ended,
    parse_cron, parse_time, recover, wake,
};

/// All scripts play in this week.
const MONDAY: Date = date(2025, 3, 3);
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The instant of `tue 09:00` or `tue 09:00:15`, UTC.
pub fn at(text: &str) -> Time {
    let (day, time) = text.split_once(' ').unwrap();
    let day = WEEK.iter().position(|name| *name == day).unwrap();
    let time: jiff::civil::Time = time.parse().unwrap();
    let date = MONDAY.saturating_add(jiff::Span::new().days(i64::try_from(day).unwrap()));
    date.to_datetime(time).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
}

/// `tue 09:00`, or with the date outside of the week.
pub fn told(at: Time) -> String {
    let at = Timestamp::from_second(at).unwrap().to_zoned(TimeZone::UTC);
    let day = usize::try_from((at.date() - MONDAY).get_days()).ok().and_then(|day| WEEK.get(day).copied());
    let day = day.map_or_else(|| at.date().to_string(), str::to_owned);
    let seconds = if at.second() == 0 { String::new() } else { format!(":{:02}", at.second()) };
    format!("{day} {:02}:{:02}{seconds}", at.hour(), at.minute())
}

pub fn schedule(trigger: Trigger) -> Schedule {
    Schedule { trigger, zone: None, catch_up: true, written: "as it is".to_owned() }
}

pub fn every(seconds: u64) -> Schedule {
    schedule(Trigger::Every { seconds, jitter: 0 })
}

pub fn daily(times: &[&str]) -> Schedule {
    let times = times.iter().map(|time| parse_time(time).unwrap()).collect();
    schedule(Trigger::At { times, days: Days::All })
}

pub fn cron(line: &str) -> Schedule {
    schedule(parse_cron(line).unwrap())
}

pub fn after(names: &[&str], succeeded: bool, within: Option<u64>) -> Schedule {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    schedule(Trigger::After { names, succeeded, within })
}

/// The newest runs of other connections.
#[derive(Debug, Default)]
pub struct Others(BTreeMap<String, Heard>);

impl Seen for Others {
    fn newest(&self, connection: &str) -> Option<&Heard> {
        self.0.get(connection)
    }
}

pub struct World {
    pub schedule: Schedule,
    pub zone: TimeZone,
    pub position: Position,
    pub now: Time,
    /// The run that is going on.
    pub running: Option<String>,
    others: Others,
    runs: u32,
    notes: Vec<String>,
}

impl World {
    /// Begins at this instant, without a look.
    pub fn new(schedule: Schedule, now: &str) -> Self {
        Self::starting(schedule, at(now))
    }

    pub fn starting(schedule: Schedule, now: Time) -> Self {
        let position = Position::begin("invoices", &schedule.written, now);
        let (others, notes) = (Others::default(), Vec::new());
        Self { schedule, zone: TimeZone::UTC, position, now, running: None, others, runs: 0, notes }
    }

    fn clock(&self) -> Clock<'_> {
        Clock { schedule: &self.schedule, zone: &self.zone, name: "invoices", since: self.position.since }
    }

    /// Decides, and begins what is to begin.
    pub fn look(&mut self) -> Vec<Step> {
        let mut position = self.position.clone();
        let around = Around { now: self.now, busy: self.running.is_some(), before: &self.others };
        let steps = decide(&self.clock(), &mut position, &around);
        // Stored, and read again.
        self.position = serde_json::from_str(&serde_json::to_string(&position).unwrap()).unwrap();
        for step in &steps {
            self.note(&describe(step));
            if let Step::Start(_) = step {
                assert_eq!(self.running, None, "{}: two runs at once", told(self.now));
                self.runs += 1;
                self.running = Some(format!("r{}", self.runs));
                self.position.open.clone_from(&self.running);
            }
        }
        steps
    }

    pub fn wake(&self) -> Option<Time> {
        wake(&self.clock(), &self.position, self.running.is_some())
    }

    /// Looks whenever there may be something, and at the end.
    pub fn until(&mut self, time: &str) -> &mut Self {
        let end = at(time);
        self.look();
        while let Some(next) = self.wake().filter(|next| *next < end) {
            assert!(next > self.now, "it wakes at {} again and again", told(self.now));
            self.now = next;
            self.look();
        }
        self.clock_says(time)
    }

    /// Looks at this instant, whatever passed meanwhile and wherever the clock was before.
    pub fn clock_says(&mut self, time: &str) -> &mut Self {
        self.now = at(time);
        self.look();
        self
    }

    /// The run ends.
    pub fn ends(&mut self, outcome: Outcome) -> &mut Self {
        let run = self.running.take().expect("nothing runs");
        ended(&mut self.position, &run, outcome, self.now);
        self.look();
        self
    }

    /// The machine breaks down, and is up again at this instant.
    pub fn breaks_down_until(&mut self, time: Time) {
        self.now = time;
        self.running = None;
        recover(&mut self.position, self.now);
        self.look();
    }

    /// Another connection has a new run, or has not run.
    pub fn hears(&mut self, connection: &str, run: &str, not_well: Option<&str>, ran: bool) -> &mut Self {
        let not_well = not_well.map(str::to_owned);
        let heard = Heard { run: run.to_owned(), finished: self.now, not_well, ran };
        self.others.0.insert(connection.to_owned(), heard);
        self.look();
        self
    }

    fn note(&mut self, what: &str) {
        self.notes.push(format!("{}: {what}", told(self.now)));
    }

    /// What has happened since the last time it was asked, in lines.
    #[track_caller]
    pub fn noted(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.notes), expected);
        self
    }
}

fn describe(step: &Step) -> String {
    match step {
        Step::Start(Cause::Tick(tick)) => format!("tick of {}", told(*tick)),
        Step::Start(Cause::After(runs)) => format!("after {runs:?}").replace('"', ""),
        Step::Start(Cause::Retry(run)) => format!("makes up for {run}"),
        Step::Skipped(Skips { count, first, last }) => format!("skipped {count}, {} to {}", told(*first), told(*last)),
        Step::NotRun { because_of, why } => format!("not run, {why} ({because_of})"),
    }
}
