//! What is kept in memory of each row of a reading: a few dozen bytes.

use std::collections::HashMap;

use super::spool::NOWHERE;
use crate::config::Duplicates;
use crate::mapping::identity::Digest;

/// What is to happen with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Its object is to be created.
    Create,
    /// Its object is to be updated.
    Update,
    /// An operation is under way since an earlier run.
    Resume,
    /// It is done.
    AlreadyDone,
    /// It is done, and nothing but the mapping says otherwise now.
    WouldDiffer,
    /// It is left out.
    Skipped,
    /// It cannot be sent.
    Failed,
    /// A person must decide.
    NeedsReview,
    /// It waits for something.
    Deferred,
}

/// One row of a reading.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The row's (or group's) id.
    pub id: Digest,
    /// Hash of what tells it apart from others with the same id: its request, or the member of a group.
    pub content: Digest,
    /// Where the rest is.
    pub spool: u64,
    /// The row's number.
    pub number: u32,
    /// What is to happen.
    pub class: Class,
    /// It stands behind another row with the same key, and shares its fate.
    pub follower: bool,
}

/// What the rows with one key came to.
#[derive(Debug, Default)]
pub struct Doubles {
    /// Rows that fail, each with the place of its key in `keys`.
    pub failed: HashMap<u32, usize>,
    /// The first few rows of each key that several rows have, and how many there are.
    pub keys: Vec<(Vec<u32>, usize)>,
    /// How many more rows stand behind the one that counts.
    pub followers: HashMap<Digest, u64>,
}

/// So many rows with one key are named in a message.
const NAMED: usize = 6;

/// Finds rows with the same id and applies the rule. The entries keep their order.
pub fn duplicates(entries: &mut [Entry], rule: Duplicates) -> Doubles {
    let mut order: Vec<u32> = (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (&entries[*a as usize], &entries[*b as usize]);
        a.id.cmp(&b.id).then(a.number.cmp(&b.number))
    });
    let mut doubles = Doubles::default();
    let mut start = 0;
    while start < order.len() {
        let id = entries[order[start] as usize].id;
        let count = order[start..].iter().take_while(|at| entries[**at as usize].id == id).count();
        let same = &order[start..start + count];
        start += count;
        let without_key = entries[same[0] as usize].id == Digest::default();
        if same.len() > 1 && !without_key {
            resolve(entries, same, rule, &mut doubles);
        }
    }
    doubles
}

fn resolve(entries: &mut [Entry], same: &[u32], rule: Duplicates, doubles: &mut Doubles) {
    let wanted: Vec<u32> = same.iter().copied().filter(|at| entries[*at as usize].class != Class::Skipped).collect();
    let [first, .., last] = wanted[..] else { return };
    let any_failed = wanted.iter().any(|at| entries[*at as usize].class == Class::Failed);
    if rule == Duplicates::Same && any_failed {
        // What could not be mapped cannot be compared: each of them says why.
        return;
    }
    let identical = wanted.iter().all(|at| entries[*at as usize].content == entries[first as usize].content);
    match rule {
        Duplicates::First | Duplicates::Last => {
            let kept = if rule == Duplicates::First { first } else { last };
            for at in wanted.iter().filter(|at| **at != kept) {
                entries[*at as usize].class = Class::Skipped;
                entries[*at as usize].spool = NOWHERE;
            }
        }
        Duplicates::Same if identical => {
            let class = entries[first as usize].class;
            for at in &wanted[1..] {
                let entry = &mut entries[*at as usize];
                (entry.class, entry.spool, entry.follower) = (class, NOWHERE, true);
            }
            doubles.followers.insert(entries[first as usize].id, wanted.len() as u64 - 1);
        }
        Duplicates::Fail | Duplicates::Same => {
            let numbers = wanted.iter().take(NAMED).map(|at| entries[*at as usize].number).collect();
            doubles.keys.push((numbers, wanted.len()));
            for at in &wanted {
                let entry = &mut entries[*at as usize];
                entry.class = Class::Failed;
                doubles.failed.insert(entry.number, doubles.keys.len() - 1);
            }
        }
    }
}
