//! What people do to the tables: at the beginning, between the runs, and in the middle of them.

use super::business::CURRENCIES;
use super::shape::Trouble;
use super::table::{Table, WRITTEN, cell, key, minor, written};
use super::world::{World, hold};

/// Fills the tables.
pub fn populate(world: &World) {
    let mut tables = ["customers", "items", "bills", "members", "fees"].map(Table::new);
    let shape = &world.shape;
    for (table, rows) in tables.iter_mut().zip([shape.customers, shape.orders, shape.bills, shape.members, shape.bills])
    {
        for number in 1..=rows {
            add(world, table, number);
        }
    }
    hold(&world.tables).extend(tables.into_iter().map(|table| (table.name, table)));
}

fn currency(number: u32) -> &'static str {
    CURRENCIES[number as usize % CURRENCIES.len()]
}

fn amount(world: &World, currency: &str) -> String {
    written(i64::from(10 + world.roll(50_000)) * 10, currency)
}

/// Adds what has this number: a row, or a bill of a few.
fn add(world: &World, table: &mut Table, number: u32) {
    match table.name {
        "customers" => {
            // Some of them get bills as well.
            let email = if world.shape.matches && number.is_multiple_of(3) {
                format!("d{number}@x.example")
            } else {
                format!("C{number}@x.example")
            };
            table.add(&[&number.to_string(), &email, &format!("Customer {number}")]);
        }
        "members" => table.add(&[&format!("m-{number}"), &format!("m{number}@x.example"), &format!("Member {number}")]),
        "items" => {
            let customer = 1 + world.roll(world.shape.customers);
            let ready = if world.roll(4) == 0 { "" } else { "yes" };
            let (month, currency) = (1 + world.roll(2), currency(customer));
            let total = amount(world, currency);
            let order = format!("A-{number}");
            table.add(&[&order, &customer.to_string(), &month.to_string(), "Work", &total, currency, ready]);
        }
        name => {
            let who = 1 + world.roll(4);
            let (email, currency) = (format!("d{who}@x.example"), currency(who));
            for line in 0..=world.roll(3) {
                let total = amount(world, currency);
                table.add(&[&format!("{name}-{number}"), &email, &format!("Line {line}"), &total, currency]);
            }
        }
    }
}

/// A few edits of any kind.
pub fn edit(world: &World) {
    let name = world.pick(&["customers", "items", "items", "bills", "members", "fees"]);
    let mut tables = hold(&world.tables);
    let Some(table) = tables.get_mut(name) else { return };
    for _ in 0..=world.roll(3) {
        let rows = u32::try_from(table.rows.len()).unwrap_or_default();
        let at = world.roll(rows) as usize;
        match world.roll(10) {
            0 | 1 => {
                world.tell(|| format!("    a row is added to {name}"));
                add(world, table, 100 + world.roll(900));
            }
            2 if rows > 1 => {
                world.tell(|| format!("    a row of {name} is deleted: {:?}", table.rows[at]));
                table.rows.remove(at);
            }
            3 => table.rows.reverse(),
            4 => {
                let shift = world.roll(rows) as usize;
                table.rows.rotate_left(shift);
            }
            _ if rows > 0 => change(world, table, at),
            _ => {}
        }
    }
}

fn change(world: &World, table: &mut Table, at: usize) {
    let row = table.rows[at].clone();
    let (header, text) = match (table.name, world.roll(4)) {
        ("customers" | "members", _) => ("Name", format!("{} {}", row[0], world.roll(1000))),
        ("items", 0) => ("Month", (1 + world.roll(3)).to_string()),
        ("items", 1) => ("Ready", if row[6].is_empty() { "yes".to_owned() } else { String::new() }),
        (_, 2) => ("What", format!("Other work {}", world.roll(1000))),
        (name, _) => ("Total", amount(world, cell(name, &row, "Currency"))),
    };
    world.tell(|| format!("    {} is edited: {header} = {text} in {row:?}", table.name));
    table.set(at, header, &text);
}

/// Makes cells wrong, or a key stand in two rows.
pub fn spoil(world: &World) {
    let name = world.pick(&["customers", "items", "bills", "members", "fees"]);
    let mut tables = hold(&world.tables);
    let Some(table) = tables.get_mut(name).filter(|table| !table.rows.is_empty()) else { return };
    let at = world.roll(u32::try_from(table.rows.len()).unwrap_or_default()) as usize;
    let (header, text) = match (name, world.roll(4)) {
        ("items", 0) => {
            let mut twin = table.rows[at].clone();
            if world.roll(2) == 0 {
                let total = table.column("Total");
                twin[total] = amount(world, cell(name, &twin, "Currency"));
            }
            table.rows.push(twin);
            table.remember();
            return world.tell(|| format!("    {name} has two rows of {}", table.rows[at][0]));
        }
        ("customers" | "members", 0 | 1) => ("Email", "nobody".to_owned()),
        ("customers" | "members", 2) => ("Email", String::new()),
        ("customers" | "members", _) => ("Id", String::new()),
        (_, 1) => ("Total", String::new()),
        (_, 2) => ("Currency", "XXX".to_owned()),
        _ => ("Total", "twelve".to_owned()),
    };
    world.tell(|| format!("    {name} is spoilt: {header} = {text:?} in {:?}", table.rows[at]));
    let column = table.column(header);
    let sound = table.rows[at].clone();
    if is_sound(name, &sound) {
        hold(&world.sound).entry(name).or_default().push(sound);
    }
    table.rows[at][column] = text;
}

fn is_sound(name: &str, row: &[String]) -> bool {
    match name {
        "customers" | "members" => !row[0].is_empty() && row[1].contains('@'),
        _ => minor(row, name).is_some() && CURRENCIES.contains(&cell(name, row, "Currency")),
    }
}

/// A person goes through the tables and puts right what cannot be billed.
pub fn mend(world: &World) {
    let mut tables = hold(&world.tables);
    let mut sound = hold(&world.sound);
    for table in tables.values_mut() {
        let name = table.name;
        let mut left = sound.remove(name).unwrap_or_default();
        for at in 0..table.rows.len() {
            if is_sound(name, &table.rows[at]) {
                continue;
            }
            let row = table.rows[at].clone();
            let best = (0..left.len()).max_by_key(|place| alike(&left[*place], &row));
            let Some(old) = best.map(|best| left.remove(best)).or_else(|| earlier(table, &row)) else { continue };
            world.tell(|| format!("    {name} is mended: {row:?}"));
            table.rows[at] = old;
        }
        dedupe(world, table);
        table.remember();
    }
}

/// What a key had at an earlier time: a row that was put back as it was may be one that was spoilt.
fn earlier(table: &Table, row: &[String]) -> Option<Vec<String>> {
    let past = table.past.get(&key(table.name, row).join(","))?;
    let mut old = past.iter().filter(|old| is_sound(table.name, old)).max_by_key(|old| alike(old, row))?.clone();
    old.resize(row.len(), String::new());
    Some(old)
}

/// In how many cells a spoilt row is still what it was.
fn alike(old: &[String], row: &[String]) -> usize {
    old.iter().zip(row).take(row.len() - WRITTEN).filter(|(a, b)| a == b).count()
}

/// Of two rows with one key the first stays.
fn dedupe(world: &World, table: &mut Table) {
    if matches!(table.name, "bills" | "fees") {
        return;
    }
    let mut seen = std::collections::BTreeSet::new();
    let name = table.name;
    table.rows.retain(|row| {
        let is_new = seen.insert(row[0].clone());
        if !is_new {
            world.tell(|| format!("    the second {} of {name} is taken out", row[0]));
        }
        is_new
    });
}

/// Whether people spoil something now.
pub fn may_spoil(world: &World) -> bool {
    world.strikes(Trouble::BadCells, 2)
}
