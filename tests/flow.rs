//! The main flow: customers from a file, items from a sheet, invoices from items.

use serde_json::{Value, json};

use crate::support::{Project, books, journal, samples};

const NAMES: [&str; 3] = ["new-customers", "order-items", "monthly-invoices"];

/// The three connections that ship, with rows of their own.
fn project() -> Project {
    let project = Project::with_sheets();
    for name in NAMES {
        let path = format!("{}/mappings/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        project.mapping(name, &std::fs::read_to_string(path).unwrap());
    }
    project.csv("customers", &samples::customers(3));
    project.set_rows("Orders", samples::orders(&sheet()));
    project
}

fn sheet() -> Vec<(&'static str, u32, &'static str, Value, bool)> {
    vec![
        ("A-1", 1, "2026-11", json!(420), true),
        ("A-2", 1, "2026-11", json!(319.6), true),
        ("A-3", 2, "2026-11", json!(19.99), true),
        ("A-4", 2, "2026-12", json!("0.07"), false),
        ("A-5", 3, "2026-11", json!(85.5), true),
        ("A-6", 1, "2026-12", json!(1000.01), true),
    ]
}

#[test]
fn each_row_is_one_object_and_a_second_run_sends_nothing() {
    let project = project();
    let run = project.run_all();
    run.exits(0);
    assert_eq!(run.tally("new-customers"), "3 = 3 done");
    assert_eq!(run.tally("order-items"), "6 = 5 done + 1 skipped");
    assert_eq!(run.tally("monthly-invoices"), "6 = 5 done + 1 skipped");
    assert_eq!(run.report("monthly-invoices")["groups"], 4);
    for (kind, count) in [("customer", 3), ("invoiceitem", 5), ("invoice", 4)] {
        assert_eq!(journal::made(&project.stripe, kind).len(), count, "{kind}");
    }
    assert_eq!(books::billed(&project.stripe), [("eur".to_owned(), 184_510)].into());
    let mut totals: Vec<i64> =
        project.stripe.objects("invoice").iter().filter_map(|one| one["total"].as_i64()).collect();
    totals.sort_unstable();
    assert_eq!(totals, [1999, 8550, 73_960, 100_001]);
    assert!(project.stripe.objects("invoice").iter().all(|invoice| invoice["status"] == "open"));
    assert_eq!(journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/send").len(), 4);
    books::agree(&project, &NAMES);

    let mark = project.mark();
    let again = project.run_all();
    again.exits(0);
    assert_eq!(again.tally("new-customers"), "3 = 3 already_done");
    assert_eq!(again.tally("order-items"), "6 = 5 already_done + 1 skipped");
    assert_eq!(again.tally("monthly-invoices"), "6 = 5 already_done + 1 skipped");
    assert_eq!(project.posts_since(mark), [""; 0], "I8");
}
