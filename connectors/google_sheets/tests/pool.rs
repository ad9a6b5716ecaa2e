//! What polling costs: readings that share requests and answers, and marks that need none.

use std::time::Duration;

use futures::{FutureExt, StreamExt, poll, stream};
use rowbill_connector::suite::source::all;
use rowbill_connector::{Layout, Mark, Problem, Row, Source, Written};
use rowbill_google_sheets::fake::{FakeSheets, Fault, SPREADSHEET};
use rowbill_google_sheets::{Budget, Login, Pool, SheetsConfig, SheetsSource};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{advance, pause, resume, sleep};

const GET: &str = "spreadsheets.get";
const READ: &str = "values.batchGet";
const WRITE: &str = "values.batchUpdate";
/// How long a request gathers readings.
const GATHER: Duration = Duration::from_millis(50);
const FRESH: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_hours(1);

/// A daemon with one login, budget and pool, and a spreadsheet of two sheets.
struct Daemon {
    fake: FakeSheets,
    login: Login,
    budget: Budget,
    pool: Pool,
    _directory: TempDir,
}

impl Daemon {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fake = FakeSheets::start();
        fake.set_rows("Orders", rows(json!([["Order", "Status", "Stripe ID"], ["A-1", "done", "ii_A-1"], ["A-2"]])));
        fake.set_rows("Customers", rows(json!([["Name"], ["Olena"]])));
        let login = Login::open(&fake.login_file(directory.path()), "login.json").unwrap();
        Self { fake, login, budget: Budget::new(), pool: Pool::new(), _directory: directory }
    }

    /// As every run makes one of its own.
    fn source(&self, sheet: &str, max_age: Duration) -> SheetsSource {
        let api_base = Some(self.fake.url().to_owned());
        let config =
            SheetsConfig { spreadsheet: SPREADSHEET.into(), sheet: sheet.into(), api_base, write: true, max_age };
        SheetsSource::new(config, &self.login, &self.budget, &self.pool).unwrap()
    }

    async fn read(&self, sheet: &str, max_age: Duration) -> Result<Vec<Row>, Problem> {
        all(&self.source(sheet, max_age)).await
    }

    /// The requests to the spreadsheet since the last time.
    fn requests(&self) -> Vec<String> {
        let calls = self.fake.calls().into_iter().map(|call| call.method).filter(|method| method != "token").collect();
        self.fake.forget_calls();
        calls
    }

    /// The ranges of the last request.
    fn ranges(&self) -> Vec<String> {
        let query = self.fake.calls().pop().unwrap().query;
        query.into_iter().filter(|(name, _)| name == "ranges").map(|(_, range)| range).collect()
    }

    /// A daemon that has read already, and whose requests so far are forgotten.
    async fn warm() -> Self {
        let daemon = Self::new();
        daemon.read("Orders", FRESH).await.unwrap();
        daemon.requests();
        daemon
    }
}

fn rows(cells: Value) -> Vec<Vec<Value>> {
    serde_json::from_value(cells).unwrap()
}

fn mark(number: u64, key: &str, status: &str, id: &str) -> Mark {
    Mark { number, key: vec![key.into()], values: vec![status.into(), id.into()] }
}

/// What stands in the sheet already.
fn marks() -> Vec<Mark> {
    vec![mark(2, "A-1", "done", "ii_A-1"), mark(3, "A-2", "", "")]
}

async fn write(source: &SheetsSource, marks: Vec<Mark>) -> Result<Written, Problem> {
    let layout = Layout { key: vec!["Order".into()], columns: vec!["Status".into(), "Stripe ID".into()] };
    source.write_back(&layout, stream::iter([marks]).boxed()).await
}

#[tokio::test]
async fn ten_polls_of_an_unchanged_sheet_are_ten_reads() {
    let daemon = Daemon::new();
    for _ in 0..10 {
        let source = daemon.source("Orders", FRESH);
        assert_eq!(all(&source).await.unwrap().len(), 2);
        assert_eq!(write(&source, marks()).await, Ok(Written { rows: 2, missing: 0 }));
    }
    let mut expected = vec![READ; 10];
    expected.insert(0, GET);
    assert_eq!(daemon.requests(), expected);
}

#[tokio::test]
async fn the_facts_are_asked_for_again_after_ten_minutes() {
    let daemon = Daemon::warm().await;
    for (wait, expected) in [(540, vec![READ]), (60, vec![GET, READ])] {
        pause();
        advance(Duration::from_secs(wait)).await;
        resume();
        daemon.read("Orders", FRESH).await.unwrap();
        assert_eq!(daemon.requests(), expected);
    }
}

#[tokio::test]
async fn marks_that_may_not_be_in_place_are_looked_up() {
    let daemon = Daemon::warm().await;
    let cases = [
        ("a mark differs", vec![mark(2, "A-1", "done", "ii_A-1"), mark(3, "A-2", "done", "")], vec![READ, READ, WRITE]),
        ("all is in place", vec![mark(2, "A-1", "done", "ii_A-1"), mark(3, " A-2 ", "done", "")], vec![READ]),
        ("a key is not at its number", vec![mark(3, "A-1", "done", "ii_A-1")], vec![READ, READ]),
        ("no row has this number", vec![mark(0, "A-1", "done", "ii_A-1")], vec![READ, READ]),
    ];
    for (name, marks, expected) in cases {
        let source = daemon.source("Orders", FRESH);
        all(&source).await.unwrap();
        let written = Written { rows: marks.len() as u64, missing: 0 };
        assert_eq!(write(&source, marks).await, Ok(written), "{name}");
        assert_eq!(daemon.requests(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_costs_no_look_either() {
    let daemon = Daemon::warm().await;
    daemon.fake.set_rows("Orders", rows(json!([["Stripe ID", "Order", "Status"], ["", "A-1"], ["", "A-1"], ["", 7]])));
    let source = daemon.source("Orders", FRESH);
    all(&source).await.unwrap();
    let marks = vec![mark(2, "A-1", "failed", ""), mark(3, "A-1", "failed", ""), mark(4, "7", "", "")];
    assert_eq!(write(&source, marks).await, Ok(Written { rows: 1, missing: 2 }));
    assert_eq!(daemon.requests(), [READ]);
}

#[tokio::test]
async fn sources_that_read_at_the_same_time_are_one_request() {
    let daemon = Daemon::new();
    let sources = ["Orders", "Customers", "Orders"].map(|sheet| daemon.source(sheet, FRESH));
    let [orders, customers, again] = &sources;
    let (orders, customers, again) = tokio::join!(all(orders), all(customers), all(again));
    assert_eq!(daemon.ranges(), ["'Orders'", "'Customers'"]);
    assert_eq!(daemon.requests(), [GET, READ]);
    assert_eq!(orders.as_ref().unwrap().len(), 2);
    assert_eq!((customers.unwrap().len(), &again), (1, &orders));
}

#[tokio::test]
async fn an_answer_is_used_again_within_the_age_that_a_source_allows() {
    let daemon = Daemon::warm().await;
    for (max_age, expected) in [(HOUR, vec![READ]), (HOUR, vec![]), (FRESH, vec![READ]), (HOUR, vec![])] {
        assert_eq!(daemon.read("Orders", max_age).await.unwrap().len(), 2);
        assert_eq!(daemon.requests(), expected);
    }
    daemon.read("Customers", HOUR).await.unwrap();
    assert_eq!(daemon.requests(), [READ], "it is another sheet");
}

#[tokio::test]
async fn a_reading_without_age_sees_a_change_at_once() {
    let daemon = Daemon::warm().await;
    let before = daemon.read("Orders", HOUR).await.unwrap();
    daemon.fake.set_rows("Orders", rows(json!([["Order"], ["A-9"]])));
    assert_eq!(daemon.read("Orders", HOUR).await.unwrap(), before);
    let now = daemon.read("Orders", FRESH).await.unwrap();
    assert_eq!((now.len(), now[0].cells[0].text()), (1, "A-9"));
    assert_eq!(daemon.read("Orders", HOUR).await.unwrap(), now, "the newest answer is the one that is kept");
}

#[tokio::test]
async fn a_sheet_that_has_gone_fails_only_its_own_source() {
    let daemon = Daemon::warm().await;
    daemon.fake.rename_sheet("Customers", "Clients");
    let both = || async { tokio::join!(daemon.read("Customers", FRESH), daemon.read("Orders", FRESH)) };
    let (gone, there) = both().await;
    let problem = gone.unwrap_err();
    assert_eq!(problem.code, "source.sheet_missing");
    assert_eq!(problem.place.unwrap().source.as_deref(), Some("Customers!"));
    assert_eq!(there.unwrap().len(), 2);
    assert_eq!(daemon.requests(), [READ, GET, READ]);
    let (gone, there) = both().await;
    assert_eq!((gone.unwrap_err().code.as_str(), there.unwrap().len()), ("source.sheet_missing", 2));
    assert_eq!(daemon.requests(), [GET, READ], "it may have come back");
    daemon.fake.rename_sheet("Clients", "Customers");
    assert!(both().await.0.is_ok());
}

#[tokio::test]
async fn a_sheet_that_is_refused_spoils_no_other_and_flies_alone_then() {
    let daemon = Daemon::warm().await;
    let both = || async { tokio::join!(daemon.read("Orders", FRESH), daemon.read("Customers", FRESH)) };
    for _ in 0..2 {
        daemon.fake.fail(Fault::status(400).of(READ));
    }
    let (refused, other) = both().await;
    assert_eq!(refused.unwrap_err().code, "source.refused");
    assert_eq!(other.unwrap().len(), 1);
    assert_eq!(daemon.requests(), [READ, GET, READ, READ]);
    assert!(both().await.0.is_ok());
    assert_eq!(daemon.requests(), [READ, READ]);
    assert!(both().await.0.is_ok());
    assert_eq!(daemon.requests(), [READ], "it was answered since");
}

#[tokio::test]
async fn a_failure_is_told_to_all_aboard_and_not_kept() {
    let daemon = Daemon::warm().await;
    daemon.fake.fail(Fault::status(403).of(READ));
    let (orders, customers) = tokio::join!(daemon.read("Orders", HOUR), daemon.read("Customers", HOUR));
    for (result, origin) in [(orders, "Orders!"), (customers, "Customers!")] {
        let problem = result.unwrap_err();
        assert_eq!(problem.code, "source.forbidden");
        assert!(problem.advice.unwrap().contains("as Editor"));
        assert_eq!(problem.place.unwrap().source.as_deref(), Some(origin));
    }
    assert_eq!(daemon.requests(), [READ]);
    assert_eq!(daemon.read("Orders", HOUR).await.unwrap().len(), 2);
    daemon.fake.remove();
    let (orders, customers) = tokio::join!(daemon.read("Orders", FRESH), daemon.read("Customers", FRESH));
    assert_eq!([orders, customers].map(|result| result.unwrap_err().code), ["source.not_found"; 2].map(str::to_owned));
}

#[tokio::test]
async fn nobody_hangs_when_the_one_who_began_the_flight_is_gone() {
    let daemon = Daemon::warm().await;
    let mut first = daemon.read("Orders", FRESH).boxed();
    assert!(poll!(&mut first).is_pending());
    let mut others = [daemon.read("Orders", FRESH).boxed(), daemon.read("Customers", FRESH).boxed()];
    for other in &mut others {
        assert!(poll!(other).is_pending());
    }
    drop(first);
    for other in others {
        assert!(other.await.is_ok());
    }
    assert_eq!(daemon.requests(), [READ]);
}

#[tokio::test]
async fn a_write_drops_the_answers_from_before_it() {
    let daemon = Daemon::warm().await;
    let source = daemon.source("Orders", HOUR);
    all(&source).await.unwrap();
    daemon.read("Customers", HOUR).await.unwrap();
    write(&source, vec![mark(3, "A-2", "done", "ii_A-2")]).await.unwrap();
    assert_eq!(daemon.requests(), [READ, READ, READ, WRITE]);
    assert_eq!(daemon.read("Orders", HOUR).await.unwrap()[1].cells[1].text(), "done");
    daemon.read("Customers", HOUR).await.unwrap();
    assert_eq!(daemon.requests(), [READ, READ]);
    let source = daemon.source("Orders", HOUR);
    all(&source).await.unwrap();
    write(&source, vec![mark(3, "A-2", "done", "ii_A-2")]).await.unwrap();
    daemon.read("Orders", HOUR).await.unwrap();
    assert_eq!(daemon.requests(), [""; 0], "nothing was written, and nothing is outdated");
}

#[tokio::test]
async fn a_request_that_waits_for_the_quota_still_gathers() {
    let daemon = Daemon::warm().await;
    daemon.fake.fail(Fault::status(429).of(READ).retry_after(1));
    let mut held = daemon.read("Orders", FRESH).boxed();
    // Nothing can be asked before this second has passed.
    while !format!("{:?}", daemon.budget).contains("not_before: Some") {
        assert!((&mut held).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let mut early = daemon.read("Orders", FRESH).boxed();
    assert!(poll!(&mut early).is_pending());
    sleep(GATHER).await;
    let (held, early, late) = tokio::join!(held, early, daemon.read("Customers", FRESH));
    assert!(held.is_ok() && early.is_ok() && late.is_ok());
    assert_eq!(daemon.requests(), [READ, READ, READ]);
}

#[tokio::test]
async fn pools_and_spreadsheets_share_nothing_with_others() {
    let daemon = Daemon::warm().await;
    daemon.read("Orders", HOUR).await.unwrap();
    let other = Daemon { pool: Pool::new(), ..daemon };
    other.read("Orders", HOUR).await.unwrap();
    assert_eq!(other.requests(), [READ, GET, READ]);
}
