//! What must be true of a sandbox at every instant (reliability: I1, I7, I13): `check` tells what is wrong, `hold` panics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rowbill_stripe_sandbox::{Change, Entry, ObjectEntry, RequestEntry, Sandbox};

use crate::journal;

/// Checks all of them.
#[track_caller]
pub fn hold(stripe: &Sandbox) {
    if let Err(what) = check(&stripe.journal()) {
        panic!("{what}");
    }
}

/// What is wrong with a journal, if something is.
pub fn check(entries: &[Entry]) -> Result<(), String> {
    at_most_one_object(entries)?;
    if let Some(again) = sent_again(entries).first() {
        return Err(again.told(entries));
    }
    requests_are_stamped(entries)?;
    if let Some(reuse) = keys_reused(entries).first() {
        return Err(reuse.told());
    }
    invoices_are_their_items(entries)
}

fn objects(entries: &[Entry]) -> impl Iterator<Item = &ObjectEntry> {
    entries.iter().filter_map(|entry| if let Entry::Object(object) = entry { Some(object) } else { None })
}

/// Those of rowbill: a person's are left out.
fn requests(entries: &[Entry]) -> impl Iterator<Item = &RequestEntry> {
    let requests = entries.iter().filter_map(|entry| if let Entry::Request(one) = entry { Some(one) } else { None });
    requests.filter(|request| request.version.as_deref() != Some(journal::PERSON))
}

/// I1: never a second object for an operation, at any instant. What was deleted or voided may be made again.
pub fn at_most_one_object(entries: &[Entry]) -> Result<(), String> {
    let mut alive: HashMap<&str, Vec<&ObjectEntry>> = HashMap::new();
    for change in objects(entries) {
        if change.status == Some("void") {
            // Nobody owes a void invoice, nor what is on it.
            let is_of = |entry: &ObjectEntry| entry.id == change.id || entry.invoice.as_ref() == Some(&change.id);
            for made in alive.values_mut() {
                made.retain(|entry| !is_of(entry));
            }
            continue;
        }
        let Some(op) = change.rowbill_op.as_deref() else { continue };
        let made = alive.entry(op).or_default();
        let was_there = made.iter().any(|entry| entry.id == change.id);
        made.retain(|entry| entry.id != change.id);
        if change.change == Change::Created || (change.change == Change::Updated && was_there) {
            made.push(change);
        }
        if made.len() > 1 {
            let ids: Vec<&str> = made.iter().map(|entry| entry.id.as_str()).collect();
            return Err(format!("I1: {ids:?} at once\nhistory:\n{}", journal::history_of(entries, op)));
        }
    }
    Ok(())
}

/// An invoice that was finalized or sent once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// `finalize` or `send`.
    pub step: &'static str,
    /// The invoice.
    pub invoice: String,
    /// The place in the journal of the time before.
    pub before: u64,
    /// The place of this time.
    pub now: u64,
}

impl Again {
    /// In words.
    pub fn told(&self, entries: &[Entry]) -> String {
        format!("more than one {} of {}:\n{}", self.step, self.invoice, journal::history_of(entries, &self.invoice))
    }
}

/// An invoice is finalized once and sent once, and the customer gets one mail: all cases in which that is not so.
pub fn sent_again(entries: &[Entry]) -> Vec<Again> {
    let mut again = Vec::new();
    for step in ["send", "finalize"] {
        let operation = format!("POST /v1/invoices/{{invoice}}/{step}");
        let is_of = |request: &&RequestEntry| request.operation.as_deref() == Some(&*operation);
        let asked: BTreeSet<u64> = requests(entries).filter(is_of).map(|request| request.seq).collect();
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for change in objects(entries).filter(|change| asked.contains(&change.request)) {
            if let Some(before) = last.insert(&change.id, change.seq) {
                again.push(Again { step, invoice: change.id.clone(), before, now: change.seq });
            }
        }
    }
    again
}

/// I7: every request has the pinned version, every POST a key, and no answer says that a key stood for other bytes.
pub fn requests_are_stamped(entries: &[Entry]) -> Result<(), String> {
    for request in requests(entries) {
        let is_stamped = request.version.as_deref() == Some(rowbill_stripe_spec::VERSION);
        let has_key = request.key.is_some() || request.method != "POST";
        if !is_stamped || !has_key {
            return Err(format!("I7: {}", in_full(request)));
        }
    }
    Ok(())
}

/// A request under the key of an earlier one, with other bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reuse<'a> {
    /// The first one under the key.
    pub first: &'a RequestEntry,
    /// The other one.
    pub other: &'a RequestEntry,
}

impl Reuse<'_> {
    /// In words.
    pub fn told(&self) -> String {
        format!("I7: one key, other bytes: {} {}", in_full(self.first), in_full(self.other))
    }
}

/// I7: a key always stands for the same bytes: all cases in which that is not so.
pub fn keys_reused(entries: &[Entry]) -> Vec<Reuse<'_>> {
    let mut bodies: HashMap<&str, &RequestEntry> = HashMap::new();
    let mut reused = Vec::new();
    for other in requests(entries).filter(|request| request.method == "POST") {
        let Some(key) = other.key.as_deref() else { continue };
        let first = *bodies.entry(key).or_insert(other);
        if first.body != other.body || first.path != other.path {
            reused.push(Reuse { first, other });
        }
    }
    reused
}

fn in_full(request: &RequestEntry) -> String {
    serde_json::to_string_pretty(request).unwrap_or_default()
}

/// I13: when an invoice of ours leaves its draft, its total is the sum of the items that are on it, all of them ours.
pub fn invoices_are_their_items(entries: &[Entry]) -> Result<(), String> {
    let mut items: BTreeMap<&str, &ObjectEntry> = BTreeMap::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for change in objects(entries) {
        if change.kind == "invoiceitem" {
            items.insert(&change.id, change);
            continue;
        }
        let is_finalized = matches!(change.status, Some("open" | "paid"));
        if change.kind != "invoice" || change.rowbill_op.is_none() || !is_finalized || !open.insert(&change.id) {
            continue;
        }
        let on_it: Vec<&&ObjectEntry> =
            items.values().filter(|item| item.invoice.as_ref() == Some(&change.id)).collect();
        let sum: i64 = on_it.iter().filter_map(|item| item.amount).sum();
        let all_ours = on_it.iter().all(|item| item.rowbill_op.is_some() && item.change != Change::Deleted);
        if !all_ours || on_it.is_empty() || Some(sum) != change.amount {
            return Err(format!("I13: {change:#?} of {on_it:#?}"));
        }
    }
    Ok(())
}
