//! Runs a connection within the daemon: with the newest settings, over the shared line to its account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rowbill_connector::Problem;

use super::finish::Finish;
use super::world::World;
use crate::config::{Connection, Project};
use crate::connectors;
use crate::ledger::{Change, Ledger};
use crate::protocol::Time;
use crate::run::{self, Engine, Order, Origin, Quiet, history};

/// Scheduled runs that begin together may share what was read of a sheet.
const SHARED: Duration = Duration::from_secs(10);

/// Runs connections.
pub struct Launcher {
    /// What the daemon's tasks share.
    pub world: Arc<World>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
}

impl Launcher {
    /// Over this ledger.
    pub fn new(world: Arc<World>, ledger: Arc<dyn Ledger>) -> Self {
        Self { world, ledger }
    }

    /// What runs of these connections need.
    pub fn engine(&self, project: &Arc<Project>, names: &[&str]) -> Result<Engine, Problem> {
        let mut accounts = BTreeMap::new();
        for name in names {
            let connection = project.connection(name)?;
            if let Some(account) = project.settings.accounts.get(&connection.account) {
                accounts.insert(account.name.clone(), self.world.accounts.line(account)?);
            }
        }
        let google = project.settings.google.clone();
        Ok(Engine {
            project: Arc::clone(project),
            catalog: connectors::catalog(),
            ledger: Some(Arc::clone(&self.ledger)),
            accounts,
            make_source: Box::new(move |connection: &Connection, max_age| {
                connectors::source(connection, google.as_ref(), max_age)
            }),
            clock: self.world.clock,
            stop: Arc::clone(&self.world.stop),
            progress: Arc::new(Quiet),
            shows: Some(Arc::clone(&self.world.deliveries.shows)),
        })
    }

    /// Runs what the schedule asked for. Its record is in the history in any case.
    pub async fn scheduled(&self, name: &str, run: &str, origin: Origin) -> Result<(), Vec<Problem>> {
        let one = |problem| vec![problem];
        let project = self.world.project();
        let order = Order { run: Some(run.to_owned()), max_age: SHARED, origin, ..Order::default() };
        let engine = match self.engine(&project, &[name]) {
            Ok(engine) => engine,
            Err(problem) => {
                let now = self.world.clock.now();
                let record = history::refused(run, name, &order.origin, &problem, now);
                self.ledger.commit(vec![Change::Run(record)]).await.map_err(one)?;
                return Err(vec![problem]);
            }
        };
        let connection = project.connection(name).map_err(one)?;
        run::run(&engine, connection, &order).await.map(drop)
    }

    /// A run that fell over leaves a record that says so.
    pub async fn panicked(&self, name: &str, run: &str) -> Result<(), Problem> {
        let problem =
            Problem::new("run.panicked", "the run ended by a mistake in rowbill; what was sent is in the ledger")
                .advise("please report it, with the lines of the log before this one; it is tried again");
        let begun = history::run_by_id(&*self.ledger, run).await?;
        let origin = begun.and_then(|begun| serde_json::from_str(&begun.report).ok()).unwrap_or_default();
        let record = history::refused(run, name, &origin, &problem, self.world.clock.now());
        self.ledger.commit(vec![Change::Run(record)]).await
    }

    /// Counts the end of a run.
    pub fn measured(&self, name: &str, finish: &Finish, now: Time) {
        let metrics = &self.world.metrics;
        metrics.ended(name, &finish.result, &finish.tally, finish.seconds);
        for (currency, minor) in &finish.amounts {
            metrics.billed(name, currency, *minor);
        }
        // Who was refused has not looked at the rows, and who saw a part of them not at the others.
        if !finish.is_part && finish.result != "refused" {
            metrics.open(name, &finish.tally);
        }
        if !finish.is_part && finish.result == "ok" {
            metrics.succeeded(name, now);
        }
    }
}
