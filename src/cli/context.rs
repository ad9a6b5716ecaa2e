//! What a command opens: the project, the accounts, the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rowbill_connector::Problem;

use super::args::Global;
use super::screen::Screen;
use crate::config::{Project, load};
use crate::connectors;
use crate::ledger::Ledger;
use crate::ledger::sqlite::SqliteLedger;
use crate::run::{AccountLine, Clock, Engine, Progress, Quiet, Stop, is_ours, of_any_age};

/// The command line, the screen, and where the project is.
pub struct Context {
    /// What every command takes.
    pub global: Global,
    /// Where it prints.
    pub screen: Screen,
    /// The word to stop.
    pub stop: Arc<Stop>,
}

/// Problems that end a command.
pub type Problems = Vec<Problem>;

impl Context {
    /// The project's folder.
    pub fn root(&self) -> PathBuf {
        self.global.config.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
    }

    /// Reads and checks all files.
    pub fn project(&self) -> Result<Project, Problems> {
        load(&self.global.config, connectors::catalog(), &connectors::column_names)
    }

    /// The clock that this project goes by.
    #[expect(clippy::unused_self, reason = "what a command opens, it opens here")]
    pub fn clock(&self, project: &Project) -> Clock {
        Clock::shifted(shift(project))
    }

    /// An engine for these connections, without a ledger yet.
    pub fn engine(&self, project: Project, names: &[String], progress: Arc<dyn Progress>) -> Result<Engine, Problems> {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for name in names {
            wanted.insert(&project.connection(name).map_err(|problem| vec![problem])?.account);
        }
        let mut accounts = BTreeMap::new();
        let mut problems = Vec::new();
        for name in wanted {
            let Some(account) = project.settings.accounts.get(name) else { continue };
            match connectors::target(account) {
                Ok(target) => drop(accounts.insert(name.to_owned(), Arc::new(AccountLine::new(target)))),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let google = project.settings.google.clone();
        Ok(Engine {
            catalog: connectors::catalog(),
            ledger: None,
            accounts,
            make_source: Box::new(move |connection, max_age| connectors::source(connection, google.as_ref(), max_age)),
            clock: Clock::shifted(shift(&project)),
            stop: Arc::clone(&self.stop),
            progress,
            shows: None,
            project: Arc::new(project),
        })
    }

    /// The ledger as it is, for looking only; none when there is none yet.
    pub async fn ledger_to_read(&self, project: &Project) -> Result<Option<Arc<dyn Ledger>>, Problem> {
        if !project.settings.ledger.exists() {
            return Ok(None);
        }
        Ok(Some(Arc::new(SqliteLedger::open_read_only(&project.settings.ledger).await?)))
    }

    /// The ledger, owned by this process.
    pub async fn ledger_to_write(&self, project: &Project) -> Result<Arc<dyn Ledger>, Problem> {
        Ok(Arc::new(SqliteLedger::open(&project.settings.ledger).await?))
    }

    /// The ledger for a run. A missing one is made only when the accounts hold nothing of these connections: a lost
    /// ledger must never look like a first run.
    pub async fn ledger_for_run(&self, engine: &Engine) -> Result<Arc<dyn Ledger>, Problem> {
        let path = &engine.project.settings.ledger;
        if path.exists() {
            return self.ledger_to_write(&engine.project).await;
        }
        // A ledger is of the whole project: what any connection has made counts, on every account that can be asked.
        for account in engine.project.settings.accounts.values() {
            let target = match engine.accounts.get(&account.name) {
                Some(line) => Arc::clone(&line.target),
                None => match connectors::target(account) {
                    Ok(target) => target,
                    // An account without a key has not been billed in, and is looked at when it first is.
                    Err(_) => continue,
                },
            };
            let connections = engine.project.connections.iter().filter(|connection| connection.account == account.name);
            let tags: Vec<String> = connections.map(|connection| engine.owner(connection).tag()).collect();
            let found = of_any_age(&*target, engine.clock.now()).await.map_err(|error| error.problem().clone())?;
            let ours = found.iter().find(|object| object.op.as_ref().is_some_and(|op| is_ours(op, &tags)));
            if let Some(object) = ours {
                let why = format!("account `{}` holds objects of these connections ({})", account.name, object.id);
                return Err(missing(path, &why));
            }
        }
        self.screen.say(format!("made a new ledger: {}", path.display()));
        Ok(Arc::new(SqliteLedger::create(path).await?))
    }
}

fn missing(path: &Path, why: &str) -> Problem {
    Problem::new("ledger.missing", format!("there is no ledger at {}, though {why}; nothing was sent", path.display()))
        .advise("restore it from a backup; without one, `rowbill ledger rebuild` makes it again from Stripe and the sources")
}

/// `ROWBILL_TEST_CLOCK=+25h`, where no account is real.
fn shift(project: &Project) -> i64 {
    let Ok(text) = std::env::var("ROWBILL_TEST_CLOCK") else { return 0 };
    if !project.settings.all_loopback {
        return 0;
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let seconds = crate::config::shape::parse_duration(rest).and_then(|seconds| i64::try_from(seconds).ok());
    seconds.map_or(0, |seconds| sign * seconds)
}

/// Progress on a terminal; else nobody is told.
pub fn progress(context: &Context) -> Arc<dyn Progress> {
    use std::io::IsTerminal;
    if context.global.quiet || context.screen.is_json() || !std::io::stderr().is_terminal() {
        return Arc::new(Quiet);
    }
    Arc::new(super::bar::Bar::default())
}
