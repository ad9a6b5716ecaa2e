//! All that outlives a process: the accounts, the disk, the tables, the network, the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowbill::config::Project;
use rowbill::ledger::memory::MemoryLedger;
use rowbill_stripe_sandbox::{Limits, Options, Sandbox};
use tokio::time::Instant;

use super::broken::Broken;
use super::business::{self, ACCOUNTS};
use super::edits;
use super::network::Wires;
use super::shape::{Shape, Trouble};
use super::table::Table;
use super::trips::{Mood, Trip, Trips};

/// When every simulation begins: 2026-11-01.
const START: u64 = 1_793_491_200;

/// One simulated world.
pub struct World {
    /// What the seed decided.
    pub shape: Shape,
    /// What of rowbill is broken on purpose.
    pub broken: Option<Broken>,
    /// The configuration.
    pub project: Arc<Project>,
    /// The accounts.
    pub stripe: BTreeMap<&'static str, Sandbox>,
    /// The disk, as the process sees it.
    pub disk: Mutex<Arc<MemoryLedger>>,
    /// What would be left of it after a power cut, where that is less.
    pub synced: Mutex<Option<Arc<MemoryLedger>>>,
    /// How the disk feels.
    pub mood: Mood,
    /// The tables.
    pub tables: Mutex<BTreeMap<&'static str, Table>>,
    /// What each run read: the rows of its table.
    pub readings: Mutex<BTreeMap<String, Vec<Vec<String>>>>,
    /// The run of each connection that goes on.
    pub current: Mutex<BTreeMap<String, String>>,
    /// What spoilt rows were before.
    pub sound: Mutex<BTreeMap<&'static str, Vec<Vec<String>>>>,
    /// Where a reading breaks off.
    pub source_breaks: Mutex<u32>,
    /// The network.
    pub wires: Mutex<Wires>,
    /// What happens midway.
    pub trips: Mutex<Trips>,
    /// Places in the journals before which a ledger was forgotten.
    pub forgotten: Mutex<BTreeMap<&'static str, Vec<u64>>>,
    /// Groups whose rows a person took as they are.
    pub accepted: Mutex<BTreeSet<String>>,
    /// Groups whose edits a person took back.
    pub undone: Mutex<BTreeSet<(String, Vec<String>)>>,
    /// Groups whose draft a person deleted: by connection and key.
    pub deleted: Mutex<BTreeSet<(String, Vec<String>)>>,
    dice: Mutex<StdRng>,
    counters: Mutex<BTreeMap<&'static str, u64>>,
    story: Mutex<Option<String>>,
    began: Instant,
}

/// Locks; a panic elsewhere is told by itself.
pub fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The world of a seed. Must be called within a paused runtime.
    pub fn new(mut shape: Shape, seed: u64, broken: Option<Broken>, story: bool) -> Result<Self, String> {
        if let Some(broken) = broken {
            broken.shape(&mut shape);
        }
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
        let mut stripe = BTreeMap::new();
        for (at, account) in ACCOUNTS.into_iter().enumerate() {
            let rate = (at == 1 && shape.limited).then_some(Limits { account: 10, endpoint: 5 });
            let seed = (seed.wrapping_mul(2) + at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            stripe.insert(account, Sandbox::simulated(Options { seed, rate, ..Options::default() }, start));
        }
        let world = Self {
            project: Arc::new(business::project(&shape)?),
            shape,
            broken,
            stripe,
            disk: Mutex::default(),
            synced: Mutex::default(),
            mood: Mutex::default(),
            tables: Mutex::default(),
            readings: Mutex::default(),
            current: Mutex::default(),
            sound: Mutex::default(),
            source_breaks: Mutex::default(),
            wires: Mutex::default(),
            trips: Mutex::default(),
            forgotten: Mutex::default(),
            accepted: Mutex::default(),
            undone: Mutex::default(),
            deleted: Mutex::default(),
            dice: Mutex::new(StdRng::seed_from_u64(seed ^ 0x5EED)),
            counters: Mutex::default(),
            story: Mutex::new(story.then(String::new)),
            began: Instant::now(),
        };
        edits::populate(&world);
        Ok(world)
    }

    /// A number below this one.
    pub fn roll(&self, below: u32) -> u32 {
        hold(&self.dice).random_range(0..below.max(1))
    }

    /// One of several.
    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.roll(u32::try_from(of.len()).unwrap_or(1)) as usize]
    }

    /// Whether it can go wrong so, and does, once in so many times.
    pub fn strikes(&self, trouble: Trouble, one_in: u32) -> bool {
        self.shape.has(trouble) && self.roll(one_in) == 0
    }

    /// What time it is for everybody but rowbill.
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(START) + self.age()
    }

    /// How old the world is.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The disk.
    pub fn ledger(&self) -> Arc<MemoryLedger> {
        hold(&self.disk).clone()
    }

    /// Something happens in the middle of a run.
    pub fn strike(&self, trip: Trip) {
        match trip {
            Trip::Revoke(account) => self.stripe[account].revoke_key(),
            Trip::Restrict(account) => self.restrict(account),
            Trip::Unplug(account) => hold(&self.wires).unplug(account, true),
            Trip::Disk(commits, written) => *hold(&self.mood) = (commits, written),
            Trip::Edit => edits::edit(self),
            Trip::Crash | Trip::Stop | Trip::Stand(_) => {}
        }
    }

    fn restrict(&self, account: &str) {
        let all = ["customer_write", "invoice_write", "customer_read", "invoice_read", "accounts_kyc_basic_read"];
        let left = all.iter().filter(|_| self.roll(2) == 0).map(|&name| name.to_owned()).collect();
        self.stripe[account].set_permissions(Some(left));
    }

    /// Counts.
    pub fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// Counts several.
    pub fn add(&self, what: &'static str, number: u64) {
        *hold(&self.counters).entry(what).or_default() += number;
    }

    /// The counts.
    pub fn counters(&self) -> BTreeMap<&'static str, u64> {
        hold(&self.counters).clone()
    }

    /// Adds a line to the story, if somebody listens.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut *hold(&self.story) {
            let at = self.began.elapsed().as_secs();
            let _ = writeln!(story, "{at:>8} {}", line());
        }
    }

    /// The story so far.
    pub fn story(&self) -> String {
        hold(&self.story).clone().unwrap_or_default()
    }
}
