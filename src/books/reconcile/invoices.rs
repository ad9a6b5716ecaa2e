//! Invoices: a group of rows, and the total that is asked for them.

use rowbill_connector::{Problem, Receipt};

use super::{Comparing, Kind, is_made, main_object};
use crate::books::groups::{Group, Groups, Line};
use crate::books::reader::Reader;
use crate::config::Invoice;
use crate::ledger::{RowId, RowRecord, RowState};
use crate::mapping::identity::Digest;
use crate::mapping::money::Minor;
use crate::mapping::row::Outcome;
use crate::run::{amount_of, invoiced};

impl Comparing<'_> {
    pub(super) async fn invoices(&mut self, invoice: &Invoice, reader: &mut Reader<'_>) -> Result<(), Problem> {
        let items = invoice.items_from.as_deref().map(|name| self.engine.project.connection(name)).transpose()?;
        let owner = self.owner.clone();
        let mut groups = Groups::new(&owner, items.map(|items| self.engine.owner(items)));
        while let Some(rows) = reader.next().await? {
            for wanted in rows {
                groups.add(wanted, |op| self.inventory.made(op).is_some());
            }
        }
        for (id, group) in groups.all.into_iter().filter(|(_, group)| !group.lines.is_empty()) {
            self.seen.insert(id);
            let record = self.ledger.row(&self.connection.name, RowId(id)).await?;
            self.group(invoice, &group, record.as_ref()).await?;
        }
        Ok(())
    }

    async fn group(&mut self, invoice: &Invoice, group: &Group, record: Option<&RowRecord>) -> Result<(), Problem> {
        if record.is_some_and(|row| matches!(row.state, RowState::There | RowState::Skipped)) {
            return Ok(());
        }
        let Some((record, object)) = record.and_then(|row| Some((row, main_object(self.connection, row)?))) else {
            self.told.source.add(sum(group.lines.iter().map(expected)).as_ref());
            let op = self.owner.operation("create_invoice", &group.key);
            self.told.to_send += u64::from(self.inventory.made(&op).is_none());
            return Ok(());
        };
        let members = invoiced(&record.members);
        let on_it: Vec<&Line> = group.lines.iter().filter(|line| members.contains(&line.member)).collect();
        // With a row of it gone or edited, the source does not say any more what it came to.
        let is_whole = on_it.len() == members.len();
        let in_source = if is_whole { sum(on_it.iter().map(|line| expected(line))) } else { None };
        self.told.source.add(in_source.as_ref());
        let in_ledger = self.in_ledger(invoice, record, members).await?;
        if is_made(record) {
            self.told.ledger.add(in_ledger.as_ref());
        }
        let key = &group.key;
        match self.there(&object).await? {
            None => self.missing(key, &object),
            Some(receipt) if self.inventory.is_void(&receipt) => {
                self.find(Kind::Void, key, Some(&object), format!("invoice {object} is void"));
            }
            Some(receipt) => {
                let at_target = total(invoice, &receipt);
                self.told.target.add(at_target.as_ref());
                if is_made(record) {
                    self.amounts(key, &object, [in_source, in_ledger, at_target]);
                }
            }
        }
        Ok(())
    }

    /// What the items come to that the ledger has on this invoice.
    async fn in_ledger(
        &self,
        invoice: &Invoice,
        row: &RowRecord,
        members: &[Digest],
    ) -> Result<Option<Minor>, Problem> {
        let Some(items) = &invoice.items_from else {
            let own = row.objects.iter().filter(|object| object.step.starts_with("item."));
            return Ok(sum(own.map(|object| Minor::of(object.amount, object.currency.as_deref()))));
        };
        let ids: Vec<RowId> = members.iter().map(|member| RowId(*member)).collect();
        let rows = self.ledger.rows(items, &ids).await?;
        Ok(sum(rows.into_iter().map(|row| {
            let object = row?.objects.into_iter().find(|object| object.step == "add_invoice_item")?;
            Minor::of(object.amount, object.currency.as_deref())
        })))
    }
}

fn expected(line: &Line) -> Option<Minor> {
    match &line.wanted.mapped.outcome {
        Outcome::Ready(prepared) => amount_of(&prepared.params),
        _ => None,
    }
}

fn total(invoice: &Invoice, receipt: &Receipt) -> Option<Minor> {
    let amount = if invoice.taxed { receipt.subtotal.or(receipt.amount) } else { receipt.amount };
    Minor::of(amount, receipt.currency.as_deref())
}

/// The sum, where every part of it is known and of one currency.
fn sum(parts: impl Iterator<Item = Option<Minor>>) -> Option<Minor> {
    let mut sum: Option<Minor> = None;
    for part in parts {
        let part = part?;
        let so_far = sum.get_or_insert(Minor { amount: 0, currency: part.currency.clone() });
        if so_far.currency != part.currency {
            return None;
        }
        so_far.amount = so_far.amount.checked_add(part.amount)?;
    }
    sum
}
