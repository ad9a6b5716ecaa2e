//! Three books compared: what the source says, what is at Stripe, and what rowbill says.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_stripe_sandbox::Sandbox;
use serde_json::Value;

use super::Project;

/// The ledger's rows of a connection, all of them.
pub fn rows(project: &Project, connection: &str) -> Vec<Value> {
    let output = project.run(&["rows", connection, "--limit=1000000"]);
    output.json["rows"].as_array().unwrap().clone()
}

/// The objects at Stripe that carry our mark, by id. What is void, or on a void invoice, nobody owes: it is left out.
pub fn ours(stripe: &Sandbox, kind: &str) -> BTreeMap<String, Value> {
    let void = stripe.objects("invoice").into_iter().filter(|invoice| invoice["status"] == "void");
    let void: BTreeSet<String> = void.map(|invoice| id(&invoice)).collect();
    let is_void = |object: &Value| {
        let ids = [&object["id"], &object["invoice"]];
        ids.into_iter().filter_map(Value::as_str).any(|id| void.contains(id))
    };
    let objects = stripe.objects(kind).into_iter().filter(|object| !is_void(object));
    let marked = objects.filter(|object| object["metadata"]["rowbill_op"].is_string());
    marked.map(|object| (id(&object), object)).collect()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// I4 and I5: what rowbill says is done is at Stripe, and nothing of ours is at Stripe that rowbill does not know.
/// Customers that an invoice connection made on its way (`if_missing: create`) belong to no row.
#[track_caller]
pub fn agree(project: &Project, connections: &[&str]) {
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut here: BTreeSet<String> = BTreeSet::new();
    for kind in ["customer", "invoiceitem", "invoice"] {
        here.extend(project.stripe.objects(kind).iter().map(id));
    }
    for connection in connections {
        for row in rows(project, connection) {
            let objects: Vec<String> = row["objects"].as_array().unwrap().iter().map(id).collect();
            if row["state"] == "done" {
                assert!(!objects.is_empty(), "I5: done without an object: {row:#}");
                assert!(objects.iter().all(|object| here.contains(object)), "I5: not at Stripe: {row:#}");
            }
            known.extend(objects);
        }
    }
    for kind in ["customer", "invoiceitem", "invoice"] {
        for (id, object) in ours(&project.stripe, kind) {
            let on_the_way = kind == "customer" && object["name"].is_null();
            assert!(known.contains(&id) || on_the_way, "I4: rowbill does not know {object:#}");
        }
    }
}

/// I2: the sums of our items at Stripe by currency, in minor units.
pub fn billed(stripe: &Sandbox) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for item in ours(stripe, "invoiceitem").values() {
        let currency = item["currency"].as_str().unwrap().to_owned();
        *sums.entry(currency).or_default() += item["amount"].as_i64().unwrap();
    }
    sums
}

/// The totals of our invoices by description.
pub fn invoices(stripe: &Sandbox) -> BTreeMap<String, (i64, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let invoices = ours(stripe, "invoice").into_values();
    invoices.map(|one| (text(&one["description"]), (one["total"].as_i64().unwrap(), text(&one["status"])))).collect()
}
