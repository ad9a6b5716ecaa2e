//! What must be true of a sandbox at every instant (reliability: I1, I7, I13).

use std::collections::{BTreeMap, HashMap};

use rowbill_stripe_sandbox::{Change, ObjectEntry, RequestEntry, Sandbox};

use crate::journal;

/// Checks all of them.
#[track_caller]
pub fn hold(stripe: &Sandbox) {
    at_most_one_object(stripe);
    at_most_one_mail(stripe);
    requests_are_stamped(stripe);
    invoices_are_their_items(stripe);
}

/// I1: never a second object for an operation, at any instant. What a person deleted may be made again.
#[track_caller]
fn at_most_one_object(stripe: &Sandbox) {
    let mut alive: HashMap<String, Vec<String>> = HashMap::new();
    for change in journal::changes(stripe) {
        let Some(op) = change.rowbill_op.clone() else { continue };
        let ids = alive.entry(op.clone()).or_default();
        match change.change {
            Change::Created => ids.push(change.id.clone()),
            Change::Deleted => ids.retain(|id| *id != change.id),
            Change::Updated => {}
        }
        assert!(ids.len() < 2, "I1: {ids:?} at once\nhistory:\n{}", journal::history(stripe, &op));
    }
}

/// An invoice is finalized once and sent once: the customer gets one mail.
#[track_caller]
fn at_most_one_mail(stripe: &Sandbox) {
    let changes = journal::changes(stripe);
    for step in ["send", "finalize"] {
        let operation = format!("POST /v1/invoices/{{invoice}}/{step}");
        let requests: Vec<u64> = journal::posts_of(stripe, &operation).iter().map(|request| request.seq).collect();
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for change in changes.iter().filter(|change| requests.contains(&change.request)) {
            *times.entry(&change.id).or_default() += 1;
        }
        if let Some((id, _)) = times.into_iter().find(|(_, times)| *times > 1) {
            panic!("more than one {step} of {id}:\n{}", journal::history(stripe, id));
        }
    }
}

/// I7: every POST has a key and the pinned version, and a key always stands for the same bytes.
#[track_caller]
fn requests_are_stamped(stripe: &Sandbox) {
    let mut bodies: HashMap<String, RequestEntry> = HashMap::new();
    for request in journal::requests(stripe, 0) {
        let version = request.version.as_deref();
        assert_eq!(version, Some(rowbill_stripe_spec::VERSION), "I7: {request:#?}");
        if request.method != "POST" {
            continue;
        }
        let key = request.key.clone().unwrap_or_else(|| panic!("I7: no key: {request:#?}"));
        assert_ne!(request.error.as_deref(), Some("idempotency_error"), "I7: {request:#?}");
        let first = bodies.entry(key).or_insert_with(|| request.clone());
        let same = first.body == request.body && first.path == request.path;
        assert!(same, "I7: one key, other bytes: {first:#?} {request:#?}");
    }
}

/// I13: when an invoice of ours leaves its draft, its total is the sum of the items that are on it, all of them ours.
#[track_caller]
fn invoices_are_their_items(stripe: &Sandbox) {
    let mut items: BTreeMap<String, ObjectEntry> = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for change in journal::changes(stripe) {
        if change.kind == "invoiceitem" {
            items.insert(change.id.clone(), change);
            continue;
        }
        let is_finalized = matches!(change.status, Some("open" | "paid"));
        if change.kind != "invoice" || change.rowbill_op.is_none() || !is_finalized || open.contains(&change.id) {
            continue;
        }
        let on_it: Vec<&ObjectEntry> =
            items.values().filter(|item| item.invoice.as_ref() == Some(&change.id)).collect();
        let sum: i64 = on_it.iter().filter_map(|item| item.amount).sum();
        let all_ours = on_it.iter().all(|item| item.rowbill_op.is_some() && item.change != Change::Deleted);
        assert!(all_ours && !on_it.is_empty() && Some(sum) == change.amount, "I13: {change:#?} of {on_it:#?}");
        open.push(change.id);
    }
}
