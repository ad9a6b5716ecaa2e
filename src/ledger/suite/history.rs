//! What every ledger keeps of past runs, and of where connections stand in their schedules.

use super::{full_row, intent, newest, operation, run};
use crate::ledger::{Change, Ledger, OperationRecord, RunFilter};
use crate::protocol::State;
use crate::schedule::Position;

pub async fn pages_through_runs_and_forgets_some<L: Ledger>(ledger: &L) {
    let ids = ["01", "02", "03", "04", "05"];
    let changes = ids.iter().map(|id| Change::Run(run(if *id == "03" { "b" } else { "a" }, id))).collect();
    ledger.commit(changes).await.unwrap();
    let old = RunFilter { before: Some("05".into()), oldest_first: true, limit: 2, ..RunFilter::default() };
    let listed = async |filter: &RunFilter| -> Vec<String> {
        ledger.runs(filter).await.unwrap().into_iter().map(|run| run.id).collect()
    };
    assert_eq!(listed(&old).await, ["01", "02"]);
    assert_eq!(listed(&RunFilter { after: Some("02".into()), ..old.clone() }).await, ["03", "04"]);
    assert_eq!(listed(&RunFilter { connection: Some("a".into()), limit: 9, ..old.clone() }).await, ["01", "02", "04"]);
    let forgotten = ["02", "04", "unknown"].map(|id| Change::ForgetRun(id.into()));
    ledger.commit(forgotten.into()).await.unwrap();
    assert_eq!(listed(&newest(None, 9)).await, ["05", "03", "01"]);
    assert_eq!(ledger.verify().await.unwrap(), 3);
}

pub async fn keeps_positions<L: Ledger>(ledger: &L) {
    assert_eq!(ledger.positions().await.unwrap(), []);
    let mut position = Position::begin("b", "every 15m", 1_800_000_000);
    let other = Position::begin("a", "at 09:00", 1_800_000_000);
    ledger.commit(vec![Change::Position(position.clone()), Change::Position(other.clone())]).await.unwrap();
    position.paused = true;
    position.queued = Some(1_800_000_900);
    position.after.insert("a".into(), "01JD8Z6V6Q4R8X4".into());
    ledger.commit(vec![Change::Position(position.clone())]).await.unwrap();
    assert_eq!(ledger.positions().await.unwrap(), [other.clone(), position.clone()]);
    assert_eq!(ledger.verify().await.unwrap(), 2);
    ledger.commit(vec![Change::Row(full_row("b", 1)), Change::Position(Position::begin("c", "", 5))]).await.unwrap();
    ledger.commit(vec![Change::Rename { from: "b".into(), to: "c".into() }]).await.unwrap();
    let renamed = Position { connection: "c".into(), ..position };
    assert_eq!(ledger.positions().await.unwrap(), [other, renamed]);
    assert_eq!(ledger.verify().await.unwrap(), 3);
}

pub async fn finds_what_a_run_did<L: Ledger>(ledger: &L) {
    let of = |id: &str, run: &str| OperationRecord { run: run.to_owned(), ..operation("c", id, intent(1)) };
    let written = [of("b", "02"), of("a", "02"), of("c", "01")];
    let changes = written.iter().map(|now| Change::Operation { was: State::New, now: now.clone() });
    ledger.commit(changes.collect()).await.unwrap();
    assert_eq!(ledger.operations_of("02").await.unwrap(), [of("a", "02"), of("b", "02")]);
    assert_eq!(ledger.operations_of("03").await.unwrap(), []);
    // Who writes last is who did it.
    let taken = OperationRecord { state: State::Failed { generation: 1 }, ..of("a", "03") };
    ledger.commit(vec![Change::Operation { was: intent(1), now: taken.clone() }]).await.unwrap();
    assert_eq!(ledger.operations_of("02").await.unwrap(), [of("b", "02")]);
    assert_eq!(ledger.operations_of("03").await.unwrap(), [taken]);
}
