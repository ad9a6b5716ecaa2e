//! Time zone and sheets of a spreadsheet, asked for when they are wanted and not known.

use std::time::Duration;

use rowbill_connector::Problem;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::{Client, Facts};

/// How long they are believed.
const LONGEST: Duration = Duration::from_mins(10);

/// The facts as they were last seen. Whoever asks holds the lock: those who come meanwhile wait for the same answer.
#[derive(Debug, Default)]
pub(super) struct KnownFacts(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    /// Before the request was made.
    begun: Instant,
    facts: Facts,
}

impl KnownFacts {
    /// Facts that are young enough.
    pub(super) async fn young(&self, client: &Client) -> Result<Facts, Problem> {
        self.unless(client, Seen::is_young).await
    }

    /// Young facts that have all these sheets; or else facts that are not from before `called`.
    pub(super) async fn with(&self, client: &Client, sheets: &[String], called: Instant) -> Result<Facts, Problem> {
        let has_all = |seen: &Seen| sheets.iter().all(|sheet| seen.facts.sheets.contains(sheet));
        self.unless(client, |seen| (seen.is_young() && has_all(seen)) || seen.begun >= called).await
    }

    /// Facts that are not from before `moment`.
    pub(super) async fn since(&self, client: &Client, moment: Instant) -> Result<Facts, Problem> {
        self.unless(client, |seen| seen.begun >= moment).await
    }

    /// Whether there is something to remember. Facts that are being asked for will be.
    pub(super) fn are_young(&self) -> bool {
        self.0.try_lock().map_or(true, |seen| seen.as_ref().is_some_and(Seen::is_young))
    }

    async fn unless(&self, client: &Client, is_good: impl Fn(&Seen) -> bool + Send) -> Result<Facts, Problem> {
        let mut seen = self.0.lock().await;
        if let Some(good) = seen.as_ref().filter(|seen| is_good(seen)) {
            return Ok(good.facts.clone());
        }
        // What is not good enough now is not believed later either, should the request fail.
        *seen = None;
        let begun = Instant::now();
        let facts = client.facts().await?;
        *seen = Some(Seen { begun, facts: facts.clone() });
        Ok(facts)
    }
}

impl Seen {
    fn is_young(&self) -> bool {
        self.begun.elapsed() < LONGEST
    }
}
