//! What time it is: ours, and for all that was sent the target's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rowbill_connector::Target;
use tokio::time::Instant;

use crate::protocol::Time;

/// The wall clock, with the shift that tests ask for; or a simulated one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Seconds to add.
    shift: i64,
    /// What it showed when a simulation began; it goes on with tokio's clock, which can be paused.
    simulated: Option<(SystemTime, Instant)>,
}

impl Clock {
    /// The wall clock, so many seconds ahead.
    pub fn shifted(shift: i64) -> Self {
        Self { shift, simulated: None }
    }

    /// A clock that shows this now and goes with tokio's; so many seconds ahead of that.
    pub fn simulated(from: SystemTime, shift: i64) -> Self {
        Self { shift, simulated: Some((from, Instant::now())) }
    }

    fn wall(self) -> SystemTime {
        self.simulated.map_or_else(SystemTime::now, |(from, since)| from + since.elapsed())
    }

    /// Seconds since 1970 UTC.
    pub fn now(self) -> Time {
        seconds(self.wall()) + self.shift
    }

    /// A number that grows: what an earlier ledger has counted by hand, and a backup does not know, is smaller.
    pub fn minute(self) -> u32 {
        u32::try_from(self.now() / 60).unwrap_or(u32::MAX - 1)
    }

    /// The target's own time, where it has been heard: what was sent has an age whatever our clock is set to.
    pub fn now_for(self, target: &dyn Target) -> Time {
        target.clock().map_or(self.now(), seconds)
    }

    /// How far another clock is ahead of this one, in seconds.
    pub fn ahead(self, other: SystemTime) -> Time {
        seconds(other) - self.now()
    }

    /// How long it is until an instant; nothing when it has passed.
    pub fn until(self, at: Time) -> Duration {
        let now = self.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at - self.shift).unwrap_or(0);
        Duration::from_secs(at).saturating_sub(now)
    }
}

fn seconds(at: SystemTime) -> Time {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}
