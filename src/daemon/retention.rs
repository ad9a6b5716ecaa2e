//! Forgets old runs, and never what later runs are decided by.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::Problem;
use serde_json::Value;

use crate::ledger::{Change, DocumentFilter, DocumentKind, Ledger, RunFilter, RunRecord};
use crate::payments::EventRecord;
use crate::protocol::Time;
use crate::run::history::{counts_as_first, heard, newest_of};

/// The newest runs of each connection stay, however old they are.
const NEWEST: u32 = 50;
/// Runs that made nothing and had nothing to tell stay for a day (seconds).
const UNEVENTFUL: Time = 86_400;
/// Events stay for so long (seconds): longer than the list goes back.
const EVENTS: Time = 40 * 86_400;
/// So many are looked at in one step.
const PAGE: u32 = 500;

/// Forgets runs that are older than this many seconds, and uneventful ones after a day; how many.
pub async fn forget(ledger: &dyn Ledger, keep: u64, now: Time) -> Result<u64, Problem> {
    let old = now - Time::try_from(keep).unwrap_or(Time::MAX).min(now);
    let mut filter = RunFilter {
        before: Some(first_id(now - UNEVENTFUL.min(now))),
        oldest_first: true,
        limit: PAGE,
        ..RunFilter::default()
    };
    let mut kept: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut forgotten = 0;
    loop {
        let page = ledger.runs(&filter).await?;
        let Some(last) = page.last() else { return Ok(forgotten) };
        filter.after = Some(last.id.clone());
        let mut changes = Vec::new();
        for run in page {
            if !kept.contains_key(&run.connection) {
                kept.insert(run.connection.clone(), needed(ledger, &run.connection).await?);
            }
            // What came since they were looked up is newer than all of them.
            let is_newer = |ids: &BTreeSet<String>| ids.last().is_none_or(|newest| run.id > *newest);
            let is_needed = kept.get(&run.connection).is_some_and(|ids| ids.contains(&run.id) || is_newer(ids));
            if !is_needed && (run.started < old || is_uneventful(&run)) {
                changes.push(Change::ForgetRun(run.id));
            }
        }
        forgotten += changes.len() as u64;
        ledger.commit(changes).await?;
    }
}

/// Forgets events of these accounts that were applied and came more than [`EVENTS`] seconds ago; how many. Neither a
/// delivery nor the list brings them again, and if one did, the invoice would be read once more.
pub async fn forget_events(ledger: &dyn Ledger, accounts: &[String], now: Time) -> Result<u64, Problem> {
    let mut forgotten = 0;
    for (account, state) in accounts.iter().flat_map(|account| [(account, "applied"), (account, "ignored")]) {
        let state = Some(state.to_owned());
        let mut filter = DocumentFilter { state, ..DocumentFilter::of(DocumentKind::Event, account, PAGE) };
        loop {
            let page = ledger.list_documents(&filter).await?;
            let Some(last) = page.last() else { break };
            filter.after.clone_from(&last.id);
            let events: Vec<EventRecord> =
                page.into_iter().map(EventRecord::from_document).collect::<Result<_, Problem>>()?;
            let old = events.into_iter().filter(|event| event.received < now - EVENTS);
            let changes: Vec<Change> = old.map(|event| Change::ForgetDocument(DocumentKind::Event, event.id)).collect();
            forgotten += changes.len() as u64;
            if !changes.is_empty() {
                ledger.commit(changes).await?;
            }
        }
    }
    Ok(forgotten)
}

/// The newest runs, and the newest ones that decide: what is the first run, and what those after it have heard.
async fn needed(ledger: &dyn Ledger, connection: &str) -> Result<BTreeSet<String>, Problem> {
    let newest = ledger.runs(&RunFilter::newest(connection, NEWEST)).await?;
    let first = newest_of(ledger, connection, counts_as_first).await?;
    let told = newest_of(ledger, connection, |run| heard(run).is_some()).await?;
    Ok(newest.into_iter().chain(first).chain(told).map(|run| run.id).collect())
}

fn is_uneventful(run: &RunRecord) -> bool {
    let report: Value = serde_json::from_str(&run.report).unwrap_or_default();
    let nothing_done = report["rows"]["done"].as_u64().unwrap_or(0) == 0;
    matches!(report["result"].as_str(), Some("ok" | "skipped" | "not_run")) && nothing_done
}

/// No run that began at or after this time has a smaller id.
fn first_id(at: Time) -> String {
    let milliseconds = u64::try_from(at).unwrap_or(0).saturating_mul(1000);
    ulid::Ulid::from_parts(milliseconds, 0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::SqliteLedger;

    const DAY: Time = 86_400;

    #[tokio::test]
    async fn events_are_forgotten_once_nobody_tells_them_again() {
        use rowbill_connector::{Event, Subject};

        use crate::ledger::memory::MemoryLedger;
        use crate::payments::EventState;
        use crate::payments::record::Way;

        let ledger = MemoryLedger::default();
        let event = |id: &str, state: EventState, received: Time| {
            let (kind, subject) = ("invoice.paid".to_owned(), Subject::Other);
            let told = Event { id: id.to_owned(), kind, created: 0, livemode: false, account: None, subject };
            Change::Document(EventRecord { state, ..EventRecord::new(&told, "acme", Way::Poll, received) }.document())
        };
        let now = 100 * DAY;
        let events = vec![
            event("old", EventState::Applied, now - 41 * DAY),
            event("others", EventState::Ignored, now - 41 * DAY),
            event("new", EventState::Applied, now - 39 * DAY),
            event("waiting", EventState::Pending, now - 90 * DAY),
        ];
        ledger.commit(events).await.unwrap();
        assert_eq!(forget_events(&ledger, &["acme".to_owned()], now).await.unwrap(), 2);
        let left = ledger.list_documents(&DocumentFilter::of(DocumentKind::Event, "acme", 9)).await.unwrap();
        assert_eq!(left.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["new", "waiting"]);
    }

    /// That there was a first run is remembered behind any number of notes that a connection did not run.
    #[tokio::test]
    async fn what_decides_stays() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::create(&folder.path().join("ledger.db")).await.unwrap();
        let now = 1_800_000_000;
        let run = |at: Time, nth: Time, result: &str| RunRecord {
            id: format!("{}{nth:04}", &first_id(at)[..22]),
            connection: "items".to_owned(),
            started: at,
            finished: Some(at),
            report: format!(r#"{{"result":"{result}","rows":{{"done":0}}}}"#),
        };
        let first = run(now - 20 * DAY, 0, "ok");
        let notes = (0..2500).map(|nth| run(now - 10 * DAY, nth, "not_run"));
        let changes = std::iter::once(first.clone()).chain(notes).map(Change::Run).collect();
        ledger.commit(changes).await.unwrap();
        let found = newest_of(&ledger, "items", counts_as_first).await.unwrap();
        assert_eq!(found.as_ref(), Some(&first));
        assert_eq!(forget(&ledger, 90 * 86_400, now).await.unwrap(), 2500 - u64::from(NEWEST));
        assert_eq!(newest_of(&ledger, "items", counts_as_first).await.unwrap(), Some(first));
        assert_eq!(forget(&ledger, 90 * 86_400, now).await.unwrap(), 0);
    }
}
