//! A lost ledger, made again from Stripe and the sources.

use std::fs;
use std::time::Duration;

use crate::support::business::{Business, NAMES};
use crate::support::{Output, Project, books, journal, person, samples};

fn rebuild(project: &Project) -> Output {
    project.lose_ledger();
    let output = project.run(&["ledger", "rebuild"]);
    output.exits(0);
    output
}

/// `5 rows, 5 found, 1 differ`, zeros left out.
#[track_caller]
fn told(output: &Output, connection: &str) -> String {
    let all = output.json["connections"].as_array().unwrap();
    let one = all.iter().find(|one| one["connection"] == connection).unwrap_or_else(|| panic!("{output:#?}"));
    let counts = one.as_object().unwrap().iter().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    counts.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.mapping("bills", samples::BILLS);
    project.csv("customers", &samples::customers(4));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\n");
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\n");
    project
}

/// Customers, items, sent invoices and bills: the same rows are done, and nothing is sent or mailed again.
#[test]
fn a_lost_ledger_comes_back_and_the_next_run_sends_nothing() {
    for wait in [Duration::ZERO, Duration::from_hours(25), Duration::from_hours(24 * 40)] {
        let business = Business::new(7, Vec::new());
        business.settle();
        let project = &business.project;
        let before: Vec<_> = NAMES.iter().map(|name| books::rows(project, name)).collect();
        project.advance(wait);
        let output = rebuild(project);
        assert!(told(&output, "invoices").contains("taken_as_sent"), "{output:#?}");
        let after: Vec<_> = NAMES.iter().map(|name| books::rows(project, name)).collect();
        for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
            for field in ["key", "state", "invoice"] {
                assert_eq!(before[field], after[field], "{after:#}");
            }
            let ids = |row: &serde_json::Value| {
                let mut ids: Vec<String> =
                    row["objects"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect();
                ids.sort();
                ids.dedup();
                ids
            };
            assert_eq!(ids(before), ids(after), "{after:#}");
        }
        project.run(&["ledger", "verify"]).exits(0);
        business.is_settled();
        project.run(&["reconcile", "--all"]).exits(0);
    }
}

#[test]
fn a_ledger_that_is_there_is_not_touched() {
    let project = project();
    project.run_all().exits(0);
    let before = fs::read(project.path("state/ledger.db")).unwrap();
    project.run(&["ledger", "rebuild"]).refused(15, &["ledger.exists"]);
    assert_eq!(before, fs::read(project.path("state/ledger.db")).unwrap());
}

/// Half of a ledger would bill the other half again.
#[test]
fn a_rebuild_that_cannot_read_everything_makes_nothing() {
    let project = project();
    project.run_all().exits(0);
    project.lose_ledger();
    project.stripe.revoke_key();
    project.run(&["ledger", "rebuild"]).refused(12, &["stripe.key_refused"]);
    project.stripe.restore_key();
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2");
    assert_eq!(project.run(&["ledger", "rebuild"]).code, 13);
    let left: Vec<_> = fs::read_dir(project.path("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".db")), "{left:?}");
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".ledger-")), "{left:?}");
}

/// What was edited since is found out by comparing with the objects, and met as `on_change` says.
#[test]
fn rows_that_were_edited_meanwhile_are_edited_rows() {
    let project = project();
    project.run_all().exits(0);
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    project.edit("data/orders.csv", "A-1,1,10.00", "A-1,1,11.00");
    project.edit("data/bills.csv", "Box,1.00", "Box,2.00");
    let output = rebuild(&project);
    assert_eq!(told(&output, "customers"), "4 rows, 4 found, 1 differ");
    assert_eq!(told(&output, "items"), "2 rows, 2 found, 1 differ");
    assert_eq!(told(&output, "bills"), "2 rows, 1 found, 1 without");
    let mark = project.mark();
    let run = project.run_all();
    assert_eq!(run.exits(16).tally("customers"), "4 = 1 done + 3 already_done");
    assert_eq!(run.problems("items"), ["A-1 needs_review row.changed_after_done"]);
    assert_eq!(run.problems("bills"), ["B-1,fay@example.org needs_review row.joined_after_invoice"]);
    assert_eq!(project.posts_since(mark).len(), 1, "the update of one customer");
    // What is on the invoice is known, though its row is not as it was.
    let books = project.run(&["reconcile", "bills"]);
    assert_eq!(books.exits(0).json["connections"][0]["ledger"]["amounts"][0]["minor"], 8100);
}

#[test]
fn rows_without_an_object_are_new_and_objects_without_a_row_are_told() {
    let project = project();
    project.run_all().exits(0);
    project.csv("customers", &samples::customers(6));
    project.csv("orders", "Order,Customer ID,Total\nA-2,2,5.00\nA-9,5,3.00\n");
    let output = rebuild(&project);
    assert_eq!(told(&output, "customers"), "6 rows, 4 found, 2 without");
    assert_eq!(told(&output, "items"), "2 rows, 1 found, 1 without, 1 gone");
    let run = project.run_all();
    assert_eq!(run.exits(0).tally("customers"), "6 = 2 done + 4 already_done");
    // A row that comes back is known.
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\nA-9,5,3.00\n");
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("items"), "3 = 1 done + 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

/// Rows that the first run left alone are in no other book: they stay alone.
#[test]
fn rows_that_were_there_stay_there() {
    let project = project();
    project.edit("mappings/items.yaml", "first_run: all", "first_run: only_new");
    project.run_all().exits(0);
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\nA-3,3,7.00\n");
    project.run_all().exits(0);
    let output = rebuild(&project);
    assert_eq!(told(&output, "items"), "3 rows, 1 found, 2 without");
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("items"), "3 = 3 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

/// An invoice that was being made is finished; one that a person had voided or paid is let alone.
#[test]
fn invoices_are_taken_up_where_they_stand() {
    let project = project();
    project.edit("mappings/bills.yaml", "finish: finalize", "finish: draft");
    project.run_all().exits(0);
    project.edit("mappings/bills.yaml", "finish: draft", "finish: finalize");
    let output = rebuild(&project);
    assert_eq!(told(&output, "bills"), "2 rows, 2 found, 1 under_way");
    let run = project.run_all();
    assert_eq!(run.exits(0).tally("bills"), "2 = 2 done");
    let invoice = project.object("bills", "B-1,fay@example.org", "create_invoice");
    person::post(&project.stripe, &format!("/v1/invoices/{invoice}/void"), "");
    rebuild(&project);
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("bills"), "2 = 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
    assert_eq!(journal::made(&project.stripe, "invoice").len(), 1);
}
