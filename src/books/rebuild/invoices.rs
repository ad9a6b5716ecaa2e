//! Invoices: which rows are on them, and how far they are.

use rowbill_connector::{OperationId, Problem, Receipt};

use super::{Rebuilding, bare, commit};
use crate::books::groups::{Group, Groups, Line};
use crate::books::reader::Reader;
use crate::config::{Finish, Invoice};
use crate::ledger::{Change, RowRecord, RowState};
use crate::mapping::identity::{Digest, digest};
use crate::protocol::State;
use crate::run::object_ref;

impl Rebuilding<'_> {
    pub(super) async fn groups(&mut self, invoice: &Invoice, reader: &mut Reader<'_>) -> Result<(), Problem> {
        let items = invoice.items_from.as_deref().map(|name| self.engine.project.connection(name)).transpose()?;
        let owner = self.owner.clone();
        let mut groups = Groups::new(&owner, items.map(|items| self.engine.owner(items)));
        while let Some(rows) = reader.next().await? {
            for wanted in rows {
                self.told.rows += 1;
                groups.add(wanted, |op| self.inventory.made(op).is_some());
            }
        }
        for group in groups.all.into_values().filter(|group| !group.lines.is_empty()) {
            let op = self.owner.operation("create_invoice", &group.key);
            let changes = if let Some(made) = self.inventory.made(&op) {
                self.invoice(invoice, &group, &op, made)
            } else {
                self.told.without += group.lines.len() as u64;
                let members = sorted(group.lines.iter().map(|line| line.member));
                self.there(true, RowRecord { members, ..self.blank(&group.key, RowState::There) })
            };
            commit(self.engine, changes).await?;
        }
        Ok(())
    }

    fn invoice(&mut self, invoice: &Invoice, group: &Group, op: &OperationId, made: &Receipt) -> Vec<Change> {
        self.matched.insert(op.clone());
        let item = |line: &Line| {
            let item = self.inventory.made(&line.op)?;
            (item.invoice.as_ref() == Some(&made.id)).then_some(item)
        };
        let on_it: Vec<(&Line, &Receipt)> = group.lines.iter().filter_map(|line| Some((line, item(line)?))).collect();
        let is_draft = made.status.as_deref() == Some("draft");
        let is_under_way = is_draft && invoice.finish > Finish::Draft;
        let is_sent = !is_draft && invoice.finish == Finish::Send;
        let mut objects = vec![object_ref("create_invoice", made)];
        let mut strangers = Vec::new();
        if invoice.items_from.is_none() {
            objects.extend(on_it.iter().map(|(line, item)| object_ref(&line.step, item)));
            // Items of rows that were edited or deleted since: they are on the invoice, whatever the source says now.
            let is_known = |item: &&Receipt| on_it.iter().any(|(_, known)| known.id == item.id);
            strangers.extend(self.inventory.items_on(&made.id).filter(|item| !is_known(item)));
            objects.extend(strangers.iter().map(|item| object_ref(&format!("item.{}", item.id), item)));
        }
        // Rows that came later are not on it; of one that is not finished nobody can say so.
        let members = if is_under_way {
            sorted(group.lines.iter().map(|line| line.member))
        } else {
            let gone = strangers.iter().map(|item| digest(&[item.id.as_bytes()]));
            sorted(on_it.iter().map(|(line, _)| line.member).chain(gone))
        };
        self.told.found += on_it.len() as u64;
        self.told.without += (group.lines.len() - on_it.len()) as u64;
        self.told.under_way += u64::from(is_under_way);
        self.told.taken_as_sent += u64::from(is_sent && made.status.as_deref() == Some("open"));
        let state = if is_under_way { RowState::Sending } else { RowState::Done };
        let row = RowRecord { objects, members, ..self.blank(&group.key, state) };
        let steps = [
            ("add_lines", invoice.items_from.is_some() && !is_under_way),
            ("finalize", !is_draft && invoice.finish >= Finish::Finalize),
            ("send", is_sent),
        ];
        let mut changes = vec![];
        for (step, _) in steps.into_iter().filter(|(_, is_done)| *is_done) {
            let op = self.owner.operation(step, &group.key);
            let mut now = bare(&op, &self.connection.name, step, &made.id, self.inventory.begun);
            (now.row, now.run) = (row.id, self.run.clone());
            changes.push(Change::Operation { was: State::New, now });
        }
        changes.push(Change::Row(row));
        changes
    }
}

fn sorted(members: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut members: Vec<Digest> = members.collect();
    members.sort_unstable();
    members
}
