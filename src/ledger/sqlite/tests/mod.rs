//! What only the SQLite ledger can be tested for; the common behaviour is in [`crate::ledger::suite`].

mod damage;
mod files;
mod full;

use std::path::Path;

use rowbill_connector::Problem;
use tempfile::TempDir;

use super::SqliteLedger;
use crate::ledger::suite::{full_row, intent, operation, run, run_suite};
use crate::ledger::{Change, Ledger};
use crate::protocol::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behaves_as_a_ledger() {
    let directory = TempDir::new().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    run_suite(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SqliteLedger::create(&directory.path().join(format!("{number}.db"))).await.unwrap()
    })
    .await;
}

/// What a test puts into a ledger: `count` rows, as many operations, and a run.
fn contents(count: u8) -> Vec<Change> {
    let rows = (0..count).map(|id| Change::Row(full_row("c", id)));
    let operations = (0..count).map(|id| {
        let now = operation("c", &format!("op{id:03}"), intent(1));
        Change::Operation { was: State::New, now }
    });
    rows.chain(operations).chain([Change::Run(run("c", "01"))]).collect()
}

/// Makes a ledger with contents and closes it.
async fn made(path: &Path, count: u8) {
    let ledger = SqliteLedger::create(path).await.unwrap();
    ledger.commit(contents(count)).await.unwrap();
    ledger.close().await;
}

/// Why a ledger is refused.
fn refusal(opened: Result<SqliteLedger, Problem>) -> Problem {
    match opened {
        Ok(_) => panic!("the ledger was opened"),
        Err(problem) => problem,
    }
}
