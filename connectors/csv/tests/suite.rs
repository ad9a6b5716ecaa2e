//! The behaviour of every source, shown by a CSV file.

use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;
use rowbill_connector::Source;
use rowbill_connector::suite::source::{Harness, passes};
use rowbill_csv::{CsvConfig, CsvSource};
use tempfile::TempDir;

struct File {
    directory: TempDir,
    source: CsvSource,
}

impl File {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders.csv");
        let config = CsvConfig { path, display: "orders.csv".into(), delimiter: Some(b','), encoding: None };
        Self { directory, source: CsvSource::new(config).unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("orders.csv")
    }
}

#[async_trait]
impl Harness for File {
    fn source(&self) -> &dyn Source {
        &self.source
    }

    async fn hold(&mut self, table: &[Vec<String>]) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for line in table {
            writer.write_record(line).unwrap();
        }
        fs::write(self.path(), writer.into_inner().unwrap()).unwrap();
    }

    async fn remove(&mut self) {
        fs::remove_file(self.path()).unwrap();
    }

    async fn written(&mut self) -> Vec<Vec<String>> {
        let results = self.directory.path().join("orders.results.csv");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(results).unwrap();
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    async fn break_off(&mut self) -> Option<&'static str> {
        let text = fs::read_to_string(self.path()).unwrap();
        fs::write(self.path(), text.trim_end()).unwrap();
        Some("source.unstable")
    }

    fn follows_moved_rows(&self) -> bool {
        false
    }

    fn adds_columns(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_csv_file_is_a_source() {
    passes(&mut File::new()).await;
}
