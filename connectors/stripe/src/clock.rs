//! Stripe's clock, as last heard in the `Date` header of an answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// The machine's own clocks may come apart by so much before what was heard is not trusted any more.
const TRUST: Duration = Duration::from_mins(1);

/// The newest `Date`, and when we heard it. It moves on by itself, also while the machine sleeps, and does not care how
/// the machine's own clock is set. After a jump of that clock it is not known until the next answer: a virtual machine
/// that stood still sees nothing else of it.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<Heard>>);

#[derive(Clone, Copy, Debug)]
struct Heard {
    date: SystemTime,
    at: Instant,
    wall: SystemTime,
    uptime: Duration,
}

impl Clock {
    /// Takes an answer's `Date`.
    pub(crate) fn hear(&self, date: &str) {
        if let Ok(date) = httpdate::parse_http_date(date) {
            let heard = Heard { date, at: Instant::now(), wall: SystemTime::now(), uptime: uptime() };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        }
    }

    /// What that clock shows now.
    pub(crate) fn now(&self) -> Option<SystemTime> {
        let heard = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        heard.date.checked_add(heard.since(SystemTime::now())?)
    }
}

impl Heard {
    /// How long ago it was, unless the wall clock says something else.
    fn since(&self, wall: SystemTime) -> Option<Duration> {
        let up = uptime().saturating_sub(self.uptime);
        let by_wall = wall.duration_since(self.wall).ok()?;
        (by_wall.abs_diff(up) <= TRUST).then(|| up.max(self.at.elapsed()))
    }
}

/// How long the machine has been up, with the time that it slept.
fn uptime() -> Duration {
    #[cfg(target_os = "linux")]
    const UP: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const UP: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(UP)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_moves_on_by_itself() {
        let clock = Clock::default();
        assert_eq!(clock.now(), None);
        clock.hear("Sun, 22 Nov 2026 07:14:02 GMT");
        clock.hear("not a date");
        tokio::time::advance(Duration::from_secs(90)).await;
        let wanted = httpdate::parse_http_date("Sun, 22 Nov 2026 07:15:32 GMT").unwrap();
        assert_eq!(clock.now(), Some(wanted));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_jump_of_our_own_clock_it_is_not_known() {
        let heard =
            Heard { date: SystemTime::UNIX_EPOCH, at: Instant::now(), wall: SystemTime::now(), uptime: uptime() };
        let (back, little, far) = (Duration::from_mins(1), Duration::from_secs(59), Duration::from_secs(62));
        assert!(heard.since(heard.wall).is_some());
        assert!(heard.since(heard.wall + little).is_some());
        assert_eq!(heard.since(heard.wall - back), None);
        assert_eq!(heard.since(heard.wall + far), None);
    }
}
