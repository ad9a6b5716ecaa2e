//! Files that are half written, changed, renamed: nothing is sent from a source that is not whole.

use std::collections::BTreeSet;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::Value;

use crate::support::{Project, books, journal, samples};

const WHOLE: &str = "Order,Customer ID,Total\nA-1,1,20.00\nA-2,2,\"31.50\"\nA-3,1,7.25\n";

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(2));
    project.csv("orders", WHOLE);
    project
}

fn billed(project: &Project) -> BTreeSet<(String, i64)> {
    let items = books::ours(&project.stripe, "invoiceitem").into_values();
    let pair = |item: Value| (item["description"].as_str().unwrap().to_owned(), item["amount"].as_i64().unwrap());
    items.map(pair).collect()
}

/// A file that is still being written never gives a row with a value that is not in the whole file.
#[test]
fn a_file_cut_at_any_byte_bills_nothing_that_is_not_in_it() {
    let project = project();
    project.run(&["run-now", "customers"]).exits(0);
    let whole = [("Order A-1".to_owned(), 2000), ("Order A-2".to_owned(), 3150), ("Order A-3".to_owned(), 725)];
    let whole = BTreeSet::from(whole);
    for cut in 0..WHOLE.len() {
        project.csv("orders", &WHOLE[..cut]);
        let run = project.run(&["run-now", "items"]);
        let ends_a_line = cut > 0 && WHOLE[..cut].ends_with('\n');
        assert_eq!(run.code, if ends_a_line { 0 } else { 13 }, "cut at {cut}: {run:#?}");
        assert!(billed(&project).is_subset(&whole), "cut at {cut}: {:?}", billed(&project));
    }
    project.csv("orders", WHOLE);
    project.run_all().exits(0);
    assert_eq!(billed(&project), whole);
}

#[test]
fn a_header_that_is_gone_or_twice_stops_everything() {
    for (from, to) in [("Total", "Amount"), ("Order,", "Order,Order,"), ("Customer ID,", "")] {
        let project = project();
        project.edit("data/orders.csv", from, to);
        let run = project.run_all();
        assert_eq!((run.code, &run.json["result"]), (13, &"refused".into()), "{to}: {run:#?}");
        assert_eq!(project.posts_since(0), [""; 0], "not even the connection before it sends");
        assert_eq!(run.json["problems"][0]["where"]["source"], "data/orders.csv", "{run:#?}");
    }
}

/// The connections are planned together; a file that changes between plan and run is read again, whole.
#[test]
fn a_file_that_changes_in_mid_run_is_taken_as_it_was_read() {
    let project = project();
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::Hold));
    let child = project.spawn(&["run-now", "--all"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,99.00\n");
    project.stripe.faults().release();
    child.wait_with_output().unwrap();
    let expected = [("Order A-1".to_owned(), 2000), ("Order A-2".to_owned(), 3150), ("Order A-3".to_owned(), 725)];
    assert_eq!(billed(&project), BTreeSet::from(expected));
    let run = project.run_all();
    assert_eq!(run.exits(16).problems("items"), ["A-1 needs_review row.changed_after_done"]);
}

#[test]
fn keys_are_the_same_however_they_are_typed() {
    let project = project();
    project.run_all().exits(0);
    let mark = project.mark();
    project.csv("orders", "Order,Customer ID,Total\n\" A-1 \",1,20.0\n\u{a0}A-2,2, 31.50\nA-3,1,7.25\n");
    assert_eq!(project.run_all().exits(0).tally("items"), "3 = 3 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

/// Exact to the last minor unit, in currencies with none, two and three decimals.
#[test]
fn amounts_are_exact_in_every_currency() {
    let project = project();
    let mapping = samples::ITEMS
        .replace("currency: EUR }", "currency: money, decimal_mark: \".\" }\n      money: { header: \"Currency\" }");
    project.mapping("items", &mapping);
    let rows = [
        ("19.99", "EUR", 1999),
        ("0.29", "USD", 29),
        ("1000", "JPY", 1000),
        ("12.340", "KWD", 12_340),
        ("500", "ISK", 50_000),
        ("70", "UGX", 7000),
        ("-5.25", "EUR", -525),
        ("99999.99", "EUR", 9_999_999),
    ];
    let row = |(at, (amount, code, _)): (usize, &(&str, &str, i64))| format!("{at},1,{amount},{code}");
    let text = samples::lines(rows.iter().enumerate().map(row));
    project.csv("orders", &format!("Order,Customer ID,Total,Currency\n{text}"));
    assert_eq!(project.run_all().exits(0).tally("items"), "8 = 8 done");
    let expected = rows.iter().enumerate().map(|(at, (_, _, minor))| (format!("Order {at}"), *minor)).collect();
    assert_eq!(billed(&project), expected);
}
