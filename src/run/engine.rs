//! What every run needs: the ledger, the targets, the clock, and the word to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use rowbill_connector::{Catalog, Problem, Receipt, SendError, Source, Target};

use super::adopt::listen;
use super::clock::Clock;
use super::persons::Persons;
use crate::config::{Connection, Project};
use crate::ledger::Ledger;
use crate::mapping::identity::Owner;
use crate::mapping::params::Surroundings;
use crate::protocol::Time;

/// Makes the source of a connection.
///
/// What was read at most this long ago may be taken for its content.
pub type MakeSource = dyn Fn(&Connection, Duration) -> Result<Box<dyn Source>, Problem> + Send + Sync;

/// Everything that runs share.
pub struct Engine {
    /// The configuration.
    pub project: Arc<Project>,
    /// What targets can do.
    pub catalog: &'static Catalog,
    /// The ledger; none for plans made before there is one.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// Targets by account.
    pub accounts: BTreeMap<String, Arc<AccountLine>>,
    /// Makes sources.
    pub make_source: Box<MakeSource>,
    /// What time it is.
    pub clock: Clock,
    /// Set when everything is to stop.
    pub stop: Arc<Stop>,
    /// Told how far a run is.
    pub progress: Arc<dyn Progress>,
    /// Takes the names of connections whose sources have something to show, where another may be writing into them just
    /// now; none where the run shows it itself.
    pub shows: Option<Arc<Shows>>,
}

/// Names of connections whose sources have something to show.
pub type Shows = Mutex<BTreeSet<String>>;

impl Engine {
    /// What evaluation of templates needs.
    pub fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { currencies: &self.catalog.currencies, zone: &self.project.settings.zone }
    }

    /// The zone of clock times.
    pub fn zone(&self) -> &TimeZone {
        &self.project.settings.zone
    }

    /// Whom the operations of a connection belong to.
    pub fn owner(&self, connection: &Connection) -> Owner {
        self.project.owner(connection)
    }

    /// Whether a connection bills real money.
    pub fn is_live(&self, connection: &Connection) -> bool {
        self.project.is_live(connection)
    }

    /// The line to a connection's account.
    pub fn line(&self, connection: &Connection) -> Result<Arc<AccountLine>, Problem> {
        self.line_named(&connection.account)
    }

    /// The line to an account.
    pub fn line_named(&self, account: &str) -> Result<Arc<AccountLine>, Problem> {
        self.accounts.get(account).cloned().ok_or_else(|| {
            Problem::new("config.unknown_account", format!("no connection uses the account `{account}`"))
        })
    }

    /// The ledger, which a run cannot do without.
    pub fn ledger(&self) -> Result<Arc<dyn Ledger>, Problem> {
        self.ledger.clone().ok_or_else(|| {
            Problem::new("ledger.missing", "there is no ledger").advise("make one with `rowbill ledger create`")
        })
    }
}

/// A target, and whether it still takes requests.
pub struct AccountLine {
    /// The target.
    pub target: Arc<dyn Target>,
    /// What a line that takes its place goes on with.
    pub shared: Arc<Shared>,
    halted: Mutex<Option<Problem>>,
    silent: AtomicU32,
    /// When what was made since the last commit was looked up in this process, by the target's clock.
    pub adopted: tokio::sync::OnceCell<Time>,
}

/// After so many requests in a row without an answer the target counts as out of reach.
const SILENT_LIMIT: u32 = 24;

impl AccountLine {
    /// A line that works until something says otherwise.
    pub fn new(target: Arc<dyn Target>) -> Self {
        Self::going_on(target, Arc::default())
    }

    /// A line that goes on where another one to the same account has ended.
    pub fn going_on(target: Arc<dyn Target>, shared: Arc<Shared>) -> Self {
        let (halted, silent) = (Mutex::new(None), AtomicU32::new(0));
        Self { target, shared, halted, silent, adopted: tokio::sync::OnceCell::new() }
    }

    /// Why nothing more may be sent, if so.
    pub fn halted(&self) -> Option<Problem> {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing more is sent from now on; the first reason counts.
    pub fn halt(&self, problem: Problem) {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
    }

    /// An error of the target that says so halts the line.
    pub fn heed(&self, error: &SendError) {
        if let SendError::Halt(problem) = error {
            self.halt(problem.clone());
        }
    }

    /// Hears what time it is at the target.
    pub async fn listen(&self) -> Result<(), Problem> {
        listen(self.target.as_ref()).await.map_err(|error| {
            self.heed(&error);
            error.problem().clone()
        })
    }

    /// An answer came.
    pub fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    /// No answer came.
    pub fn silence(&self, problem: &Problem) {
        if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_LIMIT {
            let message = format!("the account does not answer: {}", problem.message);
            self.halt(Problem::new("account.unreachable", message).advise("the rows are taken up by the next run"));
        }
    }
}

/// What is true of an account, whichever line leads to it.
#[derive(Debug, Default)]
pub struct Shared {
    /// How its requests were answered, counted.
    pub answers: Answers,
    /// Customers that are being looked for.
    pub persons: Persons,
}

/// Answers to sent operations, by what is known of their effect.
#[derive(Debug, Default)]
pub struct Answers([AtomicU64; 5]);

impl Answers {
    /// What each of the numbers counts.
    pub const NAMES: [&str; 5] = ["accepted", "refused", "not_sent", "unknown", "halt"];

    /// Counts one.
    pub fn count(&self, answer: &Result<Receipt, SendError>) {
        let at = match answer {
            Ok(_) => 0,
            Err(SendError::Refused(_)) => 1,
            Err(SendError::NotSent { .. }) => 2,
            Err(SendError::Unknown(_)) => 3,
            Err(SendError::Halt(_)) => 4,
        };
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers since the line was opened.
    pub fn numbers(&self) -> [u64; 5] {
        self.0.each_ref().map(|number| number.load(Ordering::Relaxed))
    }
}

/// The word to stop: what is under way is finished, nothing else is begun.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    notify: tokio::sync::Notify,
}

impl Stop {
    /// Asks everything to stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Whether it was asked.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until asked.
    pub async fn wait(&self) {
        loop {
            let notified = self.notify.notified();
            if self.asked() {
                return;
            }
            notified.await;
        }
    }

    /// Waits for this long, or until asked.
    pub async fn sleep(&self, time: Duration) {
        let notified = self.notify.notified();
        if !self.asked() {
            let _ = tokio::time::timeout(time, notified).await;
        }
    }
}

/// Told how far a run is; for bars on a screen.
pub trait Progress: Send + Sync {
    /// Rows have been read.
    fn read(&self, _rows: u64) {}
    /// So many rows are to be sent.
    fn start(&self, _rows: u64) {}
    /// Rows have been settled.
    fn settled(&self, _rows: u64) {}
    /// The run is over.
    fn end(&self) {}
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {}
