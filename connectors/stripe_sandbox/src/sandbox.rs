//! The sandbox as Rust callers see it.

mod money;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::{Request, Response};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin;
use crate::auth::Door;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::faults::{Faults, Rule};
use crate::idempotency::Keys;
use crate::journal::{Entry, Journal};
use crate::limiter::{Limiter, Limits};
use crate::lock::Lock;
use crate::server;
use crate::store::ids::Ids;
use crate::store::{Setting, Store};
use crate::webhooks::{Courier, Post};

/// How long a stop waits for answers that are on their way.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What an account of the sandbox is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Takes live keys and calls everything live. Off unless set.
    pub livemode: bool,
    /// The keys that are taken. None: every key of the right form and mode.
    pub keys: Vec<String>,
    /// What restricted keys (`rk_…`) may do: `customer_write`, `invoice_read`, … `None`: everything.
    pub permissions: Option<Vec<String>>,
    /// Rate limits, in real time or in tokio's. `None`: unlimited.
    pub rate: Option<Limits>,
    /// How far search is behind the lists, by the sandbox's clock. Stripe: normally under a minute.
    pub search_lag: Duration,
    /// Whether a journal is kept.
    pub journal: bool,
    /// The most entries the journal keeps; the oldest are forgotten.
    pub journal_limit: usize,
    /// Random faults repeat with their seed; so do ids, with seed and port, unless the seed is 0.
    pub seed: u64,
    /// Faults that are set from the start.
    pub faults: Vec<Rule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            livemode: false,
            keys: Vec::new(),
            permissions: None,
            rate: None,
            search_lag: Duration::from_mins(1),
            journal: true,
            journal_limit: usize::MAX,
            seed: 0,
            faults: Vec::new(),
        }
    }
}

/// A running sandbox: one Stripe account. It stops when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Running>);

#[derive(Debug)]
struct Running {
    engine: Arc<Engine>,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: Lock<Option<JoinHandle<()>>>,
}

impl Sandbox {
    /// Starts a sandbox on a loopback address (port 0: any free one). Must be called within a tokio runtime.
    pub fn start(addr: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = server::bind(addr)?;
        let addr = listener.local_addr()?;
        let engine = Arc::new(engine(addr, options, Clock::default(), Post::new(true)));
        let stop = watch::Sender::new(false);
        tokio::spawn(Courier::new(Arc::clone(&engine)).work(stop.subscribe()));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&engine), stop.subscribe()));
        Ok(Self(Arc::new(Running { engine, addr, stop, server: Lock::new(Some(server)) })))
    }

    /// A sandbox without a server, whose clock shows this now and goes with tokio's: for simulations. It is reached by
    /// [`Sandbox::answer`] only, and delivers nothing to webhook endpoints.
    pub fn simulated(options: Options, now: SystemTime) -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = Arc::new(engine(addr, options, Clock::simulated(now), Post::new(false)));
        Self(Arc::new(Running { engine, addr, stop: watch::Sender::new(false), server: Lock::new(None) }))
    }

    /// Answers one request as the server would; `None` where it would close the connection without an answer. Held and
    /// slow requests are carried out also when the caller does not wait for them.
    pub async fn answer(&self, request: Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let answer = server::answer(Arc::clone(&self.0.engine), request.map(Bytes::from)).await?;
        Some(answer.map(Vec::from))
    }

    /// Where it is reached: `http://127.0.0.1:12111`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.addr)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.0.addr.port()
    }

    /// The account's id.
    pub fn account(&self) -> String {
        self.0.engine.ids.account()
    }

    /// Stops listening and waits for the last answers. Held requests are released.
    pub async fn shutdown(&self) {
        self.0.stop.send_replace(true);
        self.0.engine.faults.release();
        let server = self.0.server.hold().take();
        if let Some(mut server) = server
            && tokio::time::timeout(LAST_ANSWERS, &mut server).await.is_err()
        {
            server.abort();
        }
    }

    /// All that happened, in order.
    pub fn journal(&self) -> Vec<Entry> {
        self.0.engine.journal.entries()
    }

    /// What happened from this place in the journal on, in order.
    pub fn journal_since(&self, seq: u64) -> Vec<Entry> {
        self.0.engine.journal.since(seq)
    }

    /// All objects of a kind (its `object`: `customer`, `invoice`, `line_item`, `charge`, `event`, …) that are not deleted,
    /// as Stripe would give them, in order of creation.
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        admin::kind(kind).map(|kind| self.0.engine.objects(kind)).unwrap_or_default()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.engine.clock
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.0.engine.faults
    }

    /// From now on every key is answered with 401 `api_key_expired`.
    pub fn revoke_key(&self) {
        self.0.engine.door.hold().revoked = true;
    }

    /// Takes keys again.
    pub fn restore_key(&self) {
        self.0.engine.door.hold().revoked = false;
    }

    /// Changes what restricted keys may do; see [`Options::permissions`].
    pub fn set_permissions(&self, permissions: Option<Vec<String>>) {
        self.0.engine.door.hold().permissions = permissions;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.engine.faults.release();
    }
}

/// Two sandboxes must not hand out the same ids, nor one that was started again: an id of another account has to be a
/// missing one.
fn salt(seed: u64, port: u16) -> u64 {
    match seed {
        0 => RandomState::new().hash_one(port),
        seed => seed.rotate_left(16) ^ u64::from(port),
    }
}

fn engine(addr: SocketAddr, options: Options, clock: Clock, post: Post) -> Engine {
    let salt = salt(options.seed, addr.port());
    let journal = Arc::new(Journal::new(if options.journal { options.journal_limit } else { 0 }));
    let setting = Setting {
        salt,
        livemode: options.livemode,
        url: format!("http://{addr}"),
        search_lag: i64::try_from(options.search_lag.as_secs()).unwrap_or(i64::MAX),
    };
    let door =
        Door { livemode: options.livemode, keys: options.keys, permissions: options.permissions, revoked: false };
    Engine {
        ids: Ids::new(salt),
        clock,
        faults: Faults::new(options.seed, options.faults),
        store: Lock::new(Store::new(setting, Arc::clone(&journal))),
        journal,
        door: Lock::new(door),
        limits: options.rate,
        limiter: Lock::new(Limiter::default()),
        keys: Lock::new(Keys::default()),
        requests: AtomicU64::new(0),
        post: Arc::new(post),
    }
}
