//! What all tasks of a daemon share for as long as the process lives.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rowbill_connector::Problem;

use crate::config::Project;
use crate::run::{Clock, Stop};
use crate::web::health::Vital;
use crate::web::metrics::Metrics;

use super::accounts::Accounts;
use super::payments::Deliveries;

/// A daemon that has not looked at its clock for so many seconds hangs.
const HANGS: i64 = 60;

/// What is shared.
pub struct World {
    /// The time.
    pub clock: Clock,
    /// The word to stop.
    pub stop: Arc<Stop>,
    /// The numbers.
    pub metrics: Metrics,
    /// The lines to the accounts.
    pub accounts: Accounts,
    /// When the deciding task was last seen alive.
    pub beat: AtomicI64,
    /// What was delivered and waits.
    pub deliveries: Deliveries,
    project: RwLock<Arc<Project>>,
    problems: Mutex<Vec<Problem>>,
    unwritable: Mutex<Option<Problem>>,
}

impl World {
    /// A daemon for a project.
    pub fn new(project: Arc<Project>, clock: Clock, stop: Arc<Stop>) -> Self {
        Self {
            clock,
            stop,
            metrics: Metrics::new(),
            accounts: Accounts::default(),
            beat: AtomicI64::new(clock.now()),
            deliveries: Deliveries::default(),
            project: RwLock::new(project),
            problems: Mutex::default(),
            unwritable: Mutex::default(),
        }
    }

    /// The newest project whose files go together.
    pub fn project(&self) -> Arc<Project> {
        Arc::clone(&self.project.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another project is there, if so, and this is wrong with its newest files.
    pub fn reloaded(&self, project: Option<Project>, problems: Vec<Problem>) {
        if let Some(project) = project {
            *self.project.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(project);
        }
        self.metrics.problems(problems.len());
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    /// What is wrong with files that were not taken up.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the ledger cannot be written, if so.
    pub fn unwritable(&self) -> Option<Problem> {
        self.unwritable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ledger cannot be written, or can be again.
    pub fn set_unwritable(&self, problem: Option<Problem>) {
        *self.unwritable.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

impl Vital for World {
    fn ill(&self) -> Option<String> {
        let silent = self.clock.now() - self.beat.load(std::sync::atomic::Ordering::Relaxed);
        (silent > HANGS).then(|| format!("the daemon has not decided anything for {silent} s"))
    }

    fn not_ready(&self) -> Option<String> {
        let stopping = self.stop.asked().then(|| "the daemon is stopping".to_owned());
        self.unwritable().map(|problem| problem.message).or(stopping).or_else(|| self.ill())
    }

    fn metrics(&self) -> String {
        let ledger = std::fs::metadata(&self.project().settings.ledger);
        self.metrics.ledger(ledger.ok().map(|file| file.len()), self.unwritable().is_none());
        self.accounts.measure(&self.metrics, self.clock);
        self.metrics.text()
    }
}
