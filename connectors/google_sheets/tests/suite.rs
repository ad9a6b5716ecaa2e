//! The behaviour of every source, shown by a sheet of the fake.

use std::time::Duration;

use async_trait::async_trait;
use rowbill_connector::Source;
use rowbill_connector::suite::source::{Harness, passes};
use rowbill_google_sheets::fake::{FakeSheets, Fault, SPREADSHEET};
use rowbill_google_sheets::{Budget, Login, Pool, SheetsConfig, SheetsSource};
use serde_json::Value;

struct Sheet {
    fake: FakeSheets,
    source: SheetsSource,
    _login: tempfile::TempDir,
}

impl Sheet {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fake = FakeSheets::start();
        let login = Login::open(&fake.login_file(directory.path()), "login.json").unwrap();
        let config = SheetsConfig {
            spreadsheet: SPREADSHEET.into(),
            sheet: "Bob's orders".into(),
            api_base: Some(fake.url().into()),
            write: true,
            max_age: Duration::ZERO,
        };
        let source = SheetsSource::new(config, &login, &Budget::new(), &Pool::new()).unwrap();
        Self { fake, source, _login: directory }
    }
}

#[async_trait]
impl Harness for Sheet {
    fn source(&self) -> &dyn Source {
        &self.source
    }

    async fn hold(&mut self, table: &[Vec<String>]) {
        let row = |line: &Vec<String>| line.iter().map(|text| Value::from(text.as_str())).collect();
        self.fake.set_rows("Bob's orders", table.iter().map(row).collect());
    }

    async fn remove(&mut self) {
        self.fake.remove();
    }

    async fn written(&mut self) -> Vec<Vec<String>> {
        let row = |row: Vec<Value>| row.iter().map(|cell| cell.as_str().unwrap().to_owned()).collect();
        self.fake.cells("Bob's orders").into_iter().map(row).collect()
    }

    async fn break_off(&mut self) -> Option<&'static str> {
        self.fake.fail(Fault::status(403).of("values.batchGet"));
        Some("source.forbidden")
    }

    fn follows_moved_rows(&self) -> bool {
        true
    }

    fn adds_columns(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_sheet_is_a_source() {
    passes(&mut Sheet::new()).await;
}
