//! What became of each row goes back into its source.

use std::collections::BTreeMap;

use futures::StreamExt;
use rowbill_connector::{Currency, Layout, Mark, Problem, Source, Written};

use super::engine::Engine;
use super::index::Class;
use super::spool::NOWHERE;
use super::survey::{Spooled, Survey};
use crate::config::{Connection, WriteBackField};
use crate::ledger::{ObjectRef, RowId, RowRecord, RowState};
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
    let of_payments = connection.write_back.shows_payments();
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
                        let told = Told { class: entry.class, record: record.as_ref(), payment, spooled: &spooled };
                        let currencies = &engine.catalog.currencies;
                        let values = columns.iter().map(|(field, _)| told.text(*field, currencies)).collect();
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

/// What is told of one row.
struct Told<'a> {
    class: Class,
    record: Option<&'a RowRecord>,
    payment: Option<&'a PaymentRecord>,
    spooled: &'a Spooled,
}

impl Told<'_> {
    fn text(&self, field: WriteBackField, currencies: &BTreeMap<String, Currency>) -> String {
        let paid = |payment: &PaymentRecord| money::from_minor(payment.paid, &payment.currency, currencies);
        let text = match field {
            WriteBackField::StripeId => self.object().map(|object| object.id.clone()),
            WriteBackField::InvoiceUrl => self.object().and_then(|object| object.url.clone()),
            WriteBackField::Payment => self.payment.map(|payment| payment.state.name().replace('_', " ")),
            WriteBackField::PaidAt => self.payment.and_then(|payment| payment.paid_at).map(time::display),
            WriteBackField::AmountPaid => self.payment.map(paid),
            WriteBackField::Problem => {
                let problem = self.record.and_then(|record| record.problem.as_ref()).or(self.spooled.problem.as_ref());
                problem.map(|problem| problem.message.clone())
            }
            WriteBackField::Status => Some(self.status().to_owned()),
        };
        text.unwrap_or_default()
    }

    fn object(&self) -> Option<&ObjectRef> {
        let objects = &self.record?.objects;
        let is_main = |step: &str| matches!(step, "create_customer" | "add_invoice_item" | "create_invoice");
        objects.iter().find(|object| is_main(&object.step)).or(objects.first())
    }

    fn status(&self) -> &'static str {
        match (self.class, self.record.map(|record| record.state)) {
            (Class::Failed, _) => "failed",
            (Class::Skipped, _) | (_, Some(RowState::Skipped)) => "skipped",
            (Class::NeedsReview, _) | (_, Some(RowState::NeedsReview)) => "needs review",
            (_, Some(RowState::Done)) => "done",
            (_, Some(RowState::There)) => "already there",
            (_, Some(RowState::Failed)) => "failed",
            (Class::Deferred, _) | (_, Some(RowState::Sending | RowState::Deferred)) => "waiting",
            _ => "",
        }
    }
}
