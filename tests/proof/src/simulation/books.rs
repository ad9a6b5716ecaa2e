//! The books at the end: what the tables say and said, what is at Stripe, and what the ledger says.

use std::collections::{BTreeMap, BTreeSet};

use rowbill::ledger::{Ledger, RowRecord, RowState};
use rowbill::protocol::State;
use rowbill_connector::OperationId;
use rowbill_stripe_sandbox::{Change, Entry, ObjectEntry};
use serde_json::Value;

use super::business::{ACCOUNTS, NAMES, account_of, table_of};
use super::checks::{self, Check, Watch, rows};
use super::table::{Table, cell, key, minor};
use super::world::{World, hold};

/// Amounts by account and currency.
type Sums = BTreeMap<(&'static str, String), i64>;

/// I2, I4, I5, I10: the books agree.
pub async fn agree(world: &World, watch: &Watch) -> Check {
    checks::disk(&world.ledger().backup())?;
    let mut tables = Sums::new();
    let mut stripe = Sums::new();
    for account in ACCOUNTS {
        orphans(world, account, &watch.journals[account]).await?;
        let there = objects(world, account);
        for item in there.values().filter(|object| object["object"] == "invoiceitem") {
            let currency = text(item, "currency").to_owned();
            *stripe.entry((account, currency)).or_default() += item["amount"].as_i64().unwrap_or_default();
        }
        for name in NAMES.into_iter().filter(|name| account_of(name) == account) {
            connection(world, watch, name, &there, &mut tables).await?;
        }
    }
    if tables == stripe { Ok(()) } else { Err(format!("I2: the tables come to {tables:?}, Stripe to {stripe:?}")) }
}

async fn connection(world: &World, watch: &Watch, name: &str, stripe: &Objects, sums: &mut Sums) -> Check {
    let here = checks::keys(world, name);
    let rows = rows(world, name).await?;
    for row in &rows {
        if row.state == RowState::Sending && here.contains(&row.key) {
            return Err(format!("I9: {name} has an open row: {row:#?}"));
        }
        row_is_true(world, name, row, stripe)?;
    }
    let mut keys: BTreeSet<Vec<String>> = rows.iter().map(|row| row.key.clone()).collect();
    keys.extend(watch.keys(name));
    if !adopting_steps(name).is_empty() {
        let tables = hold(&world.tables);
        let past = tables[table_of(name)].past.keys();
        keys.extend(past.map(|key| key.split(',').map(str::to_owned).collect::<Vec<_>>()));
    }
    for key in keys {
        let row = rows.iter().find(|row| row.key == key);
        let mut items = items(watch, name, row, &key);
        items.extend(adopted(world, name, &key, stripe));
        let tables = hold(&world.tables);
        for (currency, amount) in billed(&tables[table_of(name)], &key, &items, stripe)? {
            *sums.entry((account_of(name), currency)).or_default() += amount;
        }
    }
    Ok(())
}

/// Objects at Stripe by id.
type Objects = BTreeMap<String, Value>;

/// All that carry our mark, and all customers.
fn objects(world: &World, account: &str) -> Objects {
    let kinds = ["customer", "invoiceitem", "invoice"];
    let all = kinds.into_iter().flat_map(|kind| world.stripe[account].objects(kind));
    let ours = all.filter(|one| one["object"] == "customer" || one["metadata"]["rowbill_op"].is_string());
    ours.map(|object| (text(&object, "id").to_owned(), object)).collect()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// I4: what carries our mark is in the ledger, with the same id.
async fn orphans(world: &World, account: &str, entries: &[Entry]) -> Check {
    let mut alive: BTreeMap<&str, &ObjectEntry> = BTreeMap::new();
    for entry in entries {
        if let Entry::Object(object) = entry
            && object.rowbill_op.is_some()
        {
            match object.change {
                Change::Deleted => alive.remove(&*object.id),
                _ => alive.insert(&object.id, object),
            };
        }
    }
    for (id, object) in alive {
        let op = OperationId(object.rowbill_op.clone().unwrap_or_default());
        let stored = world.ledger().operations(&[op]).await.map_err(|problem| problem.message)?.pop().flatten();
        let is_known = matches!(stored.as_ref().map(|one| &one.state), Some(State::Done { object }) if object == id);
        let is_unasked = stored.is_none() && is_idle(world, account, entries);
        if !is_known && !is_unasked {
            return Err(format!("I4: {account} has {object:#?}, and the ledger {stored:#?}"));
        }
    }
    Ok(())
}

/// Whether nothing was sent to an account since its ledger was lost or put back: then there was nothing to adopt for.
fn is_idle(world: &World, account: &str, entries: &[Entry]) -> bool {
    let forgotten = hold(&world.forgotten);
    let Some(last) = forgotten.get(account).and_then(|losses| losses.iter().max()) else { return false };
    let is_sent = |entry: &Entry| match entry {
        Entry::Request(request) => request.seq >= *last && request.method == "POST",
        Entry::Object(_) => false,
    };
    !entries.iter().any(is_sent)
}

/// I5: a row that is done has its objects, and they are what its table says or said.
fn row_is_true(world: &World, name: &str, row: &RowRecord, stripe: &Objects) -> Check {
    if row.state != RowState::Done {
        return Ok(());
    }
    let missing = row.objects.iter().find(|object| !stripe.contains_key(&object.id));
    if row.objects.is_empty() || missing.is_some() {
        return Err(format!("I5: {name} says done, and Stripe has no {missing:?}: {row:#?}"));
    }
    let object = &stripe[&row.objects[0].id];
    let tables = hold(&world.tables);
    let table = &tables[table_of(name)];
    let current = table.rows.iter().find(|one| key(table.name, one) == row.key);
    if let ("customers", Some(current)) = (name, current) {
        let email = cell(table.name, current, "Email").to_lowercase();
        let is_named = world.shape.matches || object["name"] == *cell(table.name, current, "Name");
        if object["email"] != *email || !is_named {
            return Err(format!("I5: the customer is {object:#}, and its row says {current:?}"));
        }
    }
    Ok(())
}

/// The items of a key: those that its record has, and those that an earlier ledger had.
fn items(watch: &Watch, name: &str, row: Option<&RowRecord>, key: &[String]) -> BTreeSet<String> {
    let is_item = |step: &str| step == "add_invoice_item" || step.starts_with("item.");
    let now = row.into_iter().flat_map(|row| &row.objects).filter(|one| is_item(&one.step)).map(|one| one.id.clone());
    let seen = watch.made(name, key).filter(|(step, _)| is_item(step)).map(|(_, id)| id.to_owned());
    now.chain(seen).collect()
}

/// The steps by which what was made for a row is found without a ledger.
fn adopting_steps(name: &str) -> &'static [&'static str] {
    match name {
        "items" => &["add_invoice_item"],
        "bills" | "fees" => &["create_invoice"],
        _ => &[],
    }
}

/// Items of rows that left their table before the ledger that knew of them was lost: only Stripe tells of them. They are
/// the row's own, or on its own invoice.
fn adopted(world: &World, name: &str, key: &[String], stripe: &Objects) -> Vec<String> {
    let Ok(connection) = world.project.connection(name) else { return Vec::new() };
    let owner = world.project.owner(connection);
    let ops: Vec<_> = adopting_steps(name).iter().map(|step| owner.operation(step, key).0).collect();
    let is_of = |object: &Value| ops.iter().any(|op| object["metadata"]["rowbill_op"] == **op);
    let is_own = |item: &Value| is_of(item) || stripe.get(text(item, "invoice")).is_some_and(is_of);
    let items = stripe.iter().filter(|(_, object)| object["object"] == "invoiceitem" && is_own(object));
    items.map(|(id, _)| id.clone()).collect()
}

/// What a key has billed: each of its items is over an amount that its table says or said.
fn billed(
    table: &Table,
    key: &[String],
    items: &BTreeSet<String>,
    stripe: &Objects,
) -> Result<Vec<(String, i64)>, String> {
    let none = BTreeSet::new();
    let past = table.past.get(&key.join(",")).unwrap_or(&none);
    let mut billed = Vec::new();
    for item in items.iter().filter_map(|id| stripe.get(id)) {
        let said = past.iter().filter_map(|old| minor(old, table.name));
        let mut same = said.filter(|(currency, amount)| item["currency"] == **currency && item["amount"] == *amount);
        match same.next() {
            Some(said) => billed.push(said),
            None => {
                return Err(format!("I5: {} {key:?} has {item:#}, which its table never said: {past:?}", table.name));
            }
        }
    }
    Ok(billed)
}
