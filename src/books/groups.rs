//! Rows that make invoices together, and the operations behind their items.

use indexmap::IndexMap;
use rowbill_connector::OperationId;

use super::reader::{Wanted, id_of};
use crate::mapping::identity::{Digest, Owner};
use crate::mapping::row::Outcome;
use crate::run::item_step;

/// The rows of one invoice.
#[derive(Default)]
pub struct Group {
    pub key: Vec<String>,
    pub lines: Vec<Line>,
}

/// A row of a group.
pub struct Line {
    /// What identifies it within the group.
    pub member: Digest,
    /// The step of an item that the invoice makes itself.
    pub step: String,
    /// The operation that made its item.
    pub op: OperationId,
    /// The row.
    pub wanted: Wanted,
}

/// The groups of a source, in the order of their first rows. Rows that are left out are not among them.
pub struct Groups<'a> {
    owner: &'a Owner,
    /// Whom the items belong to, where another connection makes them.
    items: Option<Owner>,
    pub all: IndexMap<Digest, Group>,
}

impl<'a> Groups<'a> {
    pub fn new(owner: &'a Owner, items: Option<Owner>) -> Self {
        Self { owner, items, all: IndexMap::new() }
    }

    /// Adds a row; `has_item` says whether an operation has made something.
    pub fn add(&mut self, wanted: Wanted, has_item: impl Fn(&OperationId) -> bool) {
        let Some(id) = id_of(&wanted.group) else { return };
        let group = self.all.entry(id).or_default();
        group.key.clone_from(&wanted.group);
        let is_skipped = matches!(wanted.mapped.outcome, Outcome::Skipped);
        let line = if let Some(items) = &self.items {
            let Some(member) = id_of(&wanted.mapped.key) else { return };
            let step = "add_invoice_item".to_owned();
            let op = items.operation(&step, &wanted.mapped.key);
            Line { member, step, op, wanted }
        } else {
            let member = wanted.mapped.content;
            let nth = group.lines.iter().filter(|line| line.member == member).count() + 1;
            let step = item_step(&member, u32::try_from(nth).unwrap_or(u32::MAX));
            let op = self.owner.operation(&step, &group.key);
            Line { member, step, op, wanted }
        };
        if !is_skipped || (self.items.is_some() && has_item(&line.op)) {
            group.lines.push(line);
        }
    }
}
