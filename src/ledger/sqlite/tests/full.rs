//! A disk that is full.

use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use super::super::owner::Owner;
use super::super::problems::LedgerPath;
use super::super::walk::Walked;
use super::super::writer::Writer;
use super::super::{SqliteLedger, connections, schema};
use super::{contents, made};
use crate::ledger::suite::{full_row, row_id};
use crate::ledger::{Change, Ledger};

/// A ledger that cannot grow beyond so many pages.
async fn limited(path: &std::path::Path, pages: u32) -> SqliteLedger {
    let named = LedgerPath::new(path);
    let owner = Owner::take(path, &named).await.unwrap();
    let mut connection = connections::writer(path).await.unwrap();
    schema::enter(&mut connection, &named).await.unwrap();
    let limit = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit).execute(&mut connection).await.unwrap();
    let summary = connections::summary(&mut connection).await.unwrap();
    let readers = connections::readers(path).await.unwrap();
    let writer = Writer::start(connection, summary, named.clone(), owner.into());
    SqliteLedger { path: named, file: path.to_owned(), readers, writer: Some(writer), walked: Walked::default() }
}

#[tokio::test]
async fn a_full_disk_stops_the_ledger_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 1).await;
    let mut written = vec![0];
    for pages in 8..40 {
        let ledger = limited(&path, pages).await;
        let next = written.last().unwrap() + 1;
        let mut outcome = Ok(());
        for id in next..=u8::MAX {
            outcome = ledger.commit(vec![Change::Row(full_row("c", id))]).await;
            if outcome.is_err() {
                break;
            }
            written.push(id);
        }
        assert_eq!(outcome.unwrap_err().code, "ledger.full");
        // Even what would fit is refused now.
        let small = ledger.commit(vec![Change::Row(full_row("c", 0))]).await.unwrap_err();
        assert_eq!(small.code, "ledger.full");
        let ids: Vec<_> = written.iter().map(|id| row_id(*id)).collect();
        assert!(ledger.rows("c", &ids).await.unwrap().iter().all(Option::is_some));
        ledger.close().await;
        if written.len() > 200 {
            break;
        }
    }
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert_eq!(ledger.verify().await.unwrap(), written.len() as u64 + 2);
    ledger.commit(vec![Change::Row(full_row("d", 1))]).await.unwrap();
}

#[tokio::test]
async fn every_waiting_commit_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 1).await;
    let ledger = limited(&path, 9).await;
    let big = (2..200).map(|at| ledger.commit(if at == 2 { contents(200)[..200].to_vec() } else { contents(0) }));
    let outcomes = futures::future::join_all(big).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|problem| problem.code == "ledger.full")));
}

#[tokio::test]
async fn dropping_closes_too() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    drop(SqliteLedger::create(&path).await.unwrap());
    // The writing task ends a moment later; opening waits that long.
    tokio::task::yield_now().await;
    SqliteLedger::open(&path).await.unwrap().close().await;
}
