//! What all sources of one spreadsheet share: its facts, and the answers to their readings.

mod ask;
mod facts;
mod flights;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use google_sheets4::api::ValueRange;
use rowbill_connector::Problem;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Client, Facts, Values};
use crate::problems;
use crate::retry::Failure;
use facts::KnownFacts;
use flights::{Departure, Flights, Seat};

/// How long the first reading waits for others of the same spreadsheet, to ask for all of them at once.
const GATHER: Duration = Duration::from_millis(50);

/// The spreadsheets of a whole process: sources that are made with the same pool share their reads. Clones share it.
///
/// Readings of one spreadsheet by one login that begin at the same time are one request. What was answered is kept in
/// memory for as long as [`SheetsConfig::max_age`](crate::SheetsConfig::max_age) allows its use, and no longer.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Mutex<HashMap<Key, Arc<Spreadsheet>>>>);

/// Whoever asks the same place for the same spreadsheet sees the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    email: String,
    api_base: Option<String>,
    spreadsheet: String,
}

/// One spreadsheet as one login sees it.
#[derive(Debug, Default)]
pub(crate) struct Spreadsheet {
    facts: KnownFacts,
    flights: Mutex<Flights>,
}

/// A sheet as it was at one moment.
pub(crate) struct Answer {
    pub(crate) values: Arc<Values>,
    pub(crate) zone: Option<String>,
    /// Before the request was made: the sheet was not looked at earlier.
    pub(crate) begun: Instant,
}

impl Pool {
    /// A pool that knows no spreadsheet yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The spreadsheet of a source.
    pub(crate) fn spreadsheet(&self, client: &Client) -> Arc<Spreadsheet> {
        let config = &client.config;
        let key = Key {
            email: client.email().to_owned(),
            api_base: config.api_base.clone(),
            spreadsheet: config.spreadsheet.clone(),
        };
        let mut known = locked(&self.0);
        // One that nobody uses is remembered for its facts alone.
        known.retain(|_, spreadsheet| Arc::strong_count(spreadsheet) > 1 || spreadsheet.facts.are_young());
        let spreadsheet = Arc::clone(known.entry(key).or_default());
        spreadsheet.flights().keep_for(config.max_age);
        spreadsheet
    }
}

impl Spreadsheet {
    /// One sheet, asked for together with others that are wanted now, or as it was at most the source's `max_age` ago.
    pub(crate) async fn read(self: &Arc<Self>, client: &Client) -> Result<Arc<Answer>, Problem> {
        let config = &client.config;
        let seat = self.flights().seat(config, Instant::now());
        let mut landing = match seat {
            Seat::Answered(answer) => return Ok(answer),
            Seat::Aboard(landing) => landing,
            Seat::First(landing, departure) => {
                // A task of its own: whoever began the flight may be dropped while others wait for it.
                tokio::spawn(Arc::clone(self).fly(client.clone(), departure));
                landing
            }
        };
        let landed = match landing.wait_for(Option::is_some).await {
            Ok(landed) => landed.as_ref().and_then(|results| results.get(&config.sheet).cloned()),
            Err(_) => None,
        };
        let result = landed.unwrap_or_else(|| Err(problems::unavailable(config, "the reading was broken off")));
        result.map_err(|problem| problems::shared(config, client.email(), problem))
    }

    /// One request from its beginning to when its answers are forgotten.
    async fn fly(self: Arc<Self>, client: Client, departure: Departure) {
        let Departure { number, results: announce } = departure;
        sleep(GATHER).await;
        // Until the request can leave, others may come aboard.
        let ready = self.facts.young(&client).await;
        if ready.is_ok() {
            client.room().await;
        }
        let Some(flight) = self.flights().depart(number, Instant::now()) else { return };
        let results = match ready {
            Ok(_) => ask::ask(&self.facts, &client, &flight).await,
            Err(problem) => flight.sheets.iter().map(|sheet| (sheet.clone(), Err(problem.clone()))).collect(),
        };
        let forget_at = self.flights().land(&flight, &results, Instant::now());
        announce.send_replace(Some(Arc::new(results)));
        drop(announce);
        if let Some(at) = forget_at {
            sleep_until(at).await;
            self.flights().forget(Instant::now());
        }
    }

    /// Time zone and sheets, with the source's own among them.
    pub(crate) async fn facts(&self, client: &Client) -> Result<Facts, Problem> {
        let config = &client.config;
        let facts = self.facts.with(client, std::slice::from_ref(&config.sheet), Instant::now()).await?;
        if !facts.sheets.contains(&config.sheet) {
            return Err(problems::sheet_missing(config, &facts.sheets));
        }
        Ok(facts)
    }

    /// After a refusal it may be that the sheet has gone or has another name since.
    pub(crate) async fn explain(&self, client: &Client, problem: Problem) -> Problem {
        if !problems::is_refusal(&problem) {
            return problem;
        }
        match self.facts.since(client, Instant::now()).await {
            Ok(facts) if facts.sheets.contains(&client.config.sheet) => problem,
            Ok(facts) => problems::sheet_missing(&client.config, &facts.sheets),
            Err(problem) => problem,
        }
    }

    /// Writes ranges as they are, once. Nobody is given an answer from before it afterwards.
    pub(crate) async fn update_once(&self, client: &Client, data: Vec<ValueRange>) -> Result<(), Failure> {
        let _write = Write::begin(self);
        client.update_once(data).await
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        locked(&self.flights)
    }
}

/// A write on its way. Also when nobody waits for it any more, it may have been carried out.
struct Write<'a>(&'a Spreadsheet);

impl<'a> Write<'a> {
    fn begin(spreadsheet: &'a Spreadsheet) -> Self {
        spreadsheet.flights().outdate();
        Self(spreadsheet)
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.0.flights().outdate();
    }
}

/// The cells are not shown.
impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("rows", &self.values.len()).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "fake"))]
mod tests {
    use super::*;
    use crate::fake::{FakeSheets, SPREADSHEET};
    use crate::{Budget, Login, SheetsConfig};

    #[tokio::test]
    async fn an_answer_leaves_memory_when_nobody_would_use_it() {
        let (fake, directory) = (FakeSheets::start(), tempfile::tempdir().unwrap());
        fake.set_rows("O", vec![vec!["Order".into()]]);
        let login = Login::open(&fake.login_file(directory.path()), "login.json").unwrap();
        let config = SheetsConfig {
            spreadsheet: SPREADSHEET.into(),
            sheet: "O".into(),
            api_base: Some(fake.url().into()),
            write: false,
            max_age: Duration::from_secs(10),
        };
        let client = Client::new(config, login, Budget::new());
        let spreadsheet = Pool::new().spreadsheet(&client);
        let answer = spreadsheet.read(&client).await.unwrap();
        assert_eq!(Arc::strong_count(&answer), 2, "kept for the next");
        tokio::time::pause();
        sleep(client.config.max_age + Duration::from_millis(1)).await;
        assert_eq!(Arc::strong_count(&answer), 1);
    }
}
