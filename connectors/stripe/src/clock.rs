//! Stripe's clock, as last heard in the `Date` header of an answer.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tokio::time::Instant;

/// The newest `Date`, and when we heard it. Ours may be set back; an intent must not grow younger by that.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<(SystemTime, Instant)>>);

impl Clock {
    /// Takes an answer's `Date`.
    pub(crate) fn hear(&self, date: &str) {
        if let Ok(date) = httpdate::parse_http_date(date) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
    }

    /// What that clock shows now.
    pub(crate) fn now(&self) -> Option<SystemTime> {
        let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.and_then(|(date, at)| date.checked_add(at.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
}
