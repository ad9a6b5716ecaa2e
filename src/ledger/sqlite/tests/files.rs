//! Its file: who may open it, who may read it, and what it is not mistaken for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use super::super::{SqliteLedger, connections};
use super::{contents, made, refusal};
use crate::ledger::suite::{full_row, row_id};
use crate::ledger::{Change, Ledger};
use crate::schedule::Position;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_its_owner_can_read_the_files() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state/deep/ledger.db");
    let ledger = SqliteLedger::create(&path).await.unwrap();
    ledger.commit(contents(10)).await.unwrap();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&directory.path().join("state")), 0o700);
    ledger.close().await;
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn a_missing_file_is_refused_and_not_made() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.missing");
    assert_eq!(refusal(SqliteLedger::open_read_only(&path).await).code, "ledger.missing");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_eq!(refusal(SqliteLedger::open(directory.path()).await).code, "ledger.unreadable");
}

#[tokio::test]
async fn a_file_that_is_there_is_not_overwritten() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    fs::write(&path, "not mine").unwrap();
    assert_eq!(refusal(SqliteLedger::create(&path).await).code, "ledger.exists");
    assert_eq!(fs::read(&path).unwrap(), b"not mine");
}

#[tokio::test]
async fn one_process_owns_it_and_others_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    let owner = SqliteLedger::create(&path).await.unwrap();
    let locked = refusal(SqliteLedger::open(&path).await);
    assert_eq!(locked.code, "ledger.locked");
    assert!(locked.message.contains(&format!("process {}", std::process::id())), "{}", locked.message);
    // Another name for the same file leads to the same lock.
    let alias = directory.path().join("alias.db");
    std::os::unix::fs::symlink(&path, &alias).unwrap();
    assert_eq!(refusal(SqliteLedger::open(&alias).await).code, "ledger.locked");

    let reader = SqliteLedger::open_read_only(&path).await.unwrap();
    assert_eq!(reader.rows("c", &[row_id(1)]).await.unwrap(), [None]);
    owner.commit(vec![Change::Row(full_row("c", 1))]).await.unwrap();
    assert_eq!(reader.rows("c", &[row_id(1)]).await.unwrap(), [Some(full_row("c", 1))]);
    assert_eq!(reader.commit(contents(1)).await.unwrap_err().code, "ledger.read_only");
    assert_eq!(reader.verify().await.unwrap(), 1);
    reader.close().await;
    owner.commit(vec![Change::Row(full_row("c", 2))]).await.unwrap();
    owner.close().await;
    SqliteLedger::open(&path).await.unwrap().close().await;
}

#[tokio::test]
async fn reading_leaves_the_file_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 20).await;
    let before = fs::read(&path).unwrap();
    let reader = SqliteLedger::open_read_only(&path).await.unwrap();
    assert_eq!(reader.verify().await.unwrap(), 41);
    reader.close().await;
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_older_version_is_brought_up_to_date() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 3).await;
    for statement in ["DROP TABLE positions", "DROP TABLE tallies", "DROP TABLE documents", "PRAGMA user_version = 1"] {
        execute(&path, statement).await;
    }
    assert_eq!(refusal(SqliteLedger::open_read_only(&path).await).code, "ledger.older");
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert_eq!(ledger.positions().await.unwrap(), []);
    ledger.commit(vec![Change::Position(Position::begin("c", "every 15m", 7))]).await.unwrap();
    ledger.close().await;
    let reader = SqliteLedger::open_read_only(&path).await.unwrap();
    assert_eq!(reader.verify().await.unwrap(), 8);
}

/// A position that is lost would let a connection run that a person has put on hold.
#[tokio::test]
async fn a_lost_position_is_missed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path).await.unwrap();
    ledger.commit(vec![Change::Position(Position::begin("c", "every 15m", 7))]).await.unwrap();
    ledger.close().await;
    execute(&path, "DELETE FROM positions").await;
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert_eq!(ledger.positions().await.unwrap_err().code, "ledger.damaged");
}

#[tokio::test]
async fn a_newer_version_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 3).await;
    pragma(&path, "user_version = 4").await;
    let before = fs::read(&path).unwrap();
    assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.newer");
    assert_eq!(refusal(SqliteLedger::open_read_only(&path).await).code, "ledger.newer");
    assert_eq!(fs::read(&path).unwrap(), before);
    pragma(&path, "user_version = 0").await;
    assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.damaged");
}

#[tokio::test]
async fn another_database_is_not_taken_for_a_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, 3).await;
    pragma(&path, "application_id = 7").await;
    assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.damaged");
    fs::write(&path, vec![b'x'; 9000]).unwrap();
    assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.damaged");
}

async fn pragma(path: &Path, what: &str) {
    execute(path, &format!("PRAGMA {what}")).await;
}

async fn execute(path: &Path, statement: &str) {
    let mut connection = connections::writer(path).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_a_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path).await.unwrap();
    ledger.commit(contents(100)).await.unwrap();
    let copy = directory.path().join("backups/monday.db");
    ledger.backup(&copy).await.unwrap();
    assert_eq!(ledger.backup(&copy).await.unwrap_err().code, "ledger.exists");
    assert_eq!(mode(&copy), 0o600);
    ledger.commit(vec![Change::Row(full_row("d", 1))]).await.unwrap();

    let reader = SqliteLedger::open_read_only(&copy).await.unwrap();
    assert_eq!(reader.verify().await.unwrap(), 201);
    reader.close().await;
    let restored = SqliteLedger::open(&copy).await.unwrap();
    assert_eq!(restored.rows("d", &[row_id(1)]).await.unwrap(), [None]);
    restored.commit(vec![Change::Row(full_row("d", 1))]).await.unwrap();
    assert_eq!(restored.verify().await.unwrap(), 202);
}

#[tokio::test]
async fn what_was_acknowledged_survives_without_closing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path).await.unwrap();
    ledger.commit(contents(100)).await.unwrap();
    // As after a crash: the file and its log, taken while the ledger is open.
    let copy = directory.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(path.with_file_name("ledger.db-wal"), copy.with_file_name("copy.db-wal")).unwrap();
    let crashed = SqliteLedger::open(&copy).await.unwrap();
    assert_eq!(crashed.verify().await.unwrap(), 201);
}
