//! The sandbox's clock: real or simulated time, moved ahead on demand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// What the sandbox takes for the time: in `created`, in the `Date` header, and for the age of idempotency keys.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_ms: AtomicU64,
    /// What it showed when a simulation began; it goes on with tokio's clock, which can be paused.
    simulated: Option<(SystemTime, Instant)>,
}

impl Clock {
    /// A clock that shows this now, and goes with tokio's.
    pub(crate) fn simulated(from: SystemTime) -> Self {
        Self { ahead_ms: AtomicU64::default(), simulated: Some((from, Instant::now())) }
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The sandbox's time.
    pub fn now(&self) -> SystemTime {
        let now = self.simulated.map_or_else(SystemTime::now, |(from, since)| from + since.elapsed());
        now + Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    /// The sandbox's time in seconds since 1970 UTC.
    pub fn unix(&self) -> i64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}
