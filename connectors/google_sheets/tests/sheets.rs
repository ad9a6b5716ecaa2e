//! What is special about sheets: their cells, Google's refusals, and marks that find their rows again.

use std::time::Duration;

use futures::{StreamExt, stream};
use rowbill_connector::suite::source::all;
use rowbill_connector::{Cell, Layout, Mark, Problem, Source, Written};
use rowbill_google_sheets::fake::{EMAIL, FakeSheets, Fault, SPREADSHEET};
use rowbill_google_sheets::{Budget, Login, Pool, SheetsConfig, SheetsSource};
use serde_json::{Value, json};
use tempfile::TempDir;

fn start(write: bool) -> (FakeSheets, SheetsSource, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeSheets::start();
    fake.set_rows("Customers", rows(json!([["Name"]])));
    fake.set_rows("Orders", rows(json!([["Order", "Status", "Stripe ID"], ["A-1"], ["A-2", "old"], ["A-3"]])));
    let source = source(&fake, &directory, "Orders", write);
    (fake, source, directory)
}

fn source(fake: &FakeSheets, directory: &TempDir, sheet: &str, write: bool) -> SheetsSource {
    let login = Login::open(&fake.login_file(directory.path()), "login.json").unwrap();
    SheetsSource::new(config(fake.url(), sheet, write), &login, &Budget::new(), &Pool::new()).unwrap()
}

fn config(base: &str, sheet: &str, write: bool) -> SheetsConfig {
    let (spreadsheet, api_base) = (SPREADSHEET.into(), Some(base.to_owned()));
    SheetsConfig { spreadsheet, sheet: sheet.into(), api_base, write, max_age: Duration::ZERO }
}

fn rows(cells: Value) -> Vec<Vec<Value>> {
    serde_json::from_value(cells).unwrap()
}

fn methods(fake: &FakeSheets) -> Vec<String> {
    fake.calls().into_iter().map(|call| call.method).collect()
}

fn layout() -> Layout {
    Layout { key: vec!["Order".into()], columns: vec!["Status".into(), "Stripe ID".into()] }
}

fn mark(number: u64, key: &str, status: &str) -> Mark {
    Mark { number, key: vec![key.into()], values: vec![status.into(), format!("ii_{key}")] }
}

async fn write(source: &SheetsSource, marks: Vec<Mark>) -> Result<Written, Problem> {
    source.write_back(&layout(), stream::iter([marks]).boxed()).await
}

#[tokio::test]
async fn cells_keep_what_they_are() {
    let (fake, source, _directory) = start(false);
    fake.set_rows(
        "Orders",
        rows(json!([
            ["Total", "Date", "Paid", "Note"],
            [19.99, 45234.5, true, "#N/A"],
            [],
            ["", null, " "],
            [12.0, "007", false, "Loading...", "beyond"],
            [1e21]
        ])),
    );
    let reading = source.read().await.unwrap();
    assert_eq!(reading.header.names, ["Total", "Date", "Paid", "Note", ""]);
    assert_eq!(reading.header.zone.as_deref(), Some("Europe/Kyiv"));
    assert_eq!(reading.header.sheet.as_deref(), Some("Orders"));
    let rows = all(&source).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 5, 6]);
    let number = |text: &str| Cell::Number(text.into());
    let error = |text: &str| Cell::Error(text.into());
    assert_eq!(rows[0].cells, [number("19.99"), number("45234.5"), Cell::Bool(true), error("#N/A"), Cell::Empty]);
    let last =
        [number("12"), Cell::Text("007".into()), Cell::Bool(false), error("Loading..."), Cell::Text("beyond".into())];
    assert_eq!(rows[1].cells, last);
    assert_eq!(rows[2].cells[0], number("1000000000000000000000"));
}

#[tokio::test]
async fn a_reading_is_one_request_and_asks_for_no_right_to_write() {
    let (fake, source, _directory) = start(false);
    all(&source).await.unwrap();
    assert_eq!(methods(&fake), ["token", "spreadsheets.get", "values.batchGet"]);
    let query = fake.calls()[2].query.clone();
    let has = |name: &str, value: &str| query.contains(&(name.into(), value.into()));
    assert!(has("ranges", "'Orders'") && has("valueRenderOption", "UNFORMATTED_VALUE"));
    assert!(has("dateTimeRenderOption", "SERIAL_NUMBER") && has("majorDimension", "ROWS"));
    fake.forget_calls();
    all(&source).await.unwrap();
    assert_eq!(methods(&fake), ["values.batchGet"]);
    assert_eq!(write(&source, vec![mark(2, "A-1", "done")]).await.unwrap_err().code, "source.read_only");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let (fake, source, _directory) = start(true);
    let cases = [
        (Fault::status(403), "source.forbidden"),
        (Fault::status(404), "source.not_found"),
        (Fault::status(400), "source.refused"),
    ];
    for (fault, code) in cases {
        fake.fail(fault.of("values.batchGet"));
        let problem = all(&source).await.unwrap_err();
        assert_eq!(problem.code, code);
        assert!(problem.message.contains("A fault was asked for."), "{}", problem.message);
        if matches!(code, "source.forbidden" | "source.not_found") {
            assert!(problem.advice.unwrap().contains(EMAIL));
        }
    }
    fake.remove();
    assert_eq!(all(&source).await.unwrap_err().code, "source.not_found");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (fake, source, _directory) = start(false);
    let refused = || Fault::status(401).of("spreadsheets.get");
    fake.fail(refused());
    fake.fail(refused());
    assert_eq!(source.check().await.unwrap_err().code, "source.login_refused");
    assert_eq!(methods(&fake), ["token", "spreadsheets.get", "token", "spreadsheets.get"]);
    fake.fail(refused());
    assert!(source.check().await.is_ok());
}

#[tokio::test]
async fn a_login_that_google_does_not_know_is_refused_at_once() {
    let (fake, _source, directory) = start(false);
    let path = fake.login_file(directory.path());
    let text = std::fs::read_to_string(&path).unwrap().replace(EMAIL, "nobody@example.org");
    std::fs::write(&path, text).unwrap();
    let login = Login::open(&path, "login.json").unwrap();
    let source = SheetsSource::new(config(fake.url(), "Orders", false), &login, &Budget::new(), &Pool::new()).unwrap();
    let problem = source.check().await.unwrap_err();
    assert_eq!(problem.code, "source.login_refused");
    assert!(problem.message.contains("account not found"), "{}", problem.message);
    assert_eq!(methods(&fake), ["token"]);
}

#[tokio::test]
async fn a_missing_sheet_names_those_that_are_there_nearest_first() {
    let (fake, source_of_orders, directory) = start(false);
    let problem = source(&fake, &directory, "orders ", false).check().await.unwrap_err();
    assert_eq!(problem.code, "source.sheet_missing");
    assert_eq!(problem.advice.as_deref(), Some("It has \"Orders\", \"Customers\""));
    all(&source_of_orders).await.unwrap();
    fake.rename_sheet("Orders", "Orders 2026");
    let problem = all(&source_of_orders).await.unwrap_err();
    assert_eq!(problem.advice.as_deref(), Some("It has \"Orders 2026\", \"Customers\""));
}

#[tokio::test]
async fn quotas_and_failures_are_tried_again_and_not_for_ever() {
    let (fake, source, _directory) = start(false);
    fake.fail(Fault::status(429).of("values.batchGet").retry_after(1));
    fake.fail(Fault::status(503).of("spreadsheets.get").retry_after(0));
    fake.fail(Fault::status(500).of("token"));
    assert_eq!(all(&source).await.unwrap().len(), 3);
    for (status, code) in [(429, "source.rate_limited"), (500, "source.unavailable")] {
        fake.forget_calls();
        for _ in 0..5 {
            fake.fail(Fault::status(status).of("values.batchGet").retry_after(0));
        }
        assert_eq!(all(&source).await.unwrap_err().code, code);
        assert_eq!(methods(&fake).len(), 5);
    }
}

#[tokio::test]
async fn only_cells_that_differ_are_written_and_all_at_once() {
    let (fake, source, _directory) = start(true);
    all(&source).await.unwrap();
    fake.forget_calls();
    let marks = || vec![mark(2, "A-1", "done"), mark(3, "A-2", "old"), mark(4, "A-3", "=1+1")];
    assert_eq!(write(&source, marks()).await, Ok(Written { rows: 3, missing: 0 }));
    assert_eq!(methods(&fake), ["values.batchGet", "token", "values.batchUpdate"]);
    let body = fake.calls()[2].body.clone();
    let ranges: Vec<&str> =
        body["data"].as_array().unwrap().iter().map(|data| data["range"].as_str().unwrap()).collect();
    assert_eq!(ranges, ["'Orders'!B2:C2", "'Orders'!C3", "'Orders'!B4:C4"]);
    let written = json!([
        ["Order", "Status", "Stripe ID"],
        ["A-1", "done", "ii_A-1"],
        ["A-2", "old", "ii_A-2"],
        ["A-3", "=1+1", "ii_A-3"]
    ]);
    assert_eq!(json!(fake.cells("Orders")), written);
    fake.forget_calls();
    assert_eq!(write(&source, marks()).await, Ok(Written { rows: 3, missing: 0 }));
    assert_eq!(methods(&fake), ["values.batchGet"], "nothing to change, nothing written");
}

#[tokio::test]
async fn columns_that_moved_are_found_by_their_headers() {
    let (fake, source, _directory) = start(true);
    all(&source).await.unwrap();
    fake.set_rows("Orders", rows(json!([["Stripe ID", "x", "Order", "Status"], ["", 1, "A-2"], ["", 2, "A-1"]])));
    assert_eq!(write(&source, vec![mark(2, "A-1", "done")]).await, Ok(Written { rows: 1, missing: 0 }));
    assert_eq!(json!(fake.cells("Orders")[1..]), json!([["", 1, "A-2"], ["ii_A-1", 2, "A-1", "done"]]));
    fake.set_rows("Orders", rows(json!([["Order", "Status", "Status", "Stripe ID"], ["A-1"]])));
    assert_eq!(write(&source, vec![mark(2, "A-1", "done")]).await.unwrap_err().code, "source.header_doubled");
    fake.set_rows("Orders", rows(json!([["Order", "State", "Stripe ID"], ["A-1"]])));
    let problem = write(&source, vec![mark(2, "A-1", "done")]).await.unwrap_err();
    assert_eq!(problem.code, "source.header_missing");
    assert!(problem.advice.unwrap().contains("\"State\""));
    assert_eq!(json!(fake.cells("Orders")[1..]), json!([["A-1"]]));
}

#[tokio::test]
async fn number_keys_find_their_rows() {
    let (fake, source, _directory) = start(true);
    fake.set_rows("Orders", rows(json!([["Order", "Status", "Stripe ID"], [1001.0], [1002]])));
    let read = all(&source).await.unwrap();
    let marks = read.iter().map(|row| mark(row.number, row.cells[0].text(), "done")).collect();
    assert_eq!(write(&source, marks).await, Ok(Written { rows: 2, missing: 0 }));
}

#[tokio::test]
async fn rows_that_move_between_two_tries_are_looked_up_again() {
    let (fake, source, _directory) = start(true);
    all(&source).await.unwrap();
    fake.fail(Fault::status(500).of("values.batchUpdate").retry_after(1));
    let moved = async {
        while !fake.calls().iter().any(|call| call.status == 500) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        fake.set_rows("Orders", rows(json!([["Order", "Status", "Stripe ID"], ["A-9"], ["A-1"]])));
    };
    let marks = vec![mark(2, "A-1", "done"), mark(3, "A-2", "done")];
    let (written, ()) = tokio::join!(write(&source, marks), moved);
    assert_eq!(written, Ok(Written { rows: 1, missing: 1 }));
    assert_eq!(json!(fake.cells("Orders")[1..]), json!([["A-9"], ["A-1", "done", "ii_A-1"]]));
}

#[tokio::test]
async fn a_lost_answer_to_a_write_changes_nothing() {
    let (fake, source, _directory) = start(true);
    all(&source).await.unwrap();
    fake.fail(Fault::status(500).of("values.batchUpdate").retry_after(0).after_commit());
    assert_eq!(write(&source, vec![mark(2, "A-1", "done")]).await, Ok(Written { rows: 1, missing: 0 }));
    assert_eq!(json!(fake.cells("Orders")[1]), json!(["A-1", "done", "ii_A-1"]));
    assert_eq!(methods(&fake).iter().filter(|method| *method == "values.batchUpdate").count(), 1);
}

#[tokio::test]
async fn bad_settings_are_refused_before_anything_is_sent() {
    let (fake, _source, directory) = start(false);
    let path = fake.login_file(directory.path());
    let login = Login::open(&path, "login.json").unwrap();
    let refused = |spreadsheet: &str, base: &str| {
        let config = SheetsConfig { spreadsheet: spreadsheet.into(), ..config(base, "O", false) };
        SheetsSource::new(config, &login, &Budget::new(), &Pool::new()).unwrap_err()
    };
    let address = refused("https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0", fake.url());
    assert_eq!(address.code, "source.spreadsheet_invalid");
    assert!(address.advice.unwrap().contains("1AbC"));
    assert_eq!(refused("x", "http://example.org").code, "source.api_base");
    let opened = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Login::open(&path, "login.json").unwrap_err()
    };
    assert_eq!(opened("{\"private_key\":\"secret\"}").code, "source.login_invalid");
    assert!(!format!("{:?}", opened("{\"private_key\":7}")).contains('7'));
    let elsewhere = "{\"private_key\":\"\",\"client_email\":\"a\",\"token_uri\":\"http://example.org\"}";
    assert_eq!(opened(elsewhere).code, "source.login_invalid");
    assert_eq!(Login::open(&directory.path().join("no"), "no").unwrap_err().code, "source.login_unreadable");
    let shown = format!("{login:?}");
    assert!(shown.contains(EMAIL) && !shown.contains("PRIVATE") && !shown.contains("token"), "{shown}");
}
