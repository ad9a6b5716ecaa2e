//! The connections of a running daemon: where each stands, whether it is busy, and when to look at it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use rowbill_connector::Problem;

use super::finish::Finish;
use crate::config::{Connection, Project};
use crate::ledger::{Change, Ledger};
use crate::protocol::Time;
use crate::run::history;
use crate::schedule::{
    Around, Cause, Clock, Heard, Outcome, Position, Schedule, Seen, Step, Trigger, decide, ended, recover, wake,
};

/// One connection.
#[derive(Debug)]
pub struct Slot {
    /// Where it stands in its schedule.
    pub position: Position,
    /// What it is doing.
    pub busy: Busy,
    /// It is to be looked at again.
    pub look: bool,
    /// A person waits for it: no run of the schedule begins before theirs.
    wanted: bool,
    /// The runs of others that a person's run stands for.
    stands_for: BTreeMap<String, String>,
    /// When it began to run last: who has waited longest goes first.
    began: Time,
    wake: Option<Time>,
}

impl Slot {
    fn new(position: Position) -> Self {
        let stands_for = BTreeMap::new();
        Self { position, busy: Busy::Free, look: true, wanted: false, stands_for, began: 0, wake: None }
    }
}

/// What a connection is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// Nothing.
    Free,
    /// The schedule's run.
    Runs(String),
    /// It is kept for a person's order.
    Held,
}

/// What was decided about a connection.
pub struct Decided {
    /// What is to be written down before anything is done.
    pub changes: Vec<Change>,
    /// The run that begins then.
    pub start: Option<(String, Cause)>,
    /// Ticks that were passed over.
    pub skipped: u64,
    /// Why it does not run, if it was its turn.
    pub not_run: Vec<String>,
}

/// All connections.
pub struct Slots {
    project: Arc<Project>,
    all: BTreeMap<String, Slot>,
    known: Known,
}

/// The newest runs, as the history has them.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, Heard>);

impl Seen for Known {
    fn newest(&self, connection: &str) -> Option<&Heard> {
        self.0.get(connection)
    }
}

impl Slots {
    /// No connections yet.
    pub fn new(project: Arc<Project>) -> Self {
        Self { project, all: BTreeMap::new(), known: Known::default() }
    }

    /// Takes the connections of a project, with what the ledger knows of them. What has begun goes on.
    pub async fn take(
        &mut self,
        project: Arc<Project>,
        ledger: &dyn Ledger,
        now: Time,
    ) -> Result<Vec<Change>, Problem> {
        for name in project.connections.iter().flat_map(Connection::after) {
            if !self.known.0.contains_key(name)
                && let Some(heard) = history::newest_heard(ledger, name).await?
            {
                self.known.0.insert(name.clone(), heard);
            }
        }
        let mut stored: BTreeMap<String, Position> = BTreeMap::new();
        if project.connections.iter().any(|connection| !self.all.contains_key(&connection.name)) {
            let positions = ledger.positions().await?.into_iter();
            stored.extend(positions.map(|position| (position.connection.clone(), position)));
        }
        let is_start = self.all.is_empty();
        let mut changes = Vec::new();
        for connection in &project.connections {
            let before = self.all.get(&connection.name).map(|slot| slot.position.clone());
            let is_new = before.is_none();
            let before = before.or_else(|| stored.remove(&connection.name));
            let mut position = self.place(&project, connection, before.clone(), now);
            if is_new && !is_start {
                // It was not there for a while, and nobody missed it.
                position.decided = position.decided.max(now - 1);
            }
            if is_new {
                settle_open(&mut position, ledger, now).await?;
            }
            if before.as_ref() != Some(&position) {
                changes.push(Change::Position(position.clone()));
            }
            match self.all.get_mut(&connection.name) {
                Some(slot) => (slot.position, slot.look) = (position, true),
                None => drop(self.all.insert(connection.name.clone(), Slot::new(position))),
            }
        }
        // A connection whose file is gone begins nothing more; what runs comes to its end.
        self.all.retain(|name, slot| slot.busy != Busy::Free || project.connection(name).is_ok());
        self.project = project;
        Ok(changes)
    }

    /// The position under the schedule as it is written now. What ran before it was written is not waited for.
    fn place(&self, project: &Project, connection: &Connection, before: Option<Position>, now: Time) -> Position {
        let written = fingerprint(project, connection);
        let is_same = before.as_ref().is_some_and(|position| position.schedule == written);
        let mut position = before.unwrap_or_else(|| Position::begin(&connection.name, &written, now));
        position.follow(&written, now);
        if !is_same {
            self.takes_up(connection, &mut position);
        }
        position
    }

    fn takes_up(&self, connection: &Connection, position: &mut Position) {
        for name in connection.after() {
            if let Some(heard) = self.known.newest(name) {
                position.after.insert(name.clone(), heard.run.clone());
            }
        }
    }

    /// The names of all connections.
    pub fn names(&self) -> Vec<String> {
        self.all.keys().cloned().collect()
    }

    /// One of them.
    pub fn get(&mut self, name: &str) -> Option<&mut Slot> {
        self.all.get_mut(name)
    }

    /// Whether one could run; one that is not taken yet cannot.
    pub fn is_free(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|slot| slot.busy == Busy::Free)
    }

    /// Whether there is such a connection.
    pub fn is_known(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    /// These are waited for by persons, and no others.
    pub fn want(&mut self, names: &BTreeSet<String>) {
        for (name, slot) in &mut self.all {
            let wanted = names.contains(name);
            slot.look |= slot.wanted && !wanted;
            slot.wanted = wanted;
        }
    }

    /// The names of those that are busy.
    pub fn busy(&self) -> Vec<String> {
        let busy = self.all.iter().filter(|(_, slot)| slot.busy != Busy::Free);
        busy.map(|(name, _)| name.clone()).collect()
    }

    /// Those that are to be looked at now; who has not run for the longest time comes first.
    pub fn due(&self, now: Time) -> Vec<String> {
        let is_due = |slot: &Slot| slot.look || slot.wake.is_some_and(|at| at <= now);
        let mut due: Vec<(Time, &String)> =
            self.all.iter().filter(|(_, slot)| is_due(slot)).map(|(name, slot)| (slot.began, name)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// When the next one is to be looked at.
    pub fn next(&self) -> Option<Time> {
        self.all.values().filter_map(|slot| slot.wake).min()
    }

    /// All are to be looked at again: the clock was changed.
    pub fn look_at_all(&mut self) {
        self.all.values_mut().for_each(|slot| slot.look = true);
    }

    /// Decides about one. `full`: as many run as can at once.
    pub fn decide(&mut self, name: &str, now: Time, full: bool) -> Option<Decided> {
        let project = Arc::clone(&self.project);
        let schedule = project.connection(name).ok().and_then(|connection| connection.schedule.as_ref());
        let slot = self.all.get_mut(name)?;
        slot.look = false;
        let Some(schedule) = schedule else {
            slot.wake = None;
            return None;
        };
        let busy = full || slot.wanted || slot.busy != Busy::Free;
        let before = slot.position.clone();
        let clock = clock(&project, schedule, &before);
        let steps = decide(&clock, &mut slot.position, &Around { now, busy, before: &self.known });
        let mut decided = Decided { changes: Vec::new(), start: None, skipped: 0, not_run: Vec::new() };
        for step in steps {
            match step {
                Step::Skipped(skips) => {
                    decided.skipped += skips.count;
                    decided.changes.push(Change::Run(history::skipped(name, skips, now)));
                }
                Step::NotRun { because_of, why } => {
                    let record = history::not_run(name, &because_of, &why, now);
                    self.known.0.extend(history::heard(&record).map(|heard| (name.to_owned(), heard)));
                    decided.changes.push(Change::Run(record));
                    decided.not_run.push(why);
                }
                Step::Start(cause) => {
                    let run = history::next_id();
                    slot.position.open = Some(run.clone());
                    slot.busy = Busy::Runs(run.clone());
                    slot.began = now;
                    decided.start = Some((run, cause));
                }
            }
        }
        let busy = slot.wanted || slot.busy != Busy::Free;
        slot.wake = wake(&self::clock(&project, schedule, &slot.position), &slot.position, full || busy);
        if !decided.not_run.is_empty() {
            self.look_after(name);
        }
        let position = &self.all.get(name)?.position;
        if *position != before {
            decided.changes.push(Change::Position(position.clone()));
        }
        Some(decided)
    }

    /// A person's run of all rows begins. Where there is a schedule it is made up for if it is interrupted.
    pub fn begins(&mut self, name: &str, run: &str) -> Option<Change> {
        let connection = self.project.connection(name).ok().filter(|connection| connection.schedule.is_some())?;
        let slot = self.all.get_mut(name)?;
        let newest = |before: &str| self.known.newest(before).map(|heard| heard.run.clone());
        slot.stands_for = slot.position.stands_for(connection.after(), newest);
        slot.position.open = Some(run.to_owned());
        Some(Change::Position(slot.position.clone()))
    }

    /// A person puts it on hold, or takes it up again: what ran before it meanwhile is not waited for.
    pub fn pause(&mut self, name: &str, paused: bool, now: Time) -> Option<Change> {
        let project = Arc::clone(&self.project);
        let mut position = self.all.get(name)?.position.clone();
        position.pause(paused, now);
        self.takes_up(project.connection(name).ok()?, &mut position);
        let slot = self.all.get_mut(name)?;
        (slot.position, slot.look) = (position, true);
        Some(Change::Position(slot.position.clone()))
    }

    /// A run has ended. Its position says what is left to do.
    pub fn ended(&mut self, name: &str, run: &str, finish: &Finish, now: Time, stopping: bool) -> Option<Change> {
        if let Some(heard) = &finish.heard {
            self.known.0.insert(name.to_owned(), heard.clone());
        }
        self.look_after(name);
        let slot = self.all.get_mut(name)?;
        slot.look = true;
        if slot.busy == Busy::Runs(run.to_owned()) {
            slot.busy = Busy::Free;
        }
        let before = slot.position.clone();
        if slot.position.open.as_deref() == Some(run) {
            let stands_for = std::mem::take(&mut slot.stands_for);
            match finish.outcome {
                // It stays open: the next start makes up for it.
                Outcome::Interrupted if stopping => {}
                // It fell over, or could not be kept: later.
                Outcome::Interrupted => ended(&mut slot.position, run, Outcome::OutOfReach, now),
                outcome => {
                    slot.position.after.extend(stands_for);
                    ended(&mut slot.position, run, outcome, now);
                }
            }
        }
        let change = (slot.position != before).then(|| Change::Position(slot.position.clone()));
        if slot.busy == Busy::Free && self.project.connection(name).is_err() {
            self.all.remove(name);
        }
        change
    }

    /// Those that run after it are to be looked at.
    fn look_after(&mut self, name: &str) {
        for connection in &self.project.connections {
            if connection.after().iter().any(|before| before == name)
                && let Some(slot) = self.all.get_mut(&connection.name)
            {
                slot.look = true;
            }
        }
    }
}

/// A schedule's run that was open when the daemon ended: it came to its end all the same, or is made up for.
async fn settle_open(position: &mut Position, ledger: &dyn Ledger, now: Time) -> Result<(), Problem> {
    let Some(run) = position.open.clone() else { return Ok(()) };
    let record = history::run_by_id(ledger, &run).await?;
    match record.as_ref().map(Finish::of).filter(|finish| finish.outcome != Outcome::Interrupted) {
        Some(finish) => ended(position, &run, finish.outcome, now),
        None => recover(position, now),
    }
    Ok(())
}

fn clock<'a>(project: &'a Project, schedule: &'a Schedule, position: &'a Position) -> Clock<'a> {
    Clock { schedule, zone: &project.settings.zone, name: &position.connection, since: position.since }
}

/// A schedule as it is written, and the zone if it has clock times: a position belongs to both.
fn fingerprint(project: &Project, connection: &Connection) -> String {
    let Some(schedule) = &connection.schedule else { return String::new() };
    let has_times = matches!(schedule.trigger, Trigger::At { .. } | Trigger::Cron(_));
    let zone: Option<&TimeZone> = schedule.zone.as_ref().or(Some(&project.settings.zone)).filter(|_| has_times);
    match zone.and_then(TimeZone::iana_name) {
        Some(zone) if !schedule.written.ends_with(zone) => format!("{} {zone}", schedule.written),
        _ => schedule.written.clone(),
    }
}

/// When a connection is due next, out of what is stored; for people.
pub fn next_at(project: &Project, connection: &Connection, position: Option<&Position>) -> Option<Time> {
    let (schedule, position) = (connection.schedule.as_ref()?, position?);
    if position.schedule != fingerprint(project, connection) {
        return None;
    }
    wake(&clock(project, schedule, position), position, false)
}
