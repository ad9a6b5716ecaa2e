//! Tells people when the state of a connection changes: once per change, all changes of a moment in one message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowbill_connector::notice::{Channel, Notice, Pinger, Signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::finish::Finish;
use super::mail::{Mail, Post};
use super::story;
use super::world::World;
use crate::config::watch::Notify;
use crate::connectors;

/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_secs(3);
/// Pauses between the tries of one message; the last one is repeated for as long as there is something to tell.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(15), Duration::from_mins(1), Duration::from_mins(5)];
/// So much waits at most; what comes on top is told by the next change.
const QUEUE: usize = 1024;
/// So many pings are under way at once; the others wait.
const PINGS: usize = 8;
/// The channels, each with a task of its own: a server that does not answer holds up no other.
const CHANNELS: [&str; 2] = ["webhook", "email"];

/// The way to the tasks that tell.
pub struct Teller {
    channels: Vec<mpsc::Sender<Change>>,
    pings: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    world: Arc<World>,
    pinger: Mutex<Option<(Notify, Arc<dyn Pinger>)>>,
}

/// The state of a connection, as it is now.
#[derive(Clone)]
struct Change {
    name: String,
    /// What people were told last.
    told: Option<String>,
    /// What is wrong with it.
    trouble: Option<String>,
    line: String,
}

impl Teller {
    /// Starts the tasks; they end with the session.
    pub fn start(world: &Arc<World>, post: &Post) -> Self {
        let outbox = |channel: &'static str| {
            let (changes, queue) = mpsc::channel(QUEUE);
            let (world, post) = (Arc::clone(world), post.clone());
            let outbox = Outbox { channel, world, post, sent: BTreeMap::new(), waiting: BTreeMap::new(), failed: 0 };
            tokio::spawn(outbox.work(queue));
            changes
        };
        Self {
            channels: CHANNELS.into_iter().map(outbox).collect(),
            pings: Arc::new(Semaphore::new(PINGS)),
            waiting: Arc::new(Semaphore::new(QUEUE)),
            world: Arc::clone(world),
            pinger: Mutex::default(),
        }
    }

    /// A connection's run has ended.
    pub fn connection(&self, name: &str, told: Option<String>, finish: &Finish) {
        let line = match (&finish.trouble, &finish.stopped_by) {
            (None, _) => format!("{name}: all is well again; {}", finish.tally.equation()),
            (Some(code), Some(problem)) => format!("{name}: {code}: {}", story::safe(problem)),
            (Some(_), None) => format!("{name}: {} {}", finish.tally.equation(), codes(finish)),
        };
        let change = Change { name: name.to_owned(), told, trouble: finish.trouble.clone(), line };
        for channel in &self.channels {
            // A queue that is full is behind a server that does not answer; what is true is told by the next change.
            let _ = channel.try_send(change.clone());
        }
    }

    /// A run begins.
    pub fn ping_start(&self, name: &str, run: &str) {
        self.ping(name, run, Signal::Start, String::new());
    }

    /// A run has ended.
    pub fn ping_end(&self, name: &str, run: &str, finish: &Finish) {
        let signal = if finish.trouble.is_some() { Signal::Fail } else { Signal::Success };
        let codes = finish.stopped_by.as_ref().map_or_else(|| codes(finish), |problem| format!("({})", problem.code));
        self.ping(name, run, signal, format!("{} {codes}", finish.tally.equation()));
    }

    fn ping(&self, name: &str, run: &str, signal: Signal, body: String) {
        let Some(pinger) = self.pinger() else { return };
        let Ok(number) = run.parse::<ulid::Ulid>() else { return };
        // Who is not served in time is not waited for: the next run pings again.
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            self.world.metrics.notified("healthchecks", false);
            return;
        };
        let (name, world, pings) = (name.to_owned(), Arc::clone(&self.world), Arc::clone(&self.pings));
        tokio::spawn(async move {
            let (_place, _turn) = (place, pings.acquire().await);
            let taken = pinger.ping(&name, number.0, signal, body.trim()).await;
            world.metrics.notified("healthchecks", taken.is_ok());
            if let Err(problem) = taken {
                story::notified("healthchecks", Err(&problem));
            }
        });
    }

    /// Made once for as long as the settings stay the same.
    fn pinger(&self) -> Option<Arc<dyn Pinger>> {
        let notify = self.world.project().settings.notify.clone();
        notify.healthchecks.as_ref()?;
        let mut made = self.pinger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pinger)) = made.as_ref().filter(|(known, _)| *known == notify) {
            return Some(Arc::clone(pinger));
        }
        let pinger: Arc<dyn Pinger> = Arc::from(ways(&notify)?.1?);
        *made = Some((notify, Arc::clone(&pinger)));
        Some(pinger)
    }
}

/// The channels as the settings name them; what is wrong with them is in the log.
fn ways(notify: &Notify) -> Option<connectors::Ways> {
    let ways = connectors::notify(notify);
    for problem in ways.as_ref().err().into_iter().flatten() {
        story::notified("settings", Err(problem));
    }
    ways.ok()
}

/// Tells people at once of something that concerns the whole daemon.
pub async fn announce(world: &Arc<World>, notice: &Notice) {
    let Some((channels, _)) = ways(&world.project().settings.notify) else { return };
    let tries = channels.iter().map(|channel| async {
        for pause in PAUSES {
            if tell(world, channel.as_ref(), notice).await || world.stop.asked() {
                return;
            }
            world.stop.sleep(pause).await;
        }
    });
    futures::future::join_all(tries).await;
}

/// One try; whether it was taken.
async fn tell(world: &World, channel: &dyn Channel, notice: &Notice) -> bool {
    let told = channel.tell(notice).await;
    world.metrics.notified(channel.name(), told.is_ok());
    story::notified(channel.name(), told.as_ref().copied());
    told.is_ok()
}

/// What waits to be told on one channel. What has changed back meanwhile is not told, and never an old state after a
/// newer one.
struct Outbox {
    channel: &'static str,
    world: Arc<World>,
    post: Post,
    /// What was told by this process: the ledger may not know it yet.
    sent: BTreeMap<String, Option<String>>,
    waiting: BTreeMap<String, Change>,
    /// Tries in a row that were not taken.
    failed: usize,
}

impl Outbox {
    async fn work(mut self, mut queue: mpsc::Receiver<Change>) {
        let mut deadline: Option<Instant> = None;
        loop {
            let until = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                change = queue.recv() => match change {
                    Some(change) => self.take(change),
                    None => return,
                },
                () = tokio::time::sleep_until(until), if deadline.is_some() => {
                    deadline = None;
                    self.tell().await;
                }
            }
            let pause = if self.failed == 0 { TOGETHER } else { PAUSES[self.failed.min(PAUSES.len()) - 1] };
            deadline = if self.waiting.is_empty() { None } else { deadline.or_else(|| Some(Instant::now() + pause)) };
        }
    }

    fn take(&mut self, change: Change) {
        if *self.sent.get(&change.name).unwrap_or(&change.told) == change.trouble {
            self.waiting.remove(&change.name);
        } else {
            self.waiting.insert(change.name.clone(), change);
        }
    }

    async fn tell(&mut self) {
        let ways = ways(&self.world.project().settings.notify);
        let channels = ways.map(|(channels, _)| channels).unwrap_or_default();
        let Some(channel) = channels.iter().find(|channel| channel.name() == self.channel) else {
            self.waiting.clear();
            return;
        };
        if !tell(&self.world, channel.as_ref(), &notice(&self.waiting)).await {
            self.failed += 1;
            return;
        }
        self.failed = 0;
        let told: BTreeMap<String, Option<String>> =
            std::mem::take(&mut self.waiting).into_values().map(|change| (change.name, change.trouble)).collect();
        self.sent.extend(told.clone());
        self.post.send(Mail::Told(told)).await;
    }
}

fn notice(changes: &BTreeMap<String, Change>) -> Notice {
    let bad: Vec<&str> =
        changes.values().filter(|change| change.trouble.is_some()).map(|change| change.name.as_str()).collect();
    let title = match (&bad[..], changes.len()) {
        ([], 1) => format!("rowbill: {} is well again", changes.keys().next().map_or("", String::as_str)),
        ([], count) => format!("rowbill: {count} connections are well again"),
        ([name], _) => format!("rowbill: {name} needs you"),
        (names, _) => format!("rowbill: {} connections need you", names.len()),
    };
    let mut lines: Vec<String> = changes.values().map(|change| change.line.clone()).collect();
    let has_rows = |change: &Change| matches!(change.trouble.as_deref(), Some("ok_with_failures" | "needs_person"));
    if changes.values().any(has_rows) {
        lines.push("see `rowbill status` and `rowbill rows NAME --failed`".to_owned());
    }
    Notice { title, lines, trouble: !bad.is_empty() }
}

fn codes(finish: &Finish) -> String {
    if finish.codes.is_empty() { String::new() } else { format!("({})", finish.codes.join(", ")) }
}
