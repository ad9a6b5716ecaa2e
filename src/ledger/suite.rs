//! The behaviour of every ledger: each store must pass [`run_suite`].

mod documents;
mod history;

use std::future::Future;
use std::sync::Arc;

use rowbill_connector::{OperationId, Place, Problem};

use super::{Change, Ledger, ObjectRef, OperationRecord, RowFilter, RowId, RowRecord, RowState, RunFilter, RunRecord};
use crate::protocol::{Intent, State};

/// Runs every part of the suite, each on a ledger of its own. `make` gives a new, empty one.
pub async fn run_suite<L, M>(make: impl Fn() -> M)
where
    L: Ledger + 'static,
    M: Future<Output = L>,
{
    round_trips_rows(&make().await).await;
    round_trips_operations(&make().await).await;
    round_trips_runs(&make().await).await;
    answers_in_the_order_asked(&make().await).await;
    compares_the_state(&make().await).await;
    history::finds_what_a_run_did(&make().await).await;
    writes_all_or_nothing(&make().await).await;
    follows_a_chain_within_one_commit(&make().await).await;
    lets_others_of_the_batch_through(Arc::new(make().await)).await;
    commits_from_many_tasks(Arc::new(make().await)).await;
    lists_pages_and_states(&make().await).await;
    renames(&make().await).await;
    refuses_a_rename(&make().await).await;
    forgets_a_row(&make().await).await;
    marks_what_was_sent(&make().await).await;
    counts_what_is_there(&make().await).await;
    history::pages_through_runs_and_forgets_some(&make().await).await;
    history::keeps_positions(&make().await).await;
    documents::keeps_documents(&make().await).await;
    documents::lists_documents(&make().await).await;
    documents::renames_documents(&make().await).await;
}

/// A row with something in every field.
pub fn full_row(connection: &str, id: u8) -> RowRecord {
    RowRecord {
        connection: connection.to_owned(),
        id: row_id(id),
        key: vec![format!("key {id}"), "ключ \"7\",\n\0\t".to_owned(), String::new()],
        state: RowState::NeedsReview,
        content: [id; 16],
        request: [0xff; 16],
        revision: u32::MAX,
        problem: Some(problem()),
        objects: vec![object("cus_1", Some(i64::MIN)), object("ii_2", None)],
        members: vec![[1; 16], [2; 16]],
        bound: Some("in_9".to_owned()),
        run: "01JD8Z6V6Q4R8X4".to_owned(),
        at: 1_800_000_000,
    }
}

/// A row with nothing in any field that can be empty.
pub fn bare_row(connection: &str, id: u8, state: RowState) -> RowRecord {
    RowRecord {
        connection: connection.to_owned(),
        id: row_id(id),
        key: Vec::new(),
        state,
        content: [0; 16],
        request: [0; 16],
        revision: 0,
        problem: None,
        objects: Vec::new(),
        members: Vec::new(),
        bound: None,
        run: String::new(),
        at: 1_800_000_000,
    }
}

/// An operation in a state.
pub fn operation(connection: &str, id: &str, state: State) -> OperationRecord {
    OperationRecord {
        id: OperationId(id.to_owned()),
        connection: connection.to_owned(),
        row: row_id(7),
        step: "create_customer".to_owned(),
        operation: "POST /v1/customers".to_owned(),
        path: "/v1/customers".to_owned(),
        body: b"name=\xff\x00&email=".to_vec(),
        state,
        problem: None,
        run: "01JD8Z6V6Q4R8X4".to_owned(),
        at: 1_800_000_000,
    }
}

/// A run that has ended.
pub fn run(connection: &str, id: &str) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        connection: connection.to_owned(),
        started: 1_800_000_000,
        finished: Some(1_800_000_005),
        report: r#"{"v":1}"#.to_owned(),
    }
}

fn newest(connection: Option<&str>, limit: u32) -> RunFilter {
    RunFilter { connection: connection.map(str::to_owned), limit, ..RunFilter::default() }
}

/// An intent of a generation.
pub fn intent(generation: u32) -> State {
    State::Intent(Intent { generation, first_sent: 1_800_000_000, last_sent: 1_800_000_060, doubts: 3 })
}

/// A row's id.
pub fn row_id(id: u8) -> RowId {
    RowId([id; 16])
}

fn problem() -> Problem {
    let place = Place { source: Some("data/orders.csv".to_owned()), row: Some(100), ..Place::default() };
    let problem = Problem::new("stripe.resource_missing", "No such customer: ‘cus_1’").advise("Create it.").at(place);
    problem.request(Some("req_8hT".to_owned()))
}

fn object(id: &str, amount: Option<i64>) -> ObjectRef {
    let currency = amount.map(|_| "eur".to_owned());
    ObjectRef { step: "create_customer".to_owned(), id: id.to_owned(), amount, currency, url: None }
}

fn put(id: &str, was: State, is: State) -> Change {
    Change::Operation { was, now: operation("c", id, is) }
}

fn everything() -> RowFilter {
    RowFilter { limit: u32::MAX, ..RowFilter::default() }
}

async fn state_of(ledger: &impl Ledger, id: &str) -> Option<State> {
    let found = ledger.operations(&[OperationId(id.to_owned())]).await.unwrap();
    found[0].as_ref().map(|operation| operation.state.clone())
}

async fn round_trips_rows(ledger: &impl Ledger) {
    use RowState::{Deferred, Done, Failed, NeedsReview, Sending, Skipped, There};
    let mut rows = vec![full_row("c", 0)];
    let states = [Sending, Done, There, Failed, NeedsReview, Deferred, Skipped];
    rows.extend(states.into_iter().zip(1..).map(|(state, id)| bare_row("c", id, state)));
    ledger.commit(rows.iter().cloned().map(Change::Row).collect()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let found = ledger.rows("c", &ids).await.unwrap();
    assert_eq!(found, rows.iter().cloned().map(Some).collect::<Vec<_>>());
    assert_eq!(ledger.list_rows("c", &everything()).await.unwrap(), rows);

    let replaced = RowRecord { state: Done, ..full_row("c", 1) };
    ledger.commit(vec![Change::Row(replaced.clone())]).await.unwrap();
    assert_eq!(ledger.rows("c", &[row_id(1)]).await.unwrap(), [Some(replaced)]);
    assert_eq!(ledger.rows("other", &[row_id(1)]).await.unwrap(), [None]);
}

async fn round_trips_operations(ledger: &impl Ledger) {
    let states = [
        State::New,
        intent(u32::MAX),
        State::Done { object: "cus_1".to_owned() },
        State::Failed { generation: 2 },
        State::Review { generation: 3 },
    ];
    for (state, at) in states.into_iter().zip(0..) {
        let written = OperationRecord { problem: Some(problem()), ..operation("c", &format!("op{at}"), state) };
        ledger.commit(vec![Change::Operation { was: State::New, now: written.clone() }]).await.unwrap();
        assert_eq!(ledger.operations(std::slice::from_ref(&written.id)).await.unwrap(), [Some(written)]);
    }
}

async fn round_trips_runs(ledger: &impl Ledger) {
    let mut runs: Vec<_> = (0..5).map(|at| run(if at % 2 == 0 { "a" } else { "b" }, &format!("0{at}"))).collect();
    runs[4] = RunRecord { finished: None, report: String::new(), ..runs[4].clone() };
    for at in [2, 0, 4, 1, 3] {
        ledger.commit(vec![Change::Run(runs[at].clone())]).await.unwrap();
    }
    runs.reverse();
    assert_eq!(ledger.runs(&newest(None, 10)).await.unwrap(), runs);
    assert_eq!(ledger.runs(&newest(None, 2)).await.unwrap(), runs[..2]);
    assert_eq!(ledger.runs(&newest(Some("b"), 10)).await.unwrap(), [runs[1].clone(), runs[3].clone()]);
    assert_eq!(ledger.runs(&newest(Some("c"), 10)).await.unwrap(), []);
    let ended = run("a", "04");
    ledger.commit(vec![Change::Run(ended.clone())]).await.unwrap();
    assert_eq!(ledger.runs(&newest(Some("a"), 1)).await.unwrap(), [ended]);
}

async fn answers_in_the_order_asked(ledger: &impl Ledger) {
    let numbered = |number: u16| {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        RowId(id)
    };
    let row = |number| RowRecord { id: numbered(number), ..bare_row("c", 0, RowState::Done) };
    let even: Vec<_> = (0..1500).filter(|number| number % 2 == 0).map(|number| Change::Row(row(number))).collect();
    ledger.commit(even).await.unwrap();
    // Downwards, the odd ones missing, the first one asked for three times.
    let mut asked: Vec<_> = (0..1500).rev().collect();
    asked.extend([1498, 1498, 1499, 1499]);
    let ids: Vec<_> = asked.iter().map(|number| numbered(*number)).collect();
    let found = ledger.rows("c", &ids).await.unwrap();
    let expected: Vec<_> = asked.iter().map(|number| (number % 2 == 0).then(|| row(*number))).collect();
    assert_eq!(found, expected);
    assert_eq!(ledger.rows("c", &[]).await.unwrap(), []);
    assert_eq!(ledger.operations(&[]).await.unwrap(), []);

    ledger.commit(vec![put("b", State::New, intent(1)), put("a", State::New, intent(2))]).await.unwrap();
    let ids = ["b", "x", "a", "b"].map(|id| OperationId(id.to_owned()));
    let found = ledger.operations(&ids).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| found.as_ref().map(|operation| operation.id.0.as_str())).collect();
    assert_eq!(found, [Some("b"), None, Some("a"), Some("b")]);
}

async fn compares_the_state(ledger: &impl Ledger) {
    ledger.commit(vec![put("op", State::New, intent(1))]).await.unwrap();
    for was in [State::New, intent(2), State::Failed { generation: 1 }] {
        let refused = ledger.commit(vec![put("op", was, State::Failed { generation: 1 })]).await.unwrap_err();
        assert_eq!(refused.code, "ledger.conflict");
    }
    let refused = ledger.commit(vec![put("unknown", intent(1), intent(2))]).await.unwrap_err();
    assert_eq!(refused.code, "ledger.conflict");
    assert_eq!(state_of(ledger, "op").await, Some(intent(1)));
    assert_eq!(state_of(ledger, "unknown").await, None);
    ledger.commit(vec![put("op", intent(1), State::Done { object: "cus_1".to_owned() })]).await.unwrap();
}

async fn writes_all_or_nothing(ledger: &impl Ledger) {
    ledger.commit(vec![Change::Row(full_row("c", 1))]).await.unwrap();
    let changes = vec![
        Change::Row(full_row("c", 2)),
        Change::ForgetRow { connection: "c".to_owned(), id: row_id(1) },
        Change::Run(run("c", "01")),
        put("good", State::New, intent(1)),
        put("bad", intent(1), intent(2)),
    ];
    assert_eq!(ledger.commit(changes).await.unwrap_err().code, "ledger.conflict");
    assert_eq!(ledger.list_rows("c", &everything()).await.unwrap(), [full_row("c", 1)]);
    assert_eq!(ledger.runs(&newest(None, 10)).await.unwrap(), []);
    assert_eq!(state_of(ledger, "good").await, None);
    ledger.commit(Vec::new()).await.unwrap();
}

async fn follows_a_chain_within_one_commit(ledger: &impl Ledger) {
    let done = State::Done { object: "cus_1".to_owned() };
    ledger.commit(vec![put("op", State::New, intent(1)), put("op", intent(1), done.clone())]).await.unwrap();
    assert_eq!(state_of(ledger, "op").await, Some(done));
}

/// Commits that come at the same moment are written together; the one in conflict fails alone.
async fn lets_others_of_the_batch_through(ledger: Arc<impl Ledger + 'static>) {
    let tasks = (0..100).map(|at| {
        let ledger = Arc::clone(&ledger);
        let was = if at % 10 == 0 { intent(9) } else { State::New };
        tokio::spawn(async move { ledger.commit(vec![put(&format!("op{at}"), was, intent(1))]).await })
    });
    let tasks: Vec<_> = tasks.collect();
    for (task, at) in tasks.into_iter().zip(0..) {
        let written = task.await.unwrap();
        assert_eq!(written.is_err(), at % 10 == 0, "{written:?}");
        let there = state_of(&*ledger, &format!("op{at}")).await;
        assert_eq!(there.is_none(), at % 10 == 0);
    }
    // Of two that start from the same state one wins.
    let race = ["a", "b"].map(|object| put("op1", intent(1), State::Done { object: object.to_owned() }));
    let [first, second] = race.map(|change| ledger.commit(vec![change]));
    let (first, second) = futures::join!(first, second);
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
}

/// Whoever is answered finds what was written, at once and from any task.
async fn commits_from_many_tasks(ledger: Arc<impl Ledger + 'static>) {
    let tasks = (0..200).map(|at: u8| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            let row = RowRecord { key: vec![at.to_string()], ..bare_row("c", at, RowState::Sending) };
            ledger.commit(vec![Change::Row(row.clone())]).await.unwrap();
            assert_eq!(ledger.rows("c", &[row.id]).await.unwrap(), [Some(row)]);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(ledger.list_rows("c", &everything()).await.unwrap().len(), 200);
    assert_eq!(ledger.verify().await.unwrap(), 200);
}

async fn lists_pages_and_states(ledger: &impl Ledger) {
    let state = |id| if id % 3 == 0 { RowState::Failed } else { RowState::Done };
    let rows: Vec<_> = (0..50).rev().map(|id| Change::Row(bare_row("c", id, state(id)))).collect();
    ledger.commit(rows).await.unwrap();
    ledger.commit(vec![Change::Row(full_row("d", 1))]).await.unwrap();
    for states in [vec![], vec![RowState::Failed], vec![RowState::Failed, RowState::There]] {
        let mut seen = Vec::new();
        let mut filter = RowFilter { states: states.clone(), after: None, limit: 7 };
        loop {
            let page = ledger.list_rows("c", &filter).await.unwrap();
            assert!(page.len() <= 7);
            let Some(last) = page.last() else { break };
            filter.after = Some(last.id);
            seen.extend(page.into_iter().map(|row| row.id));
        }
        let wanted = |id: &u8| states.is_empty() || states.contains(&state(*id));
        assert_eq!(seen, (0..50).filter(wanted).map(row_id).collect::<Vec<_>>());
    }
    let none = RowFilter { states: vec![RowState::Skipped], ..everything() };
    assert_eq!(ledger.list_rows("c", &none).await.unwrap(), []);
    assert_eq!(ledger.list_rows("c", &RowFilter::default()).await.unwrap(), []);
}

async fn renames(ledger: &impl Ledger) {
    let rows: Vec<_> = (0..200).map(|id| Change::Row(full_row("old", id))).collect();
    ledger.commit(rows).await.unwrap();
    let kept = OperationRecord { connection: "old".to_owned(), ..operation("old", "op", intent(1)) };
    ledger.commit(vec![Change::Operation { was: State::New, now: kept.clone() }]).await.unwrap();
    ledger.commit(vec![Change::Run(run("old", "01")), Change::Run(run("new", "02"))]).await.unwrap();
    ledger.commit(vec![Change::Row(full_row("other", 1))]).await.unwrap();
    let rename = Change::Rename { from: "old".to_owned(), to: "new".to_owned() };
    // What stands before a rename in a commit is renamed, what stands after it is not.
    let changes = vec![Change::Row(full_row("old", 201)), rename, Change::Row(full_row("old", 202))];
    ledger.commit(changes).await.unwrap();

    assert_eq!(ledger.list_rows("old", &everything()).await.unwrap(), [full_row("old", 202)]);
    let renamed = ledger.list_rows("new", &everything()).await.unwrap();
    assert_eq!(renamed, (0..200).chain([201]).map(|id| full_row("new", id)).collect::<Vec<_>>());
    let found = ledger.operations(std::slice::from_ref(&kept.id)).await.unwrap();
    assert_eq!(found, [Some(OperationRecord { connection: "new".to_owned(), ..kept })]);
    assert_eq!(ledger.runs(&newest(Some("new"), 10)).await.unwrap(), [run("new", "02"), run("new", "01")]);
    assert_eq!(ledger.rows("other", &[row_id(1)]).await.unwrap(), [Some(full_row("other", 1))]);
    assert_eq!(ledger.verify().await.unwrap(), 206);
}

async fn refuses_a_rename(ledger: &impl Ledger) {
    ledger.commit(vec![Change::Row(full_row("a", 1)), Change::Row(full_row("b", 1))]).await.unwrap();
    let rename = |from: &str, to: &str| Change::Rename { from: from.to_owned(), to: to.to_owned() };
    let taken = ledger.commit(vec![Change::Row(full_row("a", 2)), rename("a", "b")]).await.unwrap_err();
    assert_eq!(taken.code, "ledger.rename_taken");
    let unknown = ledger.commit(vec![rename("x", "c")]).await.unwrap_err();
    assert_eq!(unknown.code, "ledger.rename_unknown");
    assert_eq!(ledger.list_rows("a", &everything()).await.unwrap(), [full_row("a", 1)]);
    assert_eq!(ledger.verify().await.unwrap(), 2);
    // A refusal leaves the ledger in order.
    ledger.commit(vec![rename("a", "c")]).await.unwrap();
}

async fn forgets_a_row(ledger: &impl Ledger) {
    ledger.commit(vec![Change::Row(full_row("c", 1)), put("op", State::New, intent(1))]).await.unwrap();
    let forget = |id| Change::ForgetRow { connection: "c".to_owned(), id: row_id(id) };
    ledger.commit(vec![forget(1), forget(9)]).await.unwrap();
    assert_eq!(ledger.rows("c", &[row_id(1)]).await.unwrap(), [None]);
    assert_eq!(state_of(ledger, "op").await, Some(intent(1)));
    ledger.commit(vec![Change::Row(full_row("c", 2)), forget(2), Change::Row(full_row("c", 1))]).await.unwrap();
    assert_eq!(ledger.list_rows("c", &everything()).await.unwrap(), [full_row("c", 1)]);
    assert_eq!(ledger.verify().await.unwrap(), 2);
}

async fn marks_what_was_sent(ledger: &impl Ledger) {
    assert_eq!(ledger.last_sent(&["c", "d"]).await.unwrap(), None);
    let sent = |id: &str, was: State, at: i64| match put(id, was, intent(1)) {
        Change::Operation { was, now } => Change::Operation { was, now: OperationRecord { at, ..now } },
        other => other,
    };
    ledger.commit(vec![Change::Row(full_row("c", 1)), Change::Run(run("c", "01"))]).await.unwrap();
    assert_eq!(ledger.last_sent(&["c", "d"]).await.unwrap(), None, "rows and runs are no sends");
    ledger.commit(vec![sent("one", State::New, 500)]).await.unwrap();
    let Change::Operation { now, .. } = sent("one", State::New, 0) else { unreachable!() };
    let name = now.connection.as_str();
    assert_eq!(ledger.last_sent(&[name, "d"]).await.unwrap(), Some(500));
    assert_eq!(ledger.last_sent(&["d"]).await.unwrap(), None);
    ledger.commit(vec![sent("two", State::New, 400)]).await.unwrap();
    assert_eq!(ledger.last_sent(&[name]).await.unwrap(), Some(500), "it never moves back");
    ledger.commit(vec![Change::Rename { from: name.to_owned(), to: "new".to_owned() }]).await.unwrap();
    assert_eq!(ledger.last_sent(&["new"]).await.unwrap(), Some(500));
    assert_eq!(ledger.last_sent(&[name]).await.unwrap(), None);
}

async fn counts_what_is_there(ledger: &impl Ledger) {
    assert_eq!(ledger.verify().await.unwrap(), 0);
    let changes = vec![Change::Row(full_row("c", 1)), put("op", State::New, intent(1)), Change::Run(run("c", "01"))];
    ledger.commit(changes.clone()).await.unwrap();
    assert_eq!(ledger.verify().await.unwrap(), 3);
    ledger.commit(vec![changes[0].clone()]).await.unwrap();
    assert_eq!(ledger.verify().await.unwrap(), 3);
}
