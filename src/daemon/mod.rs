//! A process that runs for months: every connection when it is due.
//!
//! The flow: [`serve`] opens the ledger and the doors, and starts one [`session`], the task that decides. It asks
//! `schedule::decide` about each of its [`slots`], writes the answer down, and then has [`launch`] run the connection;
//! the end of a run comes back as a [`finish`]. Commands come in by the [`door`] and reach the session as [`mail`].
//! [`files`] takes up changed files, [`telling`] tells people, [`retention`] forgets old runs, and [`story`] has every
//! line of the log.

mod accounts;
mod door;
mod files;
mod finish;
mod launch;
mod mail;
mod payments;
mod reports;
mod retention;
mod session;
mod slots;
mod status;
mod story;
mod systemd;
mod telling;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rowbill_connector::Problem;
use rowbill_connector::notice::Notice;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Project;
use crate::config::files::Files;
use crate::ledger::sqlite::SqliteLedger;
use crate::ledger::{Change, Ledger, RunRecord};
use crate::run::{Clock, Stop};
use crate::web::{self, health, serve_socket, webhooks};

use door::{Door, Inside};
use files::Watched;
use mail::Post;
use session::Session;
use world::World;

pub use status::entries;
pub use story::length;
pub use systemd::unit;

/// A ledger that could not be written is tried again after so many seconds.
const REOPEN: Duration = Duration::from_secs(15);
/// Commands that were told the end of their run take so long at most to hear it.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// So much must fit into a ledger that counts as writable, in bytes.
const ROOM: usize = 256 * 1024;
/// The history is looked through so often.
const PRUNE: Duration = Duration::from_hours(6);

/// What a daemon starts with.
pub struct Start {
    /// `rowbill.yaml`.
    pub config: PathBuf,
    /// Its files as they were read.
    pub files: Files,
    /// The project that they make.
    pub project: Arc<Project>,
    /// The ledger, owned by this process.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Clock,
    /// The word to stop.
    pub stop: Arc<Stop>,
    /// Where health and numbers are served, where the command line says so.
    pub dashboard: Option<SocketAddr>,
    /// When the process began.
    pub began: Instant,
}

/// Runs until it is asked to stop. What cannot be mended by waiting comes back as a problem.
pub async fn serve(start: Start) -> Result<(), Problem> {
    let Start { config, files, project, ledger, clock, stop, dashboard, began } = start;
    let path = project.settings.ledger.clone();
    let accounts = project.settings.accounts.values();
    accounts.filter(|account| account.live).for_each(|account| story::live(&account.name));
    let live = project.connections.iter().filter(|connection| project.is_live(connection)).count();
    let (connections, webhooks) = (project.connections.len(), project.settings.daemon.webhooks);
    let world = Arc::new(World::new(project, clock, stop));
    let watched = Watched::new(&config, files, &world);
    let door = Arc::new(Door::new(&world, &watched));
    listen(&world, dashboard).await?;
    let socket = web::path(&path);
    let (close, closed) = tokio::sync::oneshot::channel();
    let serving = serve_socket(&socket, Arc::clone(&door) as _, closed);
    let serving = tokio::spawn(serving.map_err(|error| socket_problem(&socket, &error))?);
    if let Some(address) = webhooks {
        receive(&world, &door, address).await?;
    }
    // Who says that it is ready must not be ended by a SIGHUP.
    let hangup = signal(SignalKind::hangup());
    let reporting = tokio::spawn(reports::run(Arc::clone(&world)));
    tokio::spawn(look_at_files(hangup, Arc::clone(&watched), Arc::clone(&door), Arc::clone(&world)));
    // Only then are commands answered.
    let mut ready = Some(|| {
        story::started(connections, live, u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        systemd::ready(&world);
    });
    let mut ledger = Some(ledger);
    while let Some(open) = ledger.take() {
        let ended = session(&world, &door, open, &socket, &mut ready).await;
        // Where the ledger cannot be opened, that is the answer.
        ready.take().into_iter().for_each(|ready| ready());
        let Err(problem) = ended else { break };
        ledger = reopened(&world, &path, problem).await;
    }
    drop(close);
    reporting.abort();
    let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
    story::stopped();
    Ok(())
}

/// One session, from the opening of the ledger until it cannot be written any more.
async fn session(
    world: &Arc<World>,
    door: &Door,
    ledger: Arc<dyn Ledger>,
    socket: &std::path::Path,
    ready: &mut Option<impl FnOnce()>,
) -> Result<(), Problem> {
    let (post, mail) = Post::new();
    let session = Session::open(world, Arc::clone(&ledger), (post.clone(), mail)).await?;
    door.set(Some(Inside { post, launcher: session.launcher() }));
    ready.take().into_iter().for_each(|ready| ready());
    let pruning = tokio::spawn(prune(Arc::clone(world), ledger));
    let following = door.inside().map(|inside| tokio::spawn(payments::run(Arc::clone(world), inside)));
    let ended = session.run().await;
    if world.stop.asked() {
        // While the ledger is still this process's: whoever owns it next has a socket of its own.
        let _ = std::fs::remove_file(socket);
    }
    door.set(None);
    pruning.abort();
    following.iter().for_each(tokio::task::JoinHandle::abort);
    ended
}

/// Says what is wrong with the ledger, and opens it again when that can be done.
async fn reopened(world: &Arc<World>, path: &std::path::Path, problem: Problem) -> Option<Arc<dyn Ledger>> {
    world.set_unwritable(Some(problem.clone()));
    story::unwritable(&problem, REOPEN.as_secs());
    let lines = vec![problem.message.clone(), problem.advice.clone().unwrap_or_default()];
    tell(world, "rowbill: the ledger cannot be written, and nothing is sent", lines, true);
    while !world.stop.asked() {
        world.stop.sleep(REOPEN).await;
        world.beat.store(world.clock.now(), std::sync::atomic::Ordering::Relaxed);
        if world.stop.asked() {
            break;
        }
        match reopen(path).await {
            Ok(ledger) => {
                // What was sent last is looked up again before the first send.
                world.accounts.forget();
                world.set_unwritable(None);
                story::writable();
                tell(world, "rowbill: the ledger can be written again", Vec::new(), false);
                return Some(ledger);
            }
            Err(problem) => story::unwritable(&problem, REOPEN.as_secs()),
        }
    }
    None
}

/// A ledger counts as open when it takes a change that needs room.
async fn reopen(path: &std::path::Path) -> Result<Arc<dyn Ledger>, Problem> {
    let ledger = SqliteLedger::open(path).await?;
    let id = "0".to_owned();
    let record =
        RunRecord { id: id.clone(), connection: String::new(), started: 0, finished: None, report: "x".repeat(ROOM) };
    ledger.commit(vec![Change::Run(record)]).await?;
    ledger.commit(vec![Change::ForgetRun(id)]).await?;
    Ok(Arc::new(ledger))
}

fn tell(world: &Arc<World>, title: &str, lines: Vec<String>, trouble: bool) {
    let (world, notice) = (Arc::clone(world), Notice { title: title.to_owned(), lines, trouble });
    tokio::spawn(async move { telling::announce(&world, &notice).await });
}

async fn prune(world: Arc<World>, ledger: Arc<dyn Ledger>) {
    loop {
        let keep = world.project().settings.daemon.keep_runs;
        // A ledger that fails tells so where something is sent.
        if let Ok(forgotten @ 1..) = retention::forget(&*ledger, keep, world.clock.now()).await {
            story::forgot(forgotten);
        }
        let accounts: Vec<String> = world.project().settings.accounts.keys().cloned().collect();
        let _ = retention::forget_events(&*ledger, &accounts, world.clock.now()).await;
        tokio::time::sleep(PRUNE).await;
    }
}

/// Takes up changed files, on an event, on SIGHUP, and once a minute.
async fn look_at_files(hangup: std::io::Result<Signal>, watched: Arc<Watched>, door: Arc<Door>, world: Arc<World>) {
    let Ok(mut hangup) = hangup else { return };
    loop {
        tokio::select! {
            () = watched.wait() => {}
            _ = hangup.recv() => systemd::reloading(),
        }
        // Without a session there is nobody to tell: the next one takes what is in use then.
        let _ = door.reload().await;
        systemd::reloaded(&world);
    }
}

/// An address that was chosen must be free; the usual one is done without.
async fn listen(world: &Arc<World>, dashboard: Option<SocketAddr>) -> Result<(), Problem> {
    let settings = world.project().settings.daemon.clone();
    let address = dashboard.unwrap_or(settings.dashboard);
    match health::listen(address).await {
        Ok(listener) => {
            if let Ok(address) = listener.local_addr() {
                story::serving(address);
            }
            tokio::spawn(health::serve(listener, Arc::clone(world) as _));
            Ok(())
        }
        Err(error) if dashboard.is_some() || settings.is_chosen => {
            let problem = Problem::new("config.dashboard", format!("{address} cannot be listened on: {error}"));
            Err(problem.advise("choose another one with `--dashboard 127.0.0.1:PORT`; port 0 picks a free one"))
        }
        Err(error) => {
            story::not_served("health and metrics", &format!("{address}: {error}"));
            Ok(())
        }
    }
}

/// Receives webhooks: an address that was chosen must be free.
async fn receive(world: &Arc<World>, door: &Arc<Door>, address: SocketAddr) -> Result<(), Problem> {
    let listener = webhooks::listen(address).await.map_err(|error| {
        Problem::new("config.webhooks", format!("{address} cannot be listened on: {error}"))
            .advise("choose another one: `daemon: { webhooks: 127.0.0.1:PORT }`")
    })?;
    if let Ok(address) = listener.local_addr() {
        story::receiving(address);
    }
    let taker = payments::Taker { world: Arc::clone(world), door: Arc::clone(door) };
    tokio::spawn(webhooks::serve(listener, Arc::new(taker)));
    Ok(())
}

fn socket_problem(socket: &std::path::Path, error: &std::io::Error) -> Problem {
    Problem::new("daemon.socket", format!("the socket {} cannot be made: {error}", socket.display()))
        .advise("keep the ledger on a local disk that has room, in a folder that rowbill may write to")
}
