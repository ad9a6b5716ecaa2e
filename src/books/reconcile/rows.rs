//! Customers and items: one row, one object.

use rowbill_connector::{Problem, Receipt};

use super::{Comparing, Kind, is_made, main_object};
use crate::books::reader::{Reader, Wanted, id_of};
use crate::ledger::{RowId, RowRecord, RowState};
use crate::mapping::money::Minor;
use crate::mapping::row::Outcome;
use crate::run::{amount_of, billed};

impl Comparing<'_> {
    pub(super) async fn rows(&mut self, reader: &mut Reader<'_>) -> Result<(), Problem> {
        while let Some(rows) = reader.next().await? {
            let rows: Vec<(RowId, Wanted)> =
                rows.into_iter().filter_map(|row| Some((RowId(id_of(&row.mapped.key)?), row))).collect();
            let ids: Vec<RowId> = rows.iter().map(|(id, _)| *id).collect();
            let records = self.ledger.rows(&self.connection.name, &ids).await?;
            for ((id, wanted), record) in rows.into_iter().zip(records) {
                if self.seen.insert(id.0) {
                    self.row(&wanted, record.as_ref()).await?;
                }
            }
        }
        Ok(())
    }

    async fn row(&mut self, wanted: &Wanted, record: Option<&RowRecord>) -> Result<(), Problem> {
        let key = &wanted.mapped.key;
        let (is_ready, expected) = match &wanted.mapped.outcome {
            Outcome::Ready(prepared) => (true, amount_of(&prepared.params)),
            _ => (false, None),
        };
        let is_left_out = record.is_some_and(|row| matches!(row.state, RowState::There | RowState::Skipped));
        if is_ready && !is_left_out {
            self.told.source.add(expected.as_ref());
        }
        let Some((record, object)) = record.and_then(|row| Some((row, main_object(self.connection, row)?))) else {
            let op = self.owner.operation(self.connection.action.name(), key);
            let is_there = self.inventory.made(&op).is_some();
            self.told.to_send += u64::from(is_ready && !is_left_out && !is_there);
            return Ok(());
        };
        let in_ledger = record.objects.iter().find(|other| other.id == object);
        let in_ledger = in_ledger.and_then(|object| Minor::of(object.amount, object.currency.as_deref()));
        if is_made(record) {
            self.told.ledger.add(in_ledger.as_ref());
        }
        match self.there(&object).await? {
            None => self.missing(key, &object),
            Some(receipt) if self.inventory.is_void(&receipt) => {
                let invoice = receipt.invoice.unwrap_or_default();
                self.find(Kind::Void, key, Some(&object), format!("{object} is on invoice {invoice}, which is void"));
            }
            Some(receipt) => {
                let at_target = self.amount(&receipt);
                self.told.target.add(at_target.as_ref());
                self.amounts(key, &object, [expected, in_ledger, at_target]);
            }
        }
        Ok(())
    }

    fn amount(&self, receipt: &Receipt) -> Option<Minor> {
        billed(receipt, self.connection.action.is_money())
    }
}
