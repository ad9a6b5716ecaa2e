//! The quota that all requests of the process share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

const WINDOW: Duration = Duration::from_mins(1);
/// What Google allows one user of a project in a minute, for reads and for writes alike.
const PER_MINUTE: usize = 60;

/// What a request is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// Reads and writes of the last minute, for a whole process: clones share them.
#[derive(Clone, Debug)]
pub struct Budget {
    reads: Arc<Mutex<Window>>,
    writes: Arc<Mutex<Window>>,
}

#[derive(Debug)]
struct Window {
    limit: usize,
    /// When the requests of the last minute were made, oldest first.
    made: VecDeque<Instant>,
    not_before: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// Google's quota: 60 reads and 60 writes in any minute.
    pub fn new() -> Self {
        let window = || Arc::new(Mutex::new(Window { limit: PER_MINUTE, made: VecDeque::new(), not_before: None }));
        Self { reads: window(), writes: window() }
    }

    /// Waits for room for one more request. Whoever waits first goes first.
    pub(crate) async fn take(&self, kind: Kind) {
        let mut window = self.window(kind).lock().await;
        while let Some(free) = window.next_free(Instant::now()) {
            tracing::info!(?kind, wait = ?free.saturating_duration_since(Instant::now()), "waiting for the Sheets quota");
            sleep_until(free).await;
        }
        window.made.push_back(Instant::now());
    }

    /// Google said that there is no room: nobody asks before this time has passed.
    pub(crate) async fn hold(&self, kind: Kind, wait: Duration) {
        let until = Instant::now() + wait;
        let mut window = self.window(kind).lock().await;
        window.not_before = Some(window.not_before.map_or(until, |before| before.max(until)));
    }

    fn window(&self, kind: Kind) -> &Mutex<Window> {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        }
    }
}

impl Window {
    /// When the next request may be made; `None` for now.
    fn next_free(&mut self, now: Instant) -> Option<Instant> {
        while self.made.front().is_some_and(|&made| made + WINDOW <= now) {
            self.made.pop_front();
        }
        let full = (self.made.len() >= self.limit).then(|| self.made[0] + WINDOW);
        let held = self.not_before.filter(|&until| until > now);
        full.max(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_than_sixty() {
        let budget = Budget::new();
        let other_source = budget.clone();
        let start = Instant::now();
        let mut made = Vec::new();
        for at in 0..150 {
            let budget = if at % 2 == 0 { &budget } else { &other_source };
            budget.take(Kind::Read).await;
            made.push(start.elapsed());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert!(made.windows(61).all(|window| window[60] >= window[0] + WINDOW));
        assert!(made[119] < Duration::from_secs(70), "no slower than it must be: {:?}", made[119]);
        budget.take(Kind::Write).await;
        assert!(start.elapsed() < made[149] + Duration::from_secs(1), "writes are counted for themselves");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_holds_everyone() {
        let budget = Budget::new();
        budget.hold(Kind::Read, Duration::from_secs(7)).await;
        let start = Instant::now();
        budget.clone().take(Kind::Read).await;
        assert!(start.elapsed() >= Duration::from_secs(7));
    }
}
