//! A group that is to be invoiced, and its lines.

use std::collections::HashMap;

use data_encoding::HEXLOWER;

use super::amounts::amount_of;
use super::items::Item;
use super::survey::Spooled;
use crate::ledger::RowRecord;
use crate::mapping::identity::Digest;
use crate::mapping::money::Minor;
use crate::mapping::recipe::Prepared;

/// A group to settle.
pub struct GroupTask {
    /// What the invoice itself needs; none when that was worked out by an earlier run.
    pub head: Option<Prepared>,
    /// The group's key.
    pub key: Vec<String>,
    /// Its lines, in the order of the source.
    pub lines: Vec<Line>,
    /// The ledger's record, or a blank one.
    pub record: RowRecord,
    /// The members that the record had before this run.
    pub before: Vec<Digest>,
    /// A person asked for another try.
    pub retry: bool,
}

impl GroupTask {
    /// The steps of its items, in the order of its lines.
    pub fn steps(&self) -> Vec<String> {
        item_steps(self.lines.iter().map(|line| &line.member))
    }
}

/// One line of an invoice.
pub struct Line {
    /// What identifies it within the group: the hash of its row, or the id of its item's row.
    pub member: Digest,
    /// Of a line that is made here: its parameters.
    pub prepared: Option<Prepared>,
    /// Of a line that another connection made.
    pub item: Option<Item>,
}

impl Line {
    /// A line of what the survey remembered.
    pub fn of(member: Digest, spooled: Spooled) -> Self {
        Self { member, prepared: spooled.prepared, item: spooled.item }
    }

    /// Its amount, where the row alone says it.
    pub fn amount(&self) -> Option<Minor> {
        match (&self.item, &self.prepared) {
            (Some(item), _) => Minor::of(item.amount, item.currency.as_deref()),
            (None, Some(prepared)) => amount_of(&prepared.params),
            _ => None,
        }
    }
}

/// The steps of the items of an invoice's lines: a row's own hash, and which of several equal rows it is.
pub fn item_steps<'a>(members: impl IntoIterator<Item = &'a Digest>) -> Vec<String> {
    let mut seen: HashMap<&Digest, u32> = HashMap::new();
    let mut step = |member| {
        let nth = seen.entry(member).or_default();
        *nth += 1;
        item_step(member, *nth)
    };
    members.into_iter().map(&mut step).collect()
}

/// The step of the item of the nth of equal rows, from 1.
pub fn item_step(member: &Digest, nth: u32) -> String {
    format!("item.{}.{nth}", HEXLOWER.encode(member))
}
