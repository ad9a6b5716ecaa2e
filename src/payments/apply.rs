//! What events are about is read again, and what it is now is written down.

use std::collections::BTreeMap;

use rowbill_connector::{Bill, OperationId, Payments, Problem, SendError, Subject};

use super::record::{EventRecord, EventState, PaymentRecord};
use crate::ledger::{Change, Document, DocumentFilter, DocumentKind, Ledger};
use crate::protocol::Time;

/// So many events are taken at once: several about one invoice cost one reading.
const CHUNK: u32 = 200;

/// Applies the events of one account.
pub struct Applying<'a> {
    /// The ledger.
    pub ledger: &'a dyn Ledger,
    /// The account.
    pub target: &'a dyn Payments,
    /// Its name.
    pub account: &'a str,
    /// The connections of the account, by what the ids of their operations begin with.
    pub tags: &'a [(String, String)],
    /// Now (seconds since 1970 UTC).
    pub now: Time,
    /// At most so many invoices are read; the rest waits.
    pub most: usize,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Events that are not pending any more.
    pub events: usize,
    /// Payments whose state has changed.
    pub changed: Vec<PaymentRecord>,
    /// Why it stopped before the end, if it did: the rest is taken up the next time.
    pub stopped: Option<Problem>,
}

/// What is to be done with the events of a chunk.
#[derive(Default)]
struct Chunk {
    /// Events by the invoices that they are about.
    about: BTreeMap<String, Vec<EventRecord>>,
    /// Events about nothing of ours.
    nothing: Vec<EventRecord>,
}

impl Applying<'_> {
    /// Applies all that are pending, as far as it may.
    pub async fn run(&self) -> Result<Applied, Problem> {
        let mut applied = Applied::default();
        let mut read = 0;
        loop {
            let pending = self.pending().await?;
            if pending.is_empty() {
                return Ok(applied);
            }
            let chunk = match self.sorted(pending).await? {
                Ok(chunk) => chunk,
                Err(problem) => return Ok(Applied { stopped: Some(problem), ..applied }),
            };
            applied.events += chunk.nothing.len();
            self.commit(Vec::new(), chunk.nothing, EventState::Ignored).await?;
            for (invoice, events) in chunk.about {
                if read >= self.most {
                    let message = format!("{read} invoices were read, and no more are to be at once");
                    return Ok(Applied { stopped: Some(Problem::new("payments.budget", message)), ..applied });
                }
                read += 1;
                match self.target.bill(&invoice).await {
                    Ok(bill) => applied.take(self.take(&bill, events).await?),
                    Err(error) if is_gone(&error) => {
                        applied.events += events.len();
                        self.commit(Vec::new(), events, EventState::Ignored).await?;
                    }
                    Err(error) => return Ok(Applied { stopped: Some(error.problem().clone()), ..applied }),
                }
            }
        }
    }

    async fn pending(&self) -> Result<Vec<EventRecord>, Problem> {
        let state = Some(EventState::Pending.name().to_owned());
        let filter = DocumentFilter { state, ..DocumentFilter::of(DocumentKind::Event, self.account, CHUNK) };
        self.ledger.list_documents(&filter).await?.into_iter().map(EventRecord::from_document).collect()
    }

    /// Finds the invoices: one question for each thing that events are about.
    async fn sorted(&self, pending: Vec<EventRecord>) -> Result<Result<Chunk, Problem>, Problem> {
        let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let mut chunk = Chunk::default();
        for event in pending {
            let Some(about) = event.subject.clone() else {
                chunk.nothing.push(event);
                continue;
            };
            if !found.contains_key(&about) {
                let subject = match about.0.as_str() {
                    "invoice" => Subject::Invoice(about.1.clone()),
                    "intent" => Subject::Intent(about.1.clone()),
                    _ => Subject::Charge(about.1.clone()),
                };
                let invoices = match self.target.invoices_of(&subject).await {
                    Ok(invoices) => invoices,
                    Err(error) if is_gone(&error) => Vec::new(),
                    Err(error) => return Ok(Err(error.problem().clone())),
                };
                found.insert(about.clone(), invoices);
            }
            match found[&about].first() {
                Some(invoice) => chunk.about.entry(invoice.clone()).or_default().push(event),
                None => chunk.nothing.push(event),
            }
        }
        Ok(Ok(chunk))
    }

    /// Writes a payment down, with the events that led to it. An invoice that is not ours is nobody's business.
    async fn take(&self, bill: &Bill, events: Vec<EventRecord>) -> Result<(usize, Option<PaymentRecord>), Problem> {
        let count = events.len();
        let before = PaymentRecord::find(self.ledger, &bill.invoice).await?;
        let made_by = match &before {
            Some(before) => Some((before.connection.clone(), before.key.clone())),
            None => self.maker(bill.op.as_ref()).await?,
        };
        let Some((connection, key)) = made_by else {
            self.commit(Vec::new(), events, EventState::Ignored).await?;
            return Ok((count, None));
        };
        let last = events.iter().max_by_key(|event| (event.created, &event.id)).map(|event| event.id.clone());
        let last = last.unwrap_or_default();
        let known = before.as_ref().map(|before| before.history.len());
        let record = PaymentRecord::of(bill, before, connection, key, self.now, &last);
        self.commit(vec![record.document()], events, EventState::Applied).await?;
        let has_changed = known != Some(record.history.len());
        Ok((count, Some(record).filter(|_| has_changed)))
    }

    /// The connection that made an invoice, and the key of its row where the ledger knows it.
    async fn maker(&self, op: Option<&OperationId>) -> Result<Option<(String, Vec<String>)>, Problem> {
        let Some(op) = op else { return Ok(None) };
        let Some((_, connection)) = self.tags.iter().find(|(tag, _)| op.0.starts_with(tag)) else { return Ok(None) };
        let Some(operation) = self.ledger.operation(op).await? else {
            return Ok(Some((connection.clone(), Vec::new())));
        };
        let row = self.ledger.row(connection, operation.row).await?;
        Ok(Some((connection.clone(), row.map(|row| row.key).unwrap_or_default())))
    }

    async fn commit(
        &self,
        documents: Vec<Document>,
        events: Vec<EventRecord>,
        state: EventState,
    ) -> Result<(), Problem> {
        let events = events.into_iter().map(|event| EventRecord { state, ..event }.document());
        let changes: Vec<Change> = documents.into_iter().chain(events).map(Change::Document).collect();
        if changes.is_empty() { Ok(()) } else { self.ledger.commit(changes).await }
    }
}

impl Applied {
    fn take(&mut self, (events, changed): (usize, Option<PaymentRecord>)) {
        self.events += events;
        self.changed.extend(changed);
    }
}

fn is_gone(error: &SendError) -> bool {
    matches!(error, SendError::Refused(problem) if problem.code.ends_with(".resource_missing"))
}
