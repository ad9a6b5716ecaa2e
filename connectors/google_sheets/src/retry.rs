//! When a request is made again, and when no more.

use std::time::Duration;

use rand::RngExt;
use rowbill_connector::Problem;
use tokio::time::{Instant, sleep};

const TRIES: u32 = 5;
const LONGEST: Duration = Duration::from_mins(2);

/// Why a request has not given what was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another try may help, after `wait` where Google said so.
    Again { wait: Option<Duration>, problem: Box<Problem> },
    /// The token was refused: one more try with a new one.
    Login(Box<Problem>),
    /// Nothing will change by trying.
    Final(Box<Problem>),
}

impl Failure {
    pub(crate) fn last(problem: Problem) -> Self {
        Self::Final(Box::new(problem))
    }

    pub(crate) fn again(problem: Problem) -> Self {
        Self::Again { wait: None, problem: Box::new(problem) }
    }
}

/// The tries of one request.
#[derive(Debug)]
pub(crate) struct Backoff {
    failed: u32,
    new_token: bool,
    began: Instant,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { failed: 0, new_token: false, began: Instant::now() }
    }

    /// How long to wait before the next try; the problem when there is to be none.
    pub(crate) fn next(&mut self, failure: Failure) -> Result<Duration, Problem> {
        let (wait, problem) = match failure {
            Failure::Final(problem) => return Err(*problem),
            Failure::Login(problem) if self.new_token => return Err(*problem),
            Failure::Login(_) => {
                self.new_token = true;
                return Ok(Duration::ZERO);
            }
            Failure::Again { wait, problem } => (wait, problem),
        };
        self.failed += 1;
        // Jitter goes on top, so that sources that were refused together do not come back together.
        let wait = wait.unwrap_or_else(|| Duration::from_secs(1 << (self.failed - 1)));
        let wait = wait + wait.mul_f32(rand::rng().random_range(0.0..0.5));
        if self.failed >= TRIES || self.began.elapsed() + wait > LONGEST {
            return Err(*problem);
        }
        tracing::debug!(code = problem.code, ?wait, "trying again");
        Ok(wait)
    }

    /// Waits for the next try.
    pub(crate) async fn wait(&mut self, failure: Failure) -> Result<(), Problem> {
        sleep(self.next(failure)?).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(wait: Option<u64>) -> Failure {
        let problem = Box::new(Problem::new("source.rate_limited", "no"));
        Failure::Again { wait: wait.map(Duration::from_secs), problem }
    }

    #[tokio::test(start_paused = true)]
    async fn five_tries_with_growing_waits() {
        let mut backoff = Backoff::new();
        let start = Instant::now();
        let mut tries = 1;
        while backoff.wait(refused(None)).await.is_ok() {
            tries += 1;
        }
        assert_eq!(tries, TRIES);
        assert!((15..=23).contains(&start.elapsed().as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_google_asks_for_is_honoured_within_two_minutes() {
        let mut backoff = Backoff::new();
        let wait = backoff.next(refused(Some(30))).unwrap();
        assert!((30..=45).contains(&wait.as_secs()));
        assert!(backoff.next(refused(Some(121))).is_err());
        assert_eq!(Backoff::new().next(refused(Some(0))), Ok(Duration::ZERO));
    }
}
