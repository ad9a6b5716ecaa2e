//! The list of events is read from where it was read before: no public address is needed, and what a webhook lost in the
//! last thirty days is found.

use rowbill_connector::{Payments, Problem};
use serde::{Deserialize, Serialize};

use super::receive::receive;
use super::record::Way;
use crate::ledger::{Document, DocumentKind, Ledger};
use crate::protocol::Time;

/// The list goes back so far (docs.stripe.com/api/events).
const OLDEST: Time = 30 * 24 * 3600;
/// An event may be listed a little later than it says: so much is read twice.
const OVERLAP: Time = 10 * 60;

/// How far the events of an account were read.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// Everything before this second (since 1970 UTC, by the target's clock) was read.
    until: Time,
}

/// Reads what has happened since the last poll and writes it down. The place to go on from is written with the events, so
/// that none is lost when the process dies in between; how many were new. `now` is the target's time.
pub async fn poll(ledger: &dyn Ledger, target: &dyn Payments, account: &str, now: Time) -> Result<usize, Problem> {
    let known = ledger.document(DocumentKind::Cursor, account).await?;
    let cursor = known.and_then(|document| serde_json::from_str::<Cursor>(&document.record).ok());
    let since = cursor.map_or(now - OLDEST, |cursor| cursor.until - OVERLAP).max(now - OLDEST);
    let events = target.events_since(since).await.map_err(|error| error.problem().clone())?;
    let record = serde_json::to_string(&Cursor { until: now }).expect("it is plain JSON");
    let (id, owner) = (account.to_owned(), account.to_owned());
    let cursor = Document { kind: DocumentKind::Cursor, id, owner, state: String::new(), record };
    receive(ledger, account, &events, Way::Poll, now, Some(cursor)).await
}
