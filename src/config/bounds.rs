//! What bounds a run, and what it writes back: `limits:` and `write_back:`.

use std::collections::BTreeMap;

use super::connection::{Limits, WriteBack, WriteBackField};
use super::mapping_file::Reader;
use super::yaml::Node;
use crate::mapping::money::{Money, to_minor};

impl Reader<'_, '_> {
    pub(super) fn limits(&mut self) -> Limits {
        let Some(node) = self.node.get("limits") else { return Limits::default() };
        let new_rows = node.get("new_rows").and_then(Node::text).and_then(|text| text.parse().ok());
        let mut amount = BTreeMap::new();
        for (key, value) in node.get("amount").map(Node::entries).unwrap_or_default() {
            let code = key.text.to_lowercase();
            let major = value.text().and_then(|text| text.parse().ok()).unwrap_or_default();
            match to_minor(&Money { amount: major, currency: code.clone() }, self.builder.currencies) {
                Ok(minor) => drop(amount.insert(code, minor)),
                Err(problem) => {
                    let advice = problem.advice.unwrap_or_default();
                    self.builder.tell(key.at, "config.limit_amount", problem.message, advice);
                }
            }
        }
        Limits { new_rows, amount }
    }

    pub(super) fn write_back(&mut self) -> WriteBack {
        let mut columns: Vec<(WriteBackField, String)> = Vec::new();
        let fields = [
            ("status", WriteBackField::Status),
            ("stripe_id", WriteBackField::StripeId),
            ("invoice_url", WriteBackField::InvoiceUrl),
            ("problem", WriteBackField::Problem),
            ("payment", WriteBackField::Payment),
            ("paid_at", WriteBackField::PaidAt),
            ("amount_paid", WriteBackField::AmountPaid),
        ];
        let Some(node) = self.node.get("write_back") else { return WriteBack::default() };
        for (key, value) in node.entries() {
            let (Some((_, field)), Some(header)) = (fields.iter().find(|(name, _)| *name == key.text), value.text())
            else {
                continue;
            };
            let is_read = self.builder.columns.iter().any(|column| column.header == header);
            if is_read || columns.iter().any(|(_, other)| other == header) {
                let message = if is_read {
                    format!("the column \"{header}\" is read, and would be written over")
                } else {
                    format!("the column \"{header}\" would be written twice")
                };
                self.builder.tell(value, "config.write_back", message, "name a column that nothing else uses".into());
            }
            columns.push((*field, header.to_owned()));
        }
        WriteBack { columns }
    }
}
