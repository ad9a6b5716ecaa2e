//! What a run has made, taken back.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::business::{Business, NAMES};
use crate::support::{Output, Project, journal, person, samples};

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.mapping("bills", samples::BILLS);
    project.csv("customers", &samples::customers(3));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\n");
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\n");
    project
}

fn run_of(output: &Output, connection: &str) -> String {
    output.report(connection)["run"].as_str().unwrap().to_owned()
}

/// `void B-1,fay@example.org`, in order.
fn acts(output: &Output) -> Vec<String> {
    let rows = output.json["rows"].as_array().unwrap_or_else(|| panic!("{output:#?}"));
    let mut acts: Vec<String> = rows
        .iter()
        .map(|row| {
            let key: Vec<&str> = row["key"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            format!("{} {}", row["act"].as_str().unwrap(), key.join(","))
        })
        .collect();
    acts.sort();
    acts
}

fn alive(project: &Project, kind: &str) -> usize {
    project.stripe.objects(kind).iter().filter(|object| object["status"] != "void").count()
}

#[test]
fn a_plan_comes_first_and_changes_nothing() {
    let project = project();
    let run = run_of(&project.run_all(), "bills");
    let mark = project.mark();
    let plan = project.run(&["undo", &run, "--dry-run"]);
    assert_eq!(acts(plan.exits(0)), ["delete ", "void B-1,fay@example.org"]);
    assert_eq!(plan.json["result"], "plan");
    project.run(&["undo", &run]).refused(14, &["guard.undo"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
    assert_eq!(project.row("bills", "B-1,fay@example.org")["state"], "done");
}

/// Invoices, then items, then customers: each run is undone, and stays undone until a person asks for it again.
#[test]
fn runs_are_undone_from_the_last_to_the_first_and_billed_again_on_demand() {
    let business = Business::new(3, Vec::new());
    let project = &business.project;
    let first = project.run_all();
    first.exits(0);
    // What hangs on something else stays.
    let early = project.run(&["undo", &run_of(&first, "customers"), "--yes"]);
    assert!(acts(early.exits(16)).iter().any(|act| act.starts_with("leave")));
    for name in ["bills", "invoices", "items", "customers"] {
        let output = project.run(&["undo", &run_of(&first, name), "--yes"]);
        assert!(!acts(output.exits(0)).iter().any(|act| act.starts_with("leave")), "{name}: {output:#?}");
    }
    assert_eq!(alive(project, "invoice"), 0);
    let mark = project.mark();
    for wait in [0, 25] {
        project.advance(Duration::from_hours(wait));
        let run = project.run_all();
        for name in NAMES {
            let tally = run.tally(name);
            assert!(!tally.contains("done") && tally.contains("skipped"), "{name}: {tally}");
        }
    }
    assert_eq!(project.posts_since(mark), [""; 0], "undone rows stay undone");
    for name in NAMES {
        for row in crate::support::books::rows(project, name) {
            let key: Vec<&str> = row["key"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            project.run(&["rows", "retry", name, &key.join(",")]).exits(0);
        }
    }
    project.run_all().exits(0);
    business.is_billed_once();
}

#[test]
fn paid_invoices_and_adopted_customers_stay() {
    let project = project();
    project.mapping("customers", &format!("{}match_existing: email\n", samples::CUSTOMERS));
    person::customer(&project.stripe, "c2@example.org");
    let first = project.run_all();
    let invoice = project.object("bills", "B-1,fay@example.org", "create_invoice");
    person::post(&project.stripe, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true");
    let bills = project.run(&["undo", &run_of(&first, "bills"), "--yes"]);
    assert_eq!(acts(bills.exits(16)), ["leave ", "leave B-1,fay@example.org"]);
    project.run(&["undo", &run_of(&first, "items"), "--yes"]).exits(0);
    let customers = project.run(&["undo", &run_of(&first, "customers"), "--yes"]);
    assert_eq!(acts(customers.exits(0)), ["delete 1", "delete 3"]);
    assert_eq!(alive(&project, "customer"), 2, "the one that was there before, and the bill's");
}

/// Whatever becomes of the answers: an undo that is asked for again ends where the first one should have.
#[test]
fn an_undo_whose_answers_are_lost_is_asked_for_again() {
    for fault in [Fault::DropAfterCommit, Fault::FailAfterCommit(500), Fault::RejectBefore(503), Fault::DropBefore] {
        let project = project();
        let first = project.run_all();
        let rule = |fault: &Fault, operation: &str| Rule::on(operation, fault.clone()).counted(0, 4);
        project.stripe.faults().script(rule(&fault, "POST /v1/invoices/{invoice}/void"));
        let run = run_of(&first, "bills");
        project.run(&["undo", &run, "--yes"]);
        project.stripe.faults().clear();
        project.advance(Duration::from_mins(7));
        let again = project.run(&["undo", &run, "--yes"]);
        assert_eq!(project.row("bills", "B-1,fay@example.org")["problem"]["code"], "row.undone", "{again:#?}");
        assert_eq!(alive(&project, "invoice"), 0, "{fault:?}");
        let voids = journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/void");
        let changed = journal::changes(&project.stripe).iter().filter(|change| change.status == Some("void")).count();
        assert!(!voids.is_empty() && changed == 1, "{fault:?}: voided {changed} times");
    }
}

/// A restored or adopting ledger must not take a void invoice for a done one.
#[test]
fn what_was_undone_is_not_adopted_again() {
    let project = project();
    let first = project.run_all();
    project.run(&["undo", &run_of(&first, "bills"), "--yes"]);
    project.run(&["undo", &run_of(&first, "items"), "--yes"]).exits(0);
    project.csv("customers", &samples::customers(4));
    let run = project.run_all();
    assert_eq!(run.tally("items"), "2 = 2 skipped");
    assert_eq!(run.tally("bills"), "2 = 2 skipped");
    project.run(&["rows", "retry", "items", "A-1"]).exits(0);
    project.run_all().exits(0);
    assert_eq!(project.row("items", "A-1")["state"], "done");
    assert_eq!(journal::made(&project.stripe, "invoiceitem").len(), 5);
}

#[test]
fn a_ledger_that_was_made_again_is_not_undone_in_one_stroke() {
    let project = project();
    project.run_all().exits(0);
    project.lose_ledger();
    project.run(&["ledger", "rebuild"]).exits(0);
    let runs = project.run(&["runs", "--of", "bills"]);
    let run = runs.json["runs"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(runs.json["runs"][0]["result"], "rebuilt");
    project.run(&["undo", &run, "--yes"]).refused(1, &["undo.rebuilt"]);
}

#[test]
fn an_unknown_run_is_told() {
    let project = project();
    project.run_all().exits(0);
    project.run(&["undo", "01ABC"]).refused(10, &["config.unknown_run"]);
}
