//! One process of rowbill: an engine over the ports of the world, from its start to its death.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use rowbill::connectors;
use rowbill::run::{AccountLine, Clock, Engine, Order, Quiet, Report, run};
use rowbill_connector::{Problem, Source, Target};
use rowbill_stripe::{Rate, StripeConfig, StripeTarget};
use secrecy::SecretString;

use super::business::{ACCOUNTS, CANARY, table_of};
use super::disk::Disk;
use super::network::Network;
use super::source::TableSource;
use super::target::Bent;
use super::trips::{Port, Power};
use super::world::{World, hold};

/// What became of a run: its report, or why it was refused.
pub type Ran = Result<Report, Vec<Problem>>;

/// A process.
pub struct Process {
    /// Whether it lives.
    pub power: Arc<Power>,
    /// The product.
    pub engine: Engine,
}

impl Process {
    /// Starts one, with a clock that is so many seconds ahead.
    pub fn start(world: &Arc<World>, number: u32, shift: i64) -> Result<Self, Problem> {
        let power = Arc::new(Power::default());
        let port = Port { world: Arc::clone(world), power: Arc::clone(&power) };
        let mut accounts = BTreeMap::new();
        for account in ACCOUNTS {
            let line = Arc::new(AccountLine::new(target(&port, account, number)?));
            accounts.insert(account.to_owned(), line);
        }
        let engine = Engine {
            project: Arc::clone(&world.project),
            catalog: connectors::catalog(),
            ledger: Some(Arc::new(Disk { port: port.clone(), ledger: world.ledger() })),
            accounts,
            make_source: Box::new(move |connection, _| Ok(source(&port, &connection.name))),
            clock: Clock::simulated(world.now(), shift),
            stop: Arc::clone(&power.stop),
            progress: Arc::new(Quiet),
            shows: None,
        };
        Ok(Self { power, engine })
    }

    /// It is as early as ever: between two runs no time has gone by.
    pub fn stop_clock(&mut self, world: &World) {
        self.engine.clock = Clock::simulated(world.now() - world.age(), 0);
    }

    /// Runs several connections at once; nothing, when the process dies of it.
    pub async fn perform(&self, orders: &[(&'static str, Order)]) -> Option<Vec<Ran>> {
        let runs = orders.iter().map(async |(name, order)| {
            let connection = self.engine.project.connection(name).map_err(|problem| vec![problem])?;
            run(&self.engine, connection, order).await
        });
        tokio::select! {
            biased;
            () = self.power.gone() => None,
            ran = join_all(runs) => Some(ran),
        }
    }
}

fn source(port: &Port, connection: &str) -> Box<dyn Source> {
    let table = super::business::NAMES.into_iter().find(|name| *name == table_of(connection)).unwrap_or_default();
    let run = hold(&port.world.current).get(connection).cloned().unwrap_or_default();
    Box::new(TableSource { port: port.clone(), table, run })
}

fn target(port: &Port, account: &'static str, process: u32) -> Result<Arc<dyn Target>, Problem> {
    let rate = match port.world.shape.rate.filter(|_| account == ACCOUNTS[1]) {
        Some(rate) => Rate::PerSecond(rate),
        None => Rate::Unlimited,
    };
    let config = StripeConfig {
        account: account.to_owned(),
        live: false,
        key: SecretString::from(CANARY.to_owned()),
        connected_account: None,
        api_base: Some("http://127.0.0.1:1".to_owned()),
        rate_limit: rate,
        endpoint_rate_limit: rate,
    };
    let network = Network { port: port.clone(), account, process };
    let inner: Arc<dyn Target> = Arc::new(StripeTarget::over(config, Arc::new(network))?);
    Ok(match port.world.broken {
        Some(broken) => Arc::new(Bent { inner, broken, latest: Mutex::default() }),
        None => inner,
    })
}

/// How long a machine takes to start again.
pub const BOOT: Duration = Duration::from_secs(2);
