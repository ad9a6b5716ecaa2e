//! What became of each row goes back into its source.

use futures::StreamExt;
use rowbill_connector::{Layout, Mark, Problem, Source, Written};

use super::engine::Engine;
use super::spool::NOWHERE;
use super::survey::{Spooled, Survey};
use crate::config::{Connection, WriteBackField};
use crate::ledger::{RowId, RowRecord, RowState};

const CHUNK: usize = 500;

/// Writes the state of all rows of the reading. What the ledger says is written, whichever run did it.
pub async fn write_back(
    engine: &Engine,
    connection: &Connection,
    source: &dyn Source,
    survey: &mut Survey,
) -> Result<Option<Written>, Problem> {
    let columns = &connection.write_back.columns;
    if columns.is_empty() {
        return Ok(None);
    }
    let ledger = engine.ledger()?;
    let layout = Layout {
        key: survey.binding.key_headers(),
        columns: columns.iter().map(|(_, header)| header.clone()).collect(),
    };
    let Survey { entries, spool, .. } = survey;
    let mut failed = None;
    let written = {
        let marks = futures::stream::unfold(
            (entries.chunks(CHUNK), &mut *spool, &mut failed),
            |(mut chunks, spool, failed)| {
                let ledger = ledger.clone();
                async move {
                    let chunk = chunks.next()?;
                    let ids: Vec<RowId> = chunk.iter().map(|entry| RowId(entry.id)).collect();
                    let records = match ledger.rows(&connection.name, &ids).await {
                        Ok(records) => records,
                        Err(problem) => {
                            *failed = Some(problem);
                            return None;
                        }
                    };
                    let mut marks = Vec::with_capacity(chunk.len());
                    for (entry, record) in chunk.iter().zip(records) {
                        let spooled: Spooled = if entry.spool == NOWHERE {
                            Spooled::default()
                        } else {
                            spool.get(entry.spool).unwrap_or_default()
                        };
                        let values = columns
                            .iter()
                            .map(|(field, _)| text(*field, entry.class, record.as_ref(), &spooled))
                            .collect();
                        marks.push(Mark { number: u64::from(entry.number), key: spooled.cells, values });
                    }
                    Some((marks, (chunks, spool, failed)))
                }
            },
        );
        source.write_back(&layout, marks.boxed()).await
    };
    match failed {
        Some(problem) => Err(problem),
        None => written.map(Some),
    }
}

fn text(field: WriteBackField, class: super::index::Class, record: Option<&RowRecord>, spooled: &Spooled) -> String {
    use super::index::Class;
    let object = record.and_then(|record| {
        let main = record
            .objects
            .iter()
            .find(|object| matches!(object.step.as_str(), "create_customer" | "add_invoice_item" | "create_invoice"));
        main.or(record.objects.first())
    });
    match field {
        WriteBackField::StripeId => object.map(|object| object.id.clone()).unwrap_or_default(),
        WriteBackField::InvoiceUrl => object.and_then(|object| object.url.clone()).unwrap_or_default(),
        WriteBackField::Problem => {
            let problem = record.and_then(|record| record.problem.as_ref()).or(spooled.problem.as_ref());
            problem.map(|problem| problem.message.clone()).unwrap_or_default()
        }
        WriteBackField::Status => match (class, record.map(|record| record.state)) {
            (Class::Failed, _) => "failed",
            (Class::Skipped, _) | (_, Some(RowState::Skipped)) => "skipped",
            (Class::NeedsReview, _) | (_, Some(RowState::NeedsReview)) => "needs review",
            (_, Some(RowState::Done)) => "done",
            (_, Some(RowState::There)) => "already there",
            (_, Some(RowState::Failed)) => "failed",
            (Class::Deferred, _) | (_, Some(RowState::Sending | RowState::Deferred)) => "waiting",
            _ => "",
        }
        .to_owned(),
    }
}
