//! What a hostile review once proved wrong: ways to bill twice, to lose a row, or to get stuck.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{Project, journal, person, samples};

const ITEMS_BY_ID: &str = r#"
account: acme
source:
  csv:
    path: data/items.csv
    columns:
      id: { header: "Id", required: true }
      customer: { header: "Customer" }
      total: { header: "Total", type: money, currency: EUR }
key: [id]
first_run: FIRST
add_invoice_item:
  customer: ${{ row.customer }}
  amount: ${{ row.total }}
"#;

/// Items for one customer that is there already.
fn items(first_run: &str, rows: &[(&str, &str)]) -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", "Customer ID,E-mail,Name\n1,ann@example.org,Ann\n");
    project.run(&["run-now", "customers"]).exits(0);
    project.mapping("items", &ITEMS_BY_ID.replace("FIRST", first_run));
    set(&project, rows);
    project
}

fn set(project: &Project, rows: &[(&str, &str)]) {
    let id = project.stripe.objects("customer")[0]["id"].as_str().unwrap().to_owned();
    let rows = samples::lines(rows.iter().map(|(key, total)| format!("{key},{id},{total}")));
    project.csv("items", &format!("Id,Customer,Total\n{rows}"));
}

fn at(project: &Project, clock: &str) -> i32 {
    let mut command = project.command(&["run-now", "items", "--output=json"]);
    command.env("ROWBILL_TEST_CLOCK", clock).output().unwrap().status.code().unwrap()
}

#[test]
fn a_clock_that_ran_ahead_hides_no_object() {
    let project = items("all", &[("1", "10.00")]);
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::FailAfterCommit(500)));
    assert_eq!(at(&project, "+3h"), 5);
    project.stripe.clock().advance(Duration::from_mins(20));
    assert_eq!(at(&project, "+20m"), 0);
    assert_eq!(project.stripe.objects("invoiceitem").len(), 1);
}

#[test]
fn a_look_at_one_row_is_not_the_first_run() {
    let project = items("only_new", &[("1", "10.00"), ("2", "20.00"), ("3", "30.00")]);
    project.run(&["run-now", "items", "--only", "1"]).exits(0);
    assert_eq!(project.run(&["run-now", "items"]).exits(0).tally("items"), "3 = 3 already_done");
    assert_eq!(project.stripe.objects("invoiceitem").len(), 0);
}

#[test]
fn a_row_that_was_there_and_failed_is_not_billed_once_mended() {
    let project = items("only_new", &[("1", "1.000"), ("2", "20.00")]);
    assert_eq!(project.run(&["run-now", "items"]).exits(3).tally("items"), "2 = 1 already_done + 1 failed");
    set(&project, &[("1", "1000.00"), ("2", "20.00")]);
    assert_eq!(project.run(&["run-now", "items"]).exits(0).tally("items"), "2 = 2 already_done");
}

#[test]
fn a_passing_duplicate_does_not_make_an_old_row_new() {
    let project = items("only_new", &[("1", "10.00")]);
    project.run(&["run-now", "items"]).exits(0);
    set(&project, &[("1", "10.00"), ("1", "11.00")]);
    project.run(&["run-now", "items"]).exits(3);
    set(&project, &[("1", "10.00")]);
    assert_eq!(project.run(&["run-now", "items"]).exits(0).tally("items"), "1 = 1 already_done");
}

#[test]
fn a_wrong_amount_stays_a_question() {
    let project = items("all", &[("1", "10.00")]);
    project.run(&["run-now", "items"]).exits(0);
    std::fs::remove_dir_all(project.path("state")).unwrap();
    project.run(&["ledger", "create"]).exits(0);
    set(&project, &[("1", "99.00")]);
    for _ in 0..2 {
        let run = project.run(&["run-now", "items"]);
        assert_eq!(run.exits(16).problems("items"), ["1 needs_review row.check_amount"]);
    }
    project.run(&["rows", "accept", "items", "1"]).exits(0);
    project.run(&["run-now", "items"]).exits(0);
    assert_eq!(project.stripe.objects("invoiceitem").len(), 1);
}

#[test]
fn a_limit_counts_rows_that_share_a_key() {
    let project = items("all", &[("1", "10.00"), ("2", "20.00"), ("2", "20.00")]);
    project.mapping("items", &format!("{}duplicates: same\n", ITEMS_BY_ID.replace("FIRST", "all")));
    let run = project.run(&["run-now", "items", "--limit", "1"]);
    assert_eq!(run.exits(5).tally("items"), "3 = 1 done + 2 deferred");
}

#[test]
fn a_key_on_the_command_line_is_compared_as_the_rows_are() {
    let project = Project::new();
    project.mapping("customers", &samples::CUSTOMERS.replace("key: [id]", "key: [email]"));
    project.csv("customers", "Customer ID,E-mail,Name\n1,Ann@example.org,Ann\n");
    let run = project.run(&["run-now", "customers", "--only", "ANN@example.org"]);
    assert_eq!(run.exits(0).tally("customers"), "1 = 1 done");
    project.run(&["run-now", "customers", "--only", "bob@example.org"]).refused(1, &["run.no_such_row"]);
}

fn bills() -> Project {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,ann@example.org,Chair,10.00\nB-1,ann@example.org,Desk,5.00\n");
    project
}

#[test]
fn a_deleted_draft_can_be_made_again() {
    let project = bills();
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::FailUncommitted(402)).counted(1, 1));
    project.run(&["run-now", "bills"]).exits(3);
    let draft = project.stripe.objects("invoice")[0]["id"].as_str().unwrap().to_owned();
    person::delete(&project.stripe, &format!("/v1/invoices/{draft}"));
    project.run(&["rows", "retry", "bills", "B-1,ann@example.org"]).exits(0);
    assert_eq!(project.run(&["run-now", "bills"]).exits(0).tally("bills"), "2 = 2 done");
    let invoices = project.stripe.objects("invoice");
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0]["total"], 1500);
    assert_eq!(project.stripe.objects("invoiceitem").len(), 2);
}

#[test]
fn a_group_that_changed_midway_can_get_out() {
    let project = bills();
    project.stripe.faults().script(Rule::on("POST /v1/invoices/{invoice}/finalize", Fault::FailUncommitted(500)));
    project.run(&["run-now", "bills"]).exits(5);
    project.edit("data/bills.csv", "Desk,5.00", "Desk,6.00");
    let run = project.run(&["run-now", "bills"]);
    assert_eq!(run.exits(16).problems("bills"), ["B-1,ann@example.org needs_review row.group_changed_midway"; 2]);
    project.edit("data/bills.csv", "Desk,6.00", "Desk,5.00");
    project.advance(Duration::from_hours(25));
    project.run(&["run-now", "bills"]);
    assert_eq!(project.stripe.objects("invoice").len(), 1);
}

/// A refusal says nothing of an earlier request under the same key that was not answered: it may still arrive.
#[test]
fn a_refusal_after_a_lost_request_counts_once_nothing_can_be_under_way() {
    let faults = |project: &Project, first: Fault| {
        let rule = |fault| Rule::on("POST /v1/invoiceitems", fault);
        project.stripe.faults().script(rule(first));
        project.stripe.faults().script(rule(Fault::RejectBefore(402)));
    };
    let waits = "1 deferred stripe.invalid_request_error";
    let run = |project: &Project| {
        let output = project.run(&["run-now", "items"]);
        output.problems("items")
    };
    // It arrives after all, when somebody has asked for another try already.
    let project = items("all", &[("1", "10.00")]);
    faults(&project, Fault::DropBefore);
    assert_eq!(run(&project), [waits]);
    project.run(&["rows", "retry", "items", "1"]);
    assert_eq!(run(&project), [waits]);
    let sent = journal::posts_of(&project.stripe, "POST /v1/invoiceitems");
    assert_eq!(sent.len(), 2, "nothing is sent while it waits");
    person::post(&project.stripe, &sent[0].path, std::str::from_utf8(&sent[0].body).unwrap());
    project.advance(Duration::from_mins(7));
    assert_eq!(project.run(&["run-now", "items"]).exits(0).tally("items"), "1 = 1 done");
    assert_eq!(project.stripe.objects("invoiceitem").len(), 1);

    // It is lost: now the refusal counts, and a person may ask for another try.
    let project = items("all", &[("1", "10.00")]);
    faults(&project, Fault::DropBefore);
    assert_eq!(run(&project), [waits]);
    project.advance(Duration::from_mins(7));
    let refused = "1 failed stripe.invalid_request_error";
    assert_eq!(run(&project), [refused]);
    project.run(&["rows", "retry", "items", "1"]).exits(0);
    assert_eq!(project.run(&["run-now", "items"]).exits(0).tally("items"), "1 = 1 done");
    assert_eq!(project.stripe.objects("invoiceitem").len(), 1);

    // After a limit it counts at once: that one was not taken up.
    let project = items("all", &[("1", "10.00")]);
    faults(&project, Fault::RateLimited { reason: "global-rate".to_owned(), retry_after: None });
    assert_eq!(run(&project), [refused]);
}
