//! A fair token bucket that slows down when it is told to and opens again by itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The full rate, in thousandths.
const FULL: u32 = 1000;
/// The rate is never halved below this share of it, so that a bucket always opens again.
const LEAST: u32 = FULL / 20;
/// What comes back with each second without a 429.
const REOPENED: u32 = FULL / 10;
/// The 429s of one burst count once.
const ONE_BURST: Duration = Duration::from_millis(250);
/// This much of the rate may leave at once, which also makes up for late timers.
const BURST: Duration = Duration::from_millis(100);

/// One bucket. Who asks first leaves first; who gives up asking leaves nothing behind.
pub(crate) struct Bucket {
    queue: tokio::sync::Mutex<()>,
    pace: Mutex<Pace>,
}

impl Bucket {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { queue: tokio::sync::Mutex::default(), pace: Mutex::new(Pace::new(per_second, Instant::now())) }
    }

    /// Waits for a token.
    pub(crate) async fn take(&self) {
        // The mutex of tokio is first in, first out; its holder is the head of the queue.
        let _head = self.queue.lock().await;
        loop {
            let Err(wait) = self.pace().take(Instant::now()) else {
                return;
            };
            sleep(wait).await;
        }
    }

    /// Halves the rate.
    pub(crate) fn slow(&self, now: Instant) {
        self.pace().slow(now);
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The generic cell rate algorithm: only the moment is kept at which the bucket will be full again.
struct Pace {
    interval: Duration,
    burst: Duration,
    full_at: Instant,
    share: u32,
    slowed_at: Option<Instant>,
    reopened_at: Instant,
}

impl Pace {
    fn new(per_second: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            burst: BURST.saturating_sub(interval),
            full_at: now,
            share: FULL,
            slowed_at: None,
            reopened_at: now,
        }
    }

    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.reopen(now);
        let wait = self.full_at.saturating_duration_since(now + self.burst);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.full_at = self.full_at.max(now) + self.interval * FULL / self.share;
        Ok(())
    }

    fn slow(&mut self, now: Instant) {
        self.reopen(now);
        self.reopened_at = now;
        if self.slowed_at.is_some_and(|at| now < at + ONE_BURST) {
            return;
        }
        self.slowed_at = Some(now);
        self.share = (self.share / 2).max(LEAST);
    }

    fn reopen(&mut self, now: Instant) {
        while self.share < FULL && now >= self.reopened_at + Duration::from_secs(1) {
            self.share = (self.share + REOPENED).min(FULL);
            self.reopened_at += Duration::from_secs(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_a_tenth_of_a_second() {
        let (bucket, start) = (Bucket::new(100), Instant::now());
        for _ in 0..10 {
            bucket.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            bucket.take().await;
        }
        assert!((990..1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_leaves_first() {
        let bucket = Arc::new(Bucket::new(2));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (bucket, order) = (Arc::clone(&bucket), Arc::clone(&order));
            tasks.spawn(async move {
                bucket.take().await;
                order.lock().unwrap().push(number);
            });
            tokio::task::yield_now().await;
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_costs_nothing() {
        let (bucket, start) = (Bucket::new(1), Instant::now());
        bucket.take().await;
        for _ in 0..5 {
            let _ = tokio::time::timeout(Duration::from_millis(10), bucket.take()).await;
        }
        bucket.take().await;
        assert!(start.elapsed().as_millis() <= 1001, "{:?}", start.elapsed());
    }

    #[test]
    fn a_429_halves_the_rate_once_and_quiet_seconds_reopen_it() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        for _ in 0..30 {
            pace.slow(start);
        }
        assert_eq!(pace.share, FULL / 2);
        pace.slow(start + Duration::from_millis(900));
        assert_eq!(pace.share, FULL / 4);
        pace.reopen(start + Duration::from_millis(1800));
        assert_eq!(pace.share, FULL / 4);
        pace.reopen(start + Duration::from_millis(1900));
        assert_eq!(pace.share, FULL / 4 + REOPENED);
        pace.reopen(start + Duration::from_mins(1));
        assert_eq!(pace.share, FULL);
    }

    #[test]
    fn it_never_closes() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        for second in 0..100 {
            pace.slow(start + Duration::from_millis(300 * second));
        }
        assert_eq!(pace.share, LEAST);
    }
}
