//! Edits that a person takes back, since what they were about is at Stripe already.

use std::collections::BTreeSet;

use rowbill::ledger::RowRecord;
use serde_json::Value;

use super::business::{account_of, key_of, table_of};
use super::table::{WRITTEN, cell, cells, key, minor};
use super::world::{World, hold};

type Rows = Vec<Vec<String>>;

/// A group stands again as it was when its invoice was made: as Stripe shows it, or else as the run read it that wrote
/// the group's record.
pub fn group(world: &World, name: &str, row: &RowRecord) {
    let table_name = table_of(name);
    let is_of = |line: &Vec<String>| cells(table_name, line, key_of(name)) == row.key;
    let of = |rows: &Rows| -> Rows { rows.iter().filter(|line| is_of(line)).cloned().collect() };
    let readings = hold(&world.readings);
    let there = invoiced(world, name, row);
    let is_there = |rows: &Rows| {
        let lines: BTreeSet<(String, i64)> = rows.iter().filter_map(|line| said(table_name, line)).collect();
        !there.is_empty() && there.is_subset(&lines)
    };
    let of_stripe = readings.values().map(of).find(is_there);
    let of_run = readings.get(&row.run).map(of);
    // After a loss neither may be all of it: the person tries the one and the other.
    let old = if world.roll(2) == 0 { of_stripe.or(of_run) } else { of_run.or(of_stripe) };
    let Some(old) = old else { return };
    let mut tables = hold(&world.tables);
    let Some(table) = tables.get_mut(table_name) else { return };
    if name == table_name {
        table.rows.retain(|line| !is_of(line));
    } else {
        let keys: BTreeSet<Vec<String>> = old.iter().map(|line| key(table_name, line)).collect();
        table.rows.retain(|line| !is_of(line) && !keys.contains(&key(table_name, line)));
    }
    world.tell(|| format!("    {name} {:?}: its {} rows are put back", row.key, old.len()));
    table.rows.extend(old);
    table.remember();
}

/// Whether a group had other rows at other times.
pub fn was_changed(world: &World, name: &str, row: &RowRecord) -> bool {
    let table = table_of(name);
    let rows = |rows: &Rows| -> BTreeSet<Vec<String>> {
        let of_group = rows.iter().filter(|line| cells(table, line, key_of(name)) == row.key);
        of_group.map(|line| line[..line.len() - WRITTEN].to_vec()).collect()
    };
    let readings = hold(&world.readings);
    let now = rows(&hold(&world.tables)[table].rows);
    readings.values().map(rows).any(|then| !then.is_empty() && then != now)
}

/// What a line of an invoice says of a row.
fn said(table: &str, line: &[String]) -> Option<(String, i64)> {
    let what = cell(table, line, "What");
    let text = if table == "items" { format!("{} {what}", line[0]) } else { what.to_owned() };
    Some((text, minor(line, table)?.1))
}

/// The lines of the group's invoice, as a person sees them.
fn invoiced(world: &World, name: &str, row: &RowRecord) -> BTreeSet<(String, i64)> {
    let Some(invoice) = row.objects.iter().find(|object| object.step == "create_invoice") else {
        return BTreeSet::new();
    };
    let items = world.stripe[account_of(name)].objects("invoiceitem").into_iter();
    let line = |item: Value| {
        let text = item["description"].as_str().unwrap_or_default().to_owned();
        Some((text, item["amount"].as_i64()?))
    };
    items.filter(|item| item["invoice"] == *invoice.id).filter_map(line).collect()
}

/// Orders whose items are on an invoice go back to the customer and month that stand on it in Stripe.
pub fn orders(world: &World, items: &[RowRecord]) {
    let stripe = &world.stripe[account_of("items")];
    let (there, invoices) = (stripe.objects("invoiceitem"), stripe.objects("invoice"));
    let mut tables = hold(&world.tables);
    let Some(table) = tables.get_mut("items") else { return };
    for item in items {
        let is_its = |one: &&Value| item.objects.iter().any(|object| one["id"] == *object.id);
        let on = there.iter().find(is_its).map_or(&Value::Null, |one| &one["invoice"]);
        let Some(invoice) = invoices.iter().find(|invoice| invoice["id"] == *on) else { continue };
        let said = invoice["description"].as_str().and_then(|text| text.strip_prefix("Month ")?.split_once(" of "));
        let Some((month, customer)) = said else { continue };
        let Some(at) = table.rows.iter().position(|line| key("items", line) == item.key) else { continue };
        if cells("items", &table.rows[at], key_of("invoices")) != [customer, month] {
            world.tell(|| format!("    order {:?} goes back to month {month} of {customer}", item.key));
            table.set(at, "Customer", customer);
            table.set(at, "Month", month);
        }
    }
}

/// Customers that orders name and that were deleted from their table stand there again.
pub fn customers(world: &World) {
    let mut tables = hold(&world.tables);
    let wanted: BTreeSet<String> = tables["items"].rows.iter().map(|line| line[1].clone()).collect();
    let Some(table) = tables.get_mut("customers") else { return };
    for id in wanted {
        let is_here = table.rows.iter().any(|line| line[0] == id);
        let old = table.past.get(&id).and_then(|past| past.iter().find(|old| old[1].contains('@')).cloned());
        if let (false, Some(old)) = (is_here, old) {
            world.tell(|| format!("    customer {id} is put back"));
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            table.add(&old);
        }
    }
}
