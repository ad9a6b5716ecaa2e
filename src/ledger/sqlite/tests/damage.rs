//! Damage of every kind: a refusal or the right answer, never a wrong one.

use std::fs;
use std::path::Path;

use rowbill_connector::{OperationId, Problem};
use tempfile::TempDir;

use super::super::SqliteLedger;
use super::{contents, made, refusal};
use crate::ledger::suite::{full_row, intent, operation, row_id, run};
use crate::ledger::{Change, Ledger, OperationRecord, RowFilter, RowRecord, RunFilter, RunRecord};

const ROWS: u8 = 40;
const STEP: usize = 101;

/// All that a ledger says, absent things included.
#[derive(Debug, PartialEq)]
struct Answers {
    rows: Vec<Option<RowRecord>>,
    operations: Vec<Option<OperationRecord>>,
    list: Vec<RowRecord>,
    runs: Vec<RunRecord>,
}

fn right(count: u8) -> Answers {
    let rows = || (0..count).map(|id| full_row("c", id));
    let operations = (0..count).map(|id| Some(operation("c", &format!("op{id:03}"), intent(1))));
    let absent = usize::from(ROWS + 10 - count);
    Answers {
        rows: rows().map(Some).chain(std::iter::repeat_n(None, absent)).collect(),
        operations: operations.chain(std::iter::repeat_n(None, absent)).collect(),
        list: rows().collect(),
        runs: vec![run("c", "01")],
    }
}

/// Opens a ledger and asks for everything. The look-ups of what is there come first: they alone walk no table.
async fn ask(path: &Path) -> Result<Answers, Problem> {
    let ledger = SqliteLedger::open(path).await?;
    let answers = questions(&ledger).await;
    ledger.close().await;
    answers
}

async fn questions(ledger: &SqliteLedger) -> Result<Answers, Problem> {
    let ids: Vec<_> = (0..ROWS + 10).map(row_id).collect();
    let operations: Vec<_> = (0..ROWS + 10).map(|id| OperationId(format!("op{id:03}"))).collect();
    Ok(Answers {
        rows: ledger.rows("c", &ids).await?,
        operations: ledger.operations(&operations).await?,
        list: ledger.list_rows("c", &RowFilter { limit: 1000, ..RowFilter::default() }).await?,
        runs: ledger.runs(&RunFilter { limit: 10, ..RunFilter::default() }).await?,
    })
}

fn is_refusal(problem: &Problem) -> bool {
    ["ledger.damaged", "ledger.newer", "ledger.unreadable", "ledger.unwritable"].contains(&problem.code.as_str())
}

#[tokio::test]
async fn a_file_cut_off_anywhere_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, ROWS).await;
    let whole = fs::read(&path).unwrap();
    let pages = (0..whole.len()).step_by(4096);
    let lengths = [1, 99, 100, 512, 4095, whole.len() - 1].into_iter().chain(pages);
    for length in lengths {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(refusal(SqliteLedger::open(&path).await).code, "ledger.damaged", "at {length}");
        assert_eq!(refusal(SqliteLedger::open_read_only(&path).await).code, "ledger.damaged", "at {length}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(ask(&path).await.unwrap(), right(ROWS));
}

/// Every 101st byte, and all of the file's header; a prime, so that all kinds of places come up. Every single byte with
/// `ROWBILL_TEST_EVERY_BYTE=1`, which takes minutes.
#[tokio::test]
async fn a_flipped_byte_never_gives_a_wrong_answer() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, ROWS).await;
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut answered) = (0, 0);
    let step = if std::env::var_os("ROWBILL_TEST_EVERY_BYTE").is_some() { 1 } else { STEP };
    for at in (0..100).chain((100..whole.len()).step_by(step)) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        match ask(&path).await {
            Ok(answers) => {
                assert_eq!(answers, right(ROWS), "byte {at}");
                answered += 1;
            }
            Err(problem) => {
                assert!(is_refusal(&problem), "byte {at}: {problem:?}");
                refused += 1;
            }
        }
    }
    println!("{} bytes flipped: {refused} refusals, {answered} right answers, no wrong one", refused + answered);
    assert!(refused > 100 && answered > 10, "{refused} {answered}");
}

#[tokio::test]
async fn verify_sees_what_a_look_up_does_not_meet() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, ROWS).await;
    let mut bytes = fs::read(&path).unwrap();
    let at = find(&bytes, b"key 17");
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert!(ledger.rows("c", &[row_id(16)]).await.unwrap()[0].is_some());
    let mut problems = ledger.verify().await.unwrap_err();
    problems.push(ledger.rows("c", &[row_id(17)]).await.unwrap_err());
    for problem in problems {
        assert_eq!(problem.code, "ledger.damaged");
        assert!(problem.message.contains("ey 17"), "{}", problem.message);
    }
}

#[tokio::test]
async fn verify_names_all_that_does_not_fit() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, ROWS).await;
    let mut bytes = fs::read(&path).unwrap();
    for what in [&b"key 17"[..], b"key 23", b"op031"] {
        let at = find(&bytes, what);
        bytes[at] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    let ledger = SqliteLedger::open_read_only(&path).await.unwrap();
    let told: Vec<String> = ledger.verify().await.unwrap_err().into_iter().map(|problem| problem.message).collect();
    for what in ["ey 17", "ey 23", "index of operations"] {
        assert!(told.iter().any(|message| message.contains(what)), "{what}: {told:#?}");
    }
}

/// A row whose key has rotted cannot be found, but is not taken for a new one either.
#[tokio::test]
async fn a_row_that_vanished_is_not_new() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    made(&path, ROWS).await;
    let mut bytes = fs::read(&path).unwrap();
    let at = find(&bytes, &[17; 16]);
    bytes[at] = 18;
    fs::write(&path, &bytes).unwrap();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert_eq!(ledger.rows("c", &[row_id(17)]).await.unwrap_err().code, "ledger.damaged");
    assert_eq!(ledger.rows("c", &[row_id(200)]).await.unwrap_err().code, "ledger.damaged");
    let commit = ledger.commit(contents(1)[..1].to_vec()).await;
    commit.unwrap();
}

/// A log that has rotted is, to SQLite, a log that ends there: the ledger is an older one, which the protocol knows
/// how to meet. It must be a whole older one.
#[tokio::test]
async fn a_damaged_log_gives_a_refusal_or_an_older_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path).await.unwrap();
    for id in 0..ROWS {
        let all = contents(id + 1);
        let mut changes = vec![all[usize::from(id)].clone(), all[usize::from(id) * 2 + 1].clone()];
        if id == 0 {
            changes.push(Change::Run(run("c", "01")));
        }
        ledger.commit(changes).await.unwrap();
    }
    let (file, log) = (fs::read(&path).unwrap(), fs::read(path.with_file_name("ledger.db-wal")).unwrap());
    let copy = directory.path().join("copy.db");
    let mut older = 0;
    for at in (0..log.len()).step_by(log.len() / 211) {
        let mut flipped = log.clone();
        flipped[at] ^= 4;
        let _ = fs::remove_file(copy.with_file_name("copy.db-shm"));
        fs::write(&copy, &file).unwrap();
        fs::write(copy.with_file_name("copy.db-wal"), &flipped).unwrap();
        match ask(&copy).await {
            Ok(answers) => {
                let there = answers.list.len();
                let mut expected = right(u8::try_from(there).unwrap());
                expected.runs.truncate(there);
                assert_eq!(answers, expected, "byte {at}");
                older += usize::from(there < usize::from(ROWS));
            }
            Err(problem) => assert!(is_refusal(&problem), "byte {at}: {problem:?}"),
        }
    }
    assert!(older > 100, "{older}");
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}
