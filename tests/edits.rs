//! Rows that are edited after they were done: `on_change: update`, `review` and `ignore`.

use serde_json::Value;

use crate::support::{Project, journal, samples};

fn customers(on_change: &str) -> Project {
    let project = Project::new();
    project.mapping("customers", &samples::CUSTOMERS.replace("on_change: update", &format!("on_change: {on_change}")));
    project.csv("customers", &samples::customers(3));
    project.run_all().exits(0);
    project
}

fn items() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(2));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,20.00\n");
    project.run_all().exits(0);
    project
}

/// The name that Stripe has for a customer; customers are made side by side, in any order.
fn name_of(project: &Project, id: u32) -> Value {
    let email = format!("c{id}@example.org");
    project.stripe.objects("customer").iter().find(|one| one["email"] == email.as_str()).unwrap()["name"].clone()
}

#[test]
fn an_edited_row_updates_exactly_its_customer() {
    let project = customers("update");
    let mark = project.mark();
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    assert_eq!(project.run(&["plan", "customers"]).would("customers"), "1 update + 2 already_done");
    let run = project.run_all();
    assert_eq!(run.exits(0).tally("customers"), "3 = 1 done + 2 already_done");
    let id = project.row("customers", "2")["objects"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(project.posts_since(mark), [format!("POST /v1/customers/{id}")]);
    assert_eq!([1, 2, 3].map(|id| name_of(&project, id)), ["Customer 1", "Renamed", "Customer 3"]);
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn a_row_is_updated_again_and_back() {
    let project = customers("update");
    for (from, to) in [("Customer 2", "Once"), ("Once", "Twice"), ("Twice", "Customer 2")] {
        project.edit("data/customers.csv", from, to);
        assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done", "{to}");
        assert_eq!(name_of(&project, 2), to);
    }
}

#[test]
fn a_cell_that_was_emptied_is_emptied_at_stripe_or_told() {
    let project = customers("update");
    project.edit("data/customers.csv", "Customer 2", "");
    let run = project.run_all();
    let name = name_of(&project, 2);
    let is_told = run.code == 16 || run.report("customers")["notes"].is_array();
    assert!(name.is_null() || name == "" || is_told, "the customer keeps the name {name}, in silence: {run:#?}");
}

#[test]
fn a_cell_that_is_not_sent_is_no_edit() {
    let project = customers("review");
    project.edit("data/customers.csv", "Customer ID,E-mail,Name\n1,", "Customer ID,E-mail,Name,Note\n1,");
    for (line, note) in [("Customer 1", "x"), ("Customer 2", ""), ("Customer 3", "y")] {
        project.edit("data/customers.csv", line, &format!("{line},{note}"));
    }
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn an_edit_to_review_needs_a_person_until_it_is_undone() {
    let project = customers("review");
    let mark = project.mark();
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    for _ in 0..2 {
        let run = project.run_all();
        assert_eq!(run.exits(16).tally("customers"), "3 = 2 already_done + 1 needs_review");
        assert_eq!(run.problems("customers"), ["2 needs_review row.changed_after_done"]);
        assert_eq!(run.report("customers")["result"], "needs_person");
    }
    assert_eq!(project.row("customers", "2")["state"], "needs_review");
    project.edit("data/customers.csv", "Renamed", "Customer 2");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
    assert_eq!(project.row("customers", "2")["state"], "done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn an_accepted_edit_of_a_customer_is_sent() {
    let project = customers("review");
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    project.run_all().exits(16);
    let mark = project.mark();
    project.run(&["rows", "accept", "customers", "2"]).exits(0);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done");
    assert_eq!(project.posts_since(mark).len(), 1);
    assert_eq!(name_of(&project, 2), "Renamed");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
}

#[test]
fn an_accepted_edit_is_that_edit_only() {
    let project = customers("review");
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    project.run_all().exits(16);
    project.run(&["rows", "accept", "customers", "2"]).exits(0);
    project.edit("data/customers.csv", "Renamed", "Another");
    let mark = project.mark();
    assert_eq!(project.run_all().exits(16).problems("customers"), ["2 needs_review row.changed_after_done"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn ignored_edits_are_ignored() {
    let project = customers("ignore");
    let mark = project.mark();
    project.edit("data/customers.csv", "Customer 2", "Renamed");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn an_edited_amount_is_never_billed_again() {
    let project = items();
    project.edit("data/orders.csv", "20.00", "21.00");
    let run = project.run_all();
    assert_eq!(run.exits(16).problems("items"), ["A-2 needs_review row.changed_after_done"]);
    let message = run.report("items")["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("2000") && message.contains("2100"), "both amounts are told: {message}");
    let accepted = project.run(&["rows", "accept", "items", "A-2"]);
    assert_eq!(accepted.exits(0).json["rows"][0]["state"], "done");
    assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 already_done");
    assert_eq!(journal::made(&project.stripe, "invoiceitem").len(), 2);
}

#[test]
fn a_changed_mapping_sends_nothing_again() {
    let project = items();
    project.edit("mappings/items.yaml", "description: Order", "description: Bestellung");
    let mark = project.mark();
    let plan = project.run(&["plan", "items"]);
    assert_eq!(plan.would("items"), "2 already_done");
    assert_eq!(plan.report("items")["notes"][0]["code"], "plan.would_differ");
    assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn rows_that_move_or_leave_change_nothing() {
    let project = items();
    let mark = project.mark();
    project.csv("orders", "Total,Order,Customer ID\n20.00,A-2,2\n10.00,A-1,1\n");
    assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 already_done");
    project.csv("orders", "Order,Customer ID,Total\nA-2,2,20.00\n");
    assert_eq!(project.run_all().exits(0).tally("items"), "1 = 1 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}
