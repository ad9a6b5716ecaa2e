//! Things that happen in the middle of a run: at the k-th call of a port, counted over all ports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rowbill::run::Stop;
use tokio::sync::Notify;

use super::world::{World, hold};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// The process dies: nothing that it has not committed is left.
    Crash,
    /// Somebody asks it to stop.
    Stop,
    /// The key of an account is revoked.
    Revoke(&'static str),
    /// The key of an account may do less.
    Restrict(&'static str),
    /// An account is out of reach.
    Unplug(&'static str),
    /// The next so many commits fail; with `true` they are written all the same.
    Disk(u32, bool),
    /// The process stands still here.
    Stand(Duration),
    /// Somebody edits a table.
    Edit,
}

/// The trips of a run, and how many calls there have been.
#[derive(Debug, Default)]
pub struct Trips {
    calls: u64,
    plan: Vec<(u64, Trip)>,
}

impl Trips {
    /// Sets what happens, counted from now.
    pub fn set(&mut self, plan: Vec<(u64, Trip)>) {
        *self = Self { calls: 0, plan };
    }

    /// Counts a call, and gives what happens at it. A process stands still only where the protocol allows it: not
    /// between the look at the clock and the first byte.
    fn call(&mut self, may_stand: bool) -> Vec<Trip> {
        self.calls += 1;
        let calls = self.calls;
        let is_due = |at: u64, trip: Trip| at <= calls && (may_stand || !matches!(trip, Trip::Stand(_)));
        let due = self.plan.iter().filter(|(at, trip)| is_due(*at, *trip)).map(|(_, trip)| *trip).collect();
        self.plan.retain(|(at, trip)| !is_due(*at, *trip));
        due
    }
}

/// Whether a process lives.
#[derive(Debug, Default)]
pub struct Power {
    off: AtomicBool,
    died: Notify,
    /// How it is asked to stop.
    pub stop: Arc<Stop>,
}

impl Power {
    /// Waits until it has died.
    pub async fn gone(&self) {
        self.died.notified().await;
    }

    /// Whether it lives.
    pub fn is_on(&self) -> bool {
        !self.off.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        self.off.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }
}

/// A port of a process: every call goes through here before and after it does anything.
#[derive(Clone)]
pub struct Port {
    /// The world.
    pub world: Arc<World>,
    /// The process.
    pub power: Arc<Power>,
}

impl Port {
    /// One call. It never returns in a process that has died.
    pub async fn pass(&self, may_stand: bool) {
        self.is_alive().await;
        let due = hold(&self.world.trips).call(may_stand);
        for trip in due {
            self.world.tell(|| format!("    ! {trip:?}"));
            self.world.count(trip.name());
            match trip {
                Trip::Crash => self.power.cut(),
                Trip::Stop => self.power.stop.ask(),
                Trip::Stand(time) => tokio::time::sleep(time).await,
                other => self.world.strike(other),
            }
            self.is_alive().await;
        }
    }

    async fn is_alive(&self) {
        if !self.power.is_on() {
            std::future::pending::<()>().await;
        }
    }
}

impl Trip {
    /// For counting.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crashes",
            Self::Stop => "stops",
            Self::Revoke(_) => "keys revoked",
            Self::Restrict(_) => "keys restricted",
            Self::Unplug(_) => "accounts out of reach",
            Self::Disk(_, false) => "disks full",
            Self::Disk(_, true) => "disks that lie",
            Self::Stand(_) => "standstills",
            Self::Edit => "edits midway",
        }
    }
}

/// The disk's moods: so many commits fail, and whether they are written.
pub type Mood = Mutex<(u32, bool)>;
