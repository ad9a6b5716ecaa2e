//! Notices changed files, and takes up those that are right.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rowbill_connector::Problem;
use rowbill_connector::notice::Notice;
use tokio::sync::Notify;

use super::story;
use super::telling;
use super::world::World;
use crate::config::files::{Files, is_mapping, mappings, root_of};
use crate::config::reload::{Reloaded, reload};
use crate::connectors;

/// An editor writes a file in several steps: they are waited for.
const QUIET: Duration = Duration::from_millis(300);
/// Files are looked at so often where no event tells of a change, as on network drives.
const LOOK: Duration = Duration::from_mins(1);

/// The files of a running daemon.
pub struct Watched {
    path: PathBuf,
    world: Arc<World>,
    state: Mutex<State>,
    changed: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

struct State {
    /// The files that the project in use was made of.
    good: Files,
    /// The files that were looked at last.
    seen: Files,
    /// Whether the last look found mistakes.
    broken: bool,
}

impl Watched {
    /// Watches the project whose files these are.
    pub fn new(path: &Path, files: Files, world: &Arc<World>) -> Arc<Self> {
        let changed = Arc::new(Notify::new());
        let watcher = watch(path, Arc::clone(&changed)).map_err(|error| {
            story::not_served("file events", &format!("files are looked at once a minute: {error}"));
        });
        let state = Mutex::new(State { good: files.clone(), seen: files, broken: false });
        Arc::new(Self { path: path.to_owned(), world: Arc::clone(world), state, changed, _watcher: watcher.ok() })
    }

    /// Waits for a change, or for the time to look anyway.
    pub async fn wait(&self) {
        if tokio::time::timeout(LOOK, self.changed.notified()).await.is_ok() {
            while tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {}
        }
    }

    /// Looks at the files, and takes up what has changed and is right. Whether the project is another one now.
    pub async fn look(self: &Arc<Self>) -> bool {
        let this = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || this.reload()).await;
        let Ok(Some((is_new, notice))) = looked else { return false };
        if let Some(notice) = notice {
            let world = Arc::clone(&self.world);
            tokio::spawn(async move { telling::announce(&world, &notice).await });
        }
        is_new
    }

    fn reload(&self) -> Option<(bool, Option<Notice>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Files::read(&self.path);
        if new == state.seen {
            return None;
        }
        let Reloaded { mut project, mut used, mut problems } =
            reload(&self.path, &state.good, &new, connectors::catalog(), &connectors::column_names);
        let ledger = &self.world.project().settings.ledger;
        if project.as_ref().is_some_and(|project| project.settings.ledger != *ledger) {
            (project, used) = (None, state.good.clone());
            problems.push(moved(ledger));
        }
        let connections =
            project.as_ref().map_or_else(|| self.world.project().connections.len(), |new| new.connections.len());
        story::configuration(connections, &problems);
        let notice = notice(&problems, state.broken);
        (state.seen, state.good, state.broken) = (new, used, !problems.is_empty());
        let is_new = project.is_some();
        self.world.reloaded(project, problems);
        Some((is_new, notice))
    }
}

/// Another ledger knows nothing of what was sent: nobody changes to it on the way.
fn moved(ledger: &Path) -> Problem {
    let message = format!("`ledger:` names another file than {}, which is in use", ledger.display());
    Problem::new("config.ledger_moved", message).advise("stop the daemon, move the file, and start the daemon again")
}

/// One message when the first mistake comes, and one when the last has gone.
fn notice(problems: &[Problem], was_broken: bool) -> Option<Notice> {
    if problems.is_empty() != was_broken {
        return None;
    }
    let file = |problem: &Problem| {
        let place = problem.place.clone().unwrap_or_default();
        format!("{}:{} {}", place.file.unwrap_or_default(), place.line.unwrap_or(1), problem.message)
    };
    let title = if problems.is_empty() {
        "rowbill: the files are right again, and in use"
    } else {
        "rowbill: a changed file has mistakes; its old version stays in use"
    };
    Some(Notice { title: title.to_owned(), lines: problems.iter().map(file).collect(), trouble: !problems.is_empty() })
}

/// Folders are watched, not files: editors put a new file in the place of the old one.
fn watch(path: &Path, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let settings = path.file_name().unwrap_or_default().to_owned();
    let tell = move |event: notify::Result<notify::Event>| {
        let is_ours =
            |path: &PathBuf| is_mapping(path) || path.file_name() == Some(&settings) || path.ends_with("mappings");
        let is_change = |event: &notify::Event| !matches!(event.kind, EventKind::Access(_));
        if event.is_ok_and(|event| is_change(&event) && event.paths.iter().any(is_ours)) {
            changed.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(tell)?;
    watcher.watch(&root_of(path), RecursiveMode::NonRecursive)?;
    // A project may have no mappings yet; then the minute's look finds them.
    let _ = watcher.watch(&mappings(path), RecursiveMode::NonRecursive);
    Ok(watcher)
}
