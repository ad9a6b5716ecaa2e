//! Tells people when the state of a connection changes: once per change, all changes of a moment in one message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowbill_connector::Problem;
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
/// Pauses between the tries of one message.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(15), Duration::from_mins(1), Duration::from_mins(5)];
/// So much waits at most; what comes on top is told by the next change.
const QUEUE: usize = 1024;
/// So many pings are under way at once; the others wait.
const PINGS: usize = 8;

/// The way to the task that tells.
pub struct Teller {
    changes: mpsc::Sender<Change>,
    pings: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    world: Arc<World>,
    pinger: Mutex<Option<(Notify, Arc<dyn Pinger>)>>,
}

/// The state of something, as it is now.
struct Change {
    /// A connection, or a part of the daemon.
    name: String,
    /// What people were told last.
    told: Option<String>,
    /// What is wrong with it.
    trouble: Option<String>,
    line: String,
}

impl Teller {
    /// Starts the task; it ends with the daemon.
    pub fn start(world: &Arc<World>, post: &Post) -> Self {
        let (changes, queue) = mpsc::channel(QUEUE);
        let task = Task { world: Arc::clone(world), post: post.clone(), sent: Arc::default() };
        tokio::spawn(task.work(queue));
        Self {
            changes,
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
        let _ = self.changes.try_send(Change { name: name.to_owned(), told, trouble: finish.trouble.clone(), line });
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
    deliver(world, &world.project().settings.notify.clone(), notice).await;
}

struct Task {
    world: Arc<World>,
    post: Post,
    /// What is being told, or was told, by this process: the ledger may not know it yet.
    sent: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

impl Task {
    async fn work(self, mut queue: mpsc::Receiver<Change>) {
        let mut waiting: BTreeMap<String, Change> = BTreeMap::new();
        let mut deadline = None;
        loop {
            let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                change = queue.recv() => match change {
                    Some(change) => self.take(&mut waiting, change),
                    None => return,
                },
                () = tokio::time::sleep_until(until), if deadline.is_some() => {
                    self.tell(std::mem::take(&mut waiting));
                }
            }
            deadline = if waiting.is_empty() { None } else { deadline.or_else(|| Some(Instant::now() + TOGETHER)) };
        }
    }

    /// What has changed back before it was told is not told.
    fn take(&self, waiting: &mut BTreeMap<String, Change>, change: Change) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if *sent.get(&change.name).unwrap_or(&change.told) == change.trouble {
            waiting.remove(&change.name);
        } else {
            waiting.insert(change.name.clone(), change);
        }
    }

    fn tell(&self, changes: BTreeMap<String, Change>) {
        let notify = self.world.project().settings.notify.clone();
        if notify.webhook.is_none() && notify.email.is_none() {
            return;
        }
        let notice = notice(&changes);
        let told: BTreeMap<String, Option<String>> =
            changes.into_values().map(|change| (change.name, change.trouble)).collect();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).extend(told.clone());
        let (world, post, sent) = (Arc::clone(&self.world), self.post.clone(), Arc::clone(&self.sent));
        // In a task of its own: a server that does not answer holds up no other change.
        tokio::spawn(async move {
            if deliver(&world, &notify, &notice).await {
                post.send(Mail::Told(told)).await;
                return;
            }
            // Nobody has taken it: the next end of a run with the same trouble tells it again.
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.retain(|name, trouble| told.get(name) != Some(trouble));
        });
    }
}

/// Whether one channel at least has taken it.
async fn deliver(world: &Arc<World>, notify: &Notify, notice: &Notice) -> bool {
    let Some((channels, _)) = ways(notify) else { return false };
    let tries = channels.iter().map(|channel| patiently(world, channel.as_ref(), notice));
    futures::future::join_all(tries).await.into_iter().any(|taken| taken)
}

async fn patiently(world: &Arc<World>, channel: &dyn Channel, notice: &Notice) -> bool {
    let mut pauses = PAUSES.iter();
    loop {
        let told: Result<(), Problem> = channel.tell(notice).await;
        world.metrics.notified(channel.name(), told.is_ok());
        story::notified(channel.name(), told.as_ref().copied());
        match (told, pauses.next()) {
            (Ok(()), _) => return true,
            (Err(_), None) => return false,
            (Err(_), Some(pause)) => world.stop.sleep(*pause).await,
        }
        if world.stop.asked() {
            return false;
        }
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
