//! What became of each row goes back into its source.

use futures::StreamExt;
use rowbill_connector::{Currency, Layout, Mark, Problem, Source, Written};

use super::engine::Engine;
use super::spool::NOWHERE;
use super::survey::{Spooled, Survey};
use crate::config::{Connection, WriteBackField};
use crate::ledger::{RowId, RowRecord, RowState};
use crate::mapping::{money, time};
use crate::payments::record::invoice_of;
use crate::payments::{PaymentRecord, payments};

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
    let of_payments = columns.iter().any(|(field, _)| field.is_payment());
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
                    let known = async {
                        let records = ledger.rows(&connection.name, &ids).await?;
                        let rows: Vec<&RowRecord> = records.iter().flatten().collect();
                        let payments = payments(&*ledger, if of_payments { &rows } else { &[] }).await?;
                        Ok((records, payments))
                    };
                    let (records, payments) = match known.await {
                        Ok(known) => known,
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
                        let payment = record.as_ref().and_then(invoice_of).and_then(|invoice| payments.get(invoice));
                        let value = |field: WriteBackField| match payment {
                            _ if !field.is_payment() => text(field, entry.class, record.as_ref(), &spooled),
                            Some(payment) => of_payment(field, payment, &engine.catalog.currencies),
                            None => String::new(),
                        };
                        let values = columns.iter().map(|(field, _)| value(*field)).collect();
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
        // Of the payment's own record.
        WriteBackField::Payment | WriteBackField::PaidAt | WriteBackField::AmountPaid => String::new(),
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

fn of_payment(
    field: WriteBackField,
    payment: &PaymentRecord,
    currencies: &std::collections::BTreeMap<String, Currency>,
) -> String {
    match field {
        WriteBackField::Payment => payment.state.name().replace('_', " "),
        WriteBackField::PaidAt => payment.paid_at.map(time::display).unwrap_or_default(),
        _ => money::from_minor(payment.paid, &payment.currency, currencies),
    }
}
