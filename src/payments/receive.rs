//! Events are written down, once each, before anybody is told that they are.

use std::collections::BTreeMap;

use rowbill_connector::{Event, Problem};

use super::record::{EventRecord, EventState, Way};
use crate::ledger::{Change, Document, DocumentKind, Ledger};
use crate::protocol::Time;

/// Writes down the events that the ledger does not know yet, together with what else is to be true from then on; how many
/// were new.
pub async fn receive(
    ledger: &dyn Ledger,
    account: &str,
    events: &[Event],
    by: Way,
    now: Time,
    besides: Option<Document>,
) -> Result<usize, Problem> {
    let by_id: BTreeMap<&String, &Event> = events.iter().map(|event| (&event.id, event)).collect();
    let ids: Vec<String> = by_id.keys().map(|id| (*id).clone()).collect();
    let known = ledger.documents(DocumentKind::Event, &ids).await?;
    let new = by_id.values().zip(known).filter(|(_, known)| known.is_none());
    let mut changes: Vec<Change> =
        new.map(|(event, _)| Change::Document(EventRecord::new(event, account, by, now).document())).collect();
    let count = changes.len();
    changes.extend(besides.map(Change::Document));
    if !changes.is_empty() {
        ledger.commit(changes).await?;
    }
    Ok(count)
}

/// Has an event applied once more, whatever became of it before.
pub async fn replay(ledger: &dyn Ledger, account: &str, event: &Event, now: Time) -> Result<(), Problem> {
    let known = ledger.document(DocumentKind::Event, &event.id).await?;
    let record = match known.map(EventRecord::from_document).transpose()? {
        Some(known) => EventRecord { state: EventState::Pending, ..known },
        None => EventRecord::new(event, account, Way::Poll, now),
    };
    ledger.commit(vec![Change::Document(record.document())]).await
}
