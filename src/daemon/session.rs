//! The one task that decides: which connection runs now, and what each end leads to.
//!
//! It lives as long as the ledger can be written. Everything it decides is in the ledger before it is done, so that it
//! can be killed at any instant; what it holds in memory can be made again out of the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rowbill_connector::Problem;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::finish::Finish;
use super::launch::Launcher;
use super::mail::{Hold, Mail, Post, is_fatal, stopping};
use super::slots::{Busy, Decided, Slots};
use super::story;
use super::telling::Teller;
use super::world::World;
use crate::config::Project;
use crate::ledger::{Change, Ledger};
use crate::protocol::Time;
use crate::run::{Origin, history};
use crate::schedule::Outcome;

/// So many connections run at once.
const MOST: usize = 32;
/// How often it looks at the clock and says that it is alive.
const BEAT: Duration = Duration::from_secs(5);
/// How long what is under way may take to finish after a stop.
const PATIENCE: Duration = Duration::from_secs(25);
/// The clock was changed when it differs by so many seconds from what has passed.
const JUMP: Time = 3;

/// A time with an open ledger.
pub struct Session {
    world: Arc<World>,
    launcher: Arc<Launcher>,
    ledger: Arc<dyn Ledger>,
    slots: Slots,
    post: Post,
    mail: mpsc::Receiver<Mail>,
    teller: Teller,
    runs: JoinSet<Result<(), Vec<Problem>>>,
    names: HashMap<Id, (String, String)>,
    waiting: Vec<Waiting>,
    /// What is to be written down before anything else is done.
    changes: Vec<Change>,
    stopping: bool,
}

/// What becomes of a task that runs a connection.
type Joined = Result<(Id, Result<(), Vec<Problem>>), JoinError>;
/// Somebody who waits for connections to be free.
type Waiting = (Vec<String>, oneshot::Sender<Result<Hold, Problem>>);

impl Session {
    /// Takes up where the ledger says that things stand.
    pub async fn open(
        world: &Arc<World>,
        ledger: Arc<dyn Ledger>,
        mail: (Post, mpsc::Receiver<Mail>),
    ) -> Result<Self, Problem> {
        let (post, mail) = mail;
        let launcher = Arc::new(Launcher::new(Arc::clone(world), Arc::clone(&ledger)));
        let project = world.project();
        let mut session = Self {
            world: Arc::clone(world),
            launcher,
            slots: Slots::new(Arc::clone(&project)),
            teller: Teller::start(world, &post),
            post,
            mail,
            ledger,
            runs: JoinSet::new(),
            names: HashMap::new(),
            waiting: Vec::new(),
            changes: Vec::new(),
            stopping: false,
        };
        history::go_on(&*session.ledger).await?;
        session.take_project(project).await?;
        Ok(session)
    }

    /// What runs connections.
    pub fn launcher(&self) -> Arc<Launcher> {
        Arc::clone(&self.launcher)
    }

    /// Decides until the daemon is to stop. An error is the ledger's: nothing can be written down any more.
    pub async fn run(mut self) -> Result<(), Problem> {
        let mut clock = Watch::new(self.now());
        let mut deadline = None;
        loop {
            self.world.beat.store(self.now(), Ordering::Relaxed);
            if let Some(changed) = clock.changed(self.now()) {
                story::clock_changed(changed);
                self.slots.look_at_all();
            }
            if self.world.stop.asked() && !self.stopping {
                story::stopping(&self.slots.busy());
                super::systemd::stopping();
                self.stopping = true;
                deadline = Some(Instant::now() + PATIENCE);
                self.waiting.drain(..).for_each(|(_, answer)| drop(answer.send(Err(stopping()))));
            }
            self.grant();
            self.decide().await?;
            if self.stopping && (self.slots.busy().is_empty() || deadline.is_some_and(|at| Instant::now() >= at)) {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    fn now(&self) -> Time {
        self.world.clock.now()
    }

    /// Waits for whatever comes first: an end, a question, an instant of the schedule, a stop.
    async fn wait(&mut self) -> Result<(), Problem> {
        let until = self.slots.next().map_or(BEAT, |at| self.world.clock.until(at).min(BEAT));
        let until = if self.stopping { Duration::from_millis(100) } else { until };
        tokio::select! {
            Some(ended) = self.runs.join_next_with_id(), if !self.runs.is_empty() => {
                self.ended(ended).await?;
                // What has ended meanwhile is written down together.
                while let Some(ended) = self.runs.try_join_next_with_id() {
                    self.ended(ended).await?;
                }
            }
            Some(mail) = self.mail.recv() => self.answer(mail).await?,
            () = self.world.stop.wait(), if !self.stopping => {}
            () = tokio::time::sleep(until) => {}
        }
        Ok(())
    }

    /// Decides about every connection that it is time for. All of it is one commit, with the ends of runs before it;
    /// then the runs begin.
    async fn decide(&mut self) -> Result<(), Problem> {
        let now = self.now();
        let mut starts = Vec::new();
        while !self.stopping {
            // One that does not run is news for those after it.
            let due = self.slots.due(now);
            if due.is_empty() {
                break;
            }
            for name in due {
                let is_full = self.runs.len() + starts.len() >= MOST;
                let Some(decided) = self.slots.decide(&name, now, is_full) else { continue };
                self.tell(&name, &decided);
                self.changes.extend(decided.changes);
                if let Some((run, cause)) = decided.start {
                    let origin = story::origin(&cause, now);
                    self.changes.push(Change::Run(history::begun(&run, &name, &origin, now)));
                    starts.push((name, run, origin));
                }
            }
        }
        self.ledger.commit(std::mem::take(&mut self.changes)).await?;
        for (name, run, origin) in starts {
            story::begins(&name, &run, &origin);
            self.teller.ping_start(&name, &run);
            if let Some(late) = origin.late_seconds {
                self.world.metrics.late(&name, late);
            }
            let launcher = Arc::clone(&self.launcher);
            let task = (name.clone(), run.clone());
            let handle = self.runs.spawn(async move { launcher.scheduled(&task.0, &task.1, origin).await });
            self.names.insert(handle.id(), (name, run));
        }
        self.world.metrics.running(self.runs.len());
        Ok(())
    }

    fn tell(&self, name: &str, decided: &Decided) {
        if decided.skipped > 0 {
            story::skipped(name, decided.skipped);
            self.world.metrics.skipped(name, decided.skipped);
        }
        for why in &decided.not_run {
            story::not_run(name, why);
            self.world.metrics.not_run(name);
        }
    }

    /// A run has ended. After a panic its connection goes on like after a crash.
    async fn ended(&mut self, ended: Joined) -> Result<(), Problem> {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => (error.id(), None),
        };
        let Some((name, run)) = self.names.remove(&id) else { return Ok(()) };
        match outcome {
            Some(Ok(())) => {}
            Some(Err(problems)) => {
                if let Some(problem) = problems.into_iter().find(is_fatal) {
                    return Err(problem);
                }
            }
            None => self.launcher.panicked(&name, &run).await?,
        }
        if self.runs.len() + 1 >= MOST {
            self.slots.look_at_all();
        }
        self.finish(&name, &run).await
    }

    async fn finish(&mut self, name: &str, run: &str) -> Result<(), Problem> {
        let Some(record) = history::run_by_id(&*self.ledger, run).await? else { return Ok(()) };
        let (finish, now) = (Finish::of(&record), self.now());
        self.changes.extend(self.slots.ended(name, run, &finish, now, self.stopping));
        story::ended(name, run, &finish);
        self.launcher.measured(name, &finish, now);
        if !self.stopping
            && let Some(slot) = self.slots.get(name)
            && let Some(retry) = &slot.position.retry
        {
            story::retries(name, retry.at - now);
        }
        // What was interrupted, or saw some of the rows only, says nothing about how the connection is.
        if finish.is_part || finish.outcome == Outcome::Interrupted {
            return Ok(());
        }
        if let Some(slot) = self.slots.get(name) {
            self.teller.connection(name, slot.position.told.clone(), &finish);
        }
        self.teller.ping_end(name, run, &finish);
        Ok(())
    }

    async fn answer(&mut self, mail: Mail) -> Result<(), Problem> {
        match mail {
            Mail::Hold(_, answer) if self.stopping => drop(answer.send(Err(stopping()))),
            Mail::Hold(names, answer) => self.waiting.push((names, answer)),
            Mail::Release(names) => {
                for name in names {
                    if let Some(slot) = self.slots.get(&name).filter(|slot| slot.busy == Busy::Held) {
                        (slot.busy, slot.look) = (Busy::Free, true);
                    }
                }
            }
            Mail::Begins(begins, answer) => {
                let whole = !begins.is_part;
                let change = whole.then(|| self.slots.begins(&begins.connection, &begins.run)).flatten();
                story::begins(&begins.connection, &begins.run, &Origin::cli());
                if !begins.is_part {
                    self.teller.ping_start(&begins.connection, &begins.run);
                }
                let written = self.ledger.commit(change.into_iter().collect()).await;
                fatal(&written, answer)?;
            }
            Mail::Ended(name, run, answer) => {
                let finished = self.finish(&name, &run).await;
                fatal(&finished, answer)?;
            }
            Mail::Pause(name, paused, answer) => {
                let paused = self.pause(&name, paused).await;
                fatal(&paused, answer)?;
            }
            Mail::Project(project, answer) => {
                let taken = self.take_project(project).await;
                fatal(&taken, answer)?;
            }
            Mail::Busy(answer) => drop(answer.send(self.slots.busy())),
            Mail::Told(told) => self.told(told).await?,
            Mail::Broken(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Gives free connections to those who wait for them, who came first first; nobody else gets them before.
    fn grant(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (mut left, mut wanted) = (Vec::new(), BTreeSet::new());
        for (mut names, answer) in std::mem::take(&mut self.waiting) {
            if answer.is_closed() {
                continue;
            }
            if !names.iter().all(|name| self.slots.is_free(name) && !wanted.contains(name)) {
                wanted.extend(names.iter().cloned());
                left.push((names, answer));
                continue;
            }
            names.retain(|name| self.slots.get(name).map(|slot| slot.busy = Busy::Held).is_some());
            let _ = answer.send(Ok(Hold::new(&self.post, names)));
        }
        self.slots.want(&wanted);
        self.waiting = left;
    }

    async fn pause(&mut self, name: &str, paused: bool) -> Result<(), Problem> {
        let now = self.now();
        let change = self.slots.pause(name, paused, now);
        self.ledger.commit(change.into_iter().collect()).await?;
        story::paused(name, paused);
        self.world.metrics.paused(name, paused);
        Ok(())
    }

    async fn take_project(&mut self, project: Arc<Project>) -> Result<(), Problem> {
        let before = self.slots.names();
        let changes = self.slots.take(project, &*self.ledger, self.now()).await?;
        self.ledger.commit(changes).await?;
        let after = self.slots.names();
        // Who waits for a connection that is not there any more waits in vain.
        let is_known = |waiting: &Waiting| waiting.0.iter().all(|name| self.slots.is_known(name));
        let (known, unknown): (Vec<Waiting>, Vec<Waiting>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_known);
        self.waiting = known;
        for (names, answer) in unknown {
            let project = self.world.project();
            let problem = names.iter().find_map(|name| project.connection(name).err());
            let _ = answer.send(Err(problem.unwrap_or_else(stopping)));
        }
        for gone in before.iter().filter(|name| !after.contains(name)) {
            self.world.metrics.forget(gone);
        }
        for name in &after {
            let paused = self.slots.get(name).is_some_and(|slot| slot.position.paused);
            self.world.metrics.paused(name, paused);
        }
        Ok(())
    }

    async fn told(&mut self, told: BTreeMap<String, Option<String>>) -> Result<(), Problem> {
        let mut changes = Vec::new();
        for (name, trouble) in told {
            if let Some(slot) = self.slots.get(&name) {
                slot.position.told = trouble;
                changes.push(Change::Position(slot.position.clone()));
            }
        }
        self.ledger.commit(changes).await
    }
}

/// Answers; what the ledger cannot take ends the session as well.
fn fatal(outcome: &Result<(), Problem>, answer: oneshot::Sender<Result<(), Problem>>) -> Result<(), Problem> {
    let _ = answer.send(outcome.clone());
    match outcome {
        Err(problem) if is_fatal(problem) => Err(problem.clone()),
        _ => Ok(()),
    }
}

/// Tells a clock that was changed from one that went on.
struct Watch {
    at: Time,
    seen: Instant,
}

impl Watch {
    fn new(now: Time) -> Self {
        Self { at: now, seen: Instant::now() }
    }

    /// By how many seconds it was changed since the last look, if it was.
    fn changed(&mut self, now: Time) -> Option<Time> {
        let passed = Time::try_from(self.seen.elapsed().as_secs()).unwrap_or(0);
        let changed = now - self.at - passed;
        (self.at, self.seen) = (now, Instant::now());
        (changed.abs() >= JUMP).then_some(changed)
    }
}
