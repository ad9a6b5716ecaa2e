//! The four ways to name a customer, and customers that are there already.

use crate::support::{Project, books, journal, person, samples};

/// Items whose customer is named like this; rows are order, who, total.
fn items(customer: &str, rows: &str) -> Project {
    let project = Project::new();
    let mapping = samples::ITEMS
        .replace("customer: { from: customers, key: \"${{ row.customer_id }}\" }", &format!("customer: {customer}"))
        .replace("customer_id: { header: \"Customer ID\", required: true }", "who: { header: \"Who\" }");
    project.mapping("items", &mapping);
    project.csv("orders", &format!("Order,Who,Total\n{rows}"));
    project
}

/// The customer of each of our items, by description.
fn billed_to(project: &Project) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let items = books::ours(&project.stripe, "invoiceitem").into_values();
    let mut pairs: Vec<_> = items.map(|item| (text(&item["description"]), text(&item["customer"]))).collect();
    pairs.sort();
    pairs
}

#[test]
fn by_id_and_by_a_plain_template() {
    for form in ["{ id: \"${{ row.who }}\" }", "${{ row.who }}"] {
        let project = items(form, "");
        let id = person::customer(&project.stripe, "ann@example.org");
        project.csv("orders", &format!("Order,Who,Total\nA-1,{id},10.00\nA-2,{id},5\n"));
        assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 done", "{form}");
        assert!(billed_to(&project).iter().all(|(_, customer)| *customer == id));
    }
}

#[test]
fn an_id_that_is_not_there_fails_its_row_alone() {
    let project = items("${{ row.who }}", "");
    let id = person::customer(&project.stripe, "ann@example.org");
    project.csv("orders", &format!("Order,Who,Total\nA-1,cus_missing,10.00\nA-2,{id},5\n"));
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("items"), "2 = 1 done + 1 failed");
    assert_eq!(run.problems("items"), ["A-1 failed stripe.resource_missing"]);
    let problem = &run.report("items")["problems"][0];
    assert!(problem["message"].as_str().unwrap().contains("No such customer"), "{problem:#}");
    assert!(problem["request_id"].as_str().unwrap().starts_with("req_"), "{problem:#}");
    assert_eq!(problem["where"]["row"], 2, "{problem:#}");
}

#[test]
fn by_email_finds_the_one_customer() {
    let project = items("{ by_email: \"${{ row.who }}\" }", "A-1,ann@example.org,10\nA-2,Bob@example.org,5\n");
    let ann = person::customer(&project.stripe, "ann@example.org");
    let bob = person::customer(&project.stripe, "Bob@example.org");
    assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 done");
    assert_eq!(billed_to(&project), [("Order A-1".to_owned(), ann), ("Order A-2".to_owned(), bob)]);
}

#[test]
fn by_email_fails_when_nobody_has_it_and_asks_when_two_have_it() {
    let project = items("{ by_email: \"${{ row.who }}\" }", "A-1,no@example.org,10\nA-2,two@example.org,5\n");
    let first = person::customer(&project.stripe, "two@example.org");
    person::customer(&project.stripe, "two@example.org");
    let run = project.run_all();
    assert_eq!(run.exits(16).tally("items"), "2 = 1 failed + 1 needs_review");
    let mut problems = run.problems("items");
    problems.sort();
    assert_eq!(problems, ["A-1 failed row.customer_missing", "A-2 needs_review row.customer_ambiguous"]);
    assert_eq!(project.posts_since(0), [""; 0]);
    person::delete(&project.stripe, &format!("/v1/customers/{first}"));
    person::customer(&project.stripe, "no@example.org");
    assert_eq!(project.run_all().exits(0).tally("items"), "2 = 2 done");
}

#[test]
fn one_customer_is_made_for_all_rows_that_miss_it() {
    let form = "{ by_email: \"${{ row.who }}\", if_missing: create }";
    let who = |n| if n % 2 == 0 { "ann" } else { "Ann" };
    let rows = samples::lines((1..=8).map(|n| format!("A-{n},{}@example.org,{n}", who(n))));
    let project = items(form, &rows);
    assert_eq!(project.run_all().exits(0).tally("items"), "8 = 8 done");
    assert_eq!(journal::made(&project.stripe, "customer").len(), 1);
    project.csv("orders", "Order,Who,Total\nA-9,ann@example.org,9\n");
    assert_eq!(project.run_all().exits(0).tally("items"), "1 = 1 done");
    assert_eq!(journal::made(&project.stripe, "customer").len(), 1);
}

#[test]
fn what_another_connection_has_not_made_yet_waits() {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(1));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,20.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(5).tally("items"), "2 = 1 done + 1 deferred");
    assert_eq!(run.problems("items"), ["A-2 deferred row.customer_not_yet"]);
    assert_eq!(run.report("items")["result"], "deferred");
    project.csv("customers", &samples::customers(2));
    let run = project.run_all();
    assert_eq!(run.exits(0).tally("items"), "2 = 1 done + 1 already_done");
    books::agree(&project, &["customers", "items"]);
    assert_eq!(books::billed(&project.stripe), [("eur".to_owned(), 3000)].into());
}

#[test]
fn an_existing_customer_is_adopted_and_two_are_a_question() {
    let project = Project::new();
    project.mapping("customers", &format!("{}match_existing: email\n", samples::CUSTOMERS));
    project.csv("customers", &samples::customers(3));
    let one = person::customer(&project.stripe, "c1@example.org");
    let two = person::customer(&project.stripe, "c2@example.org");
    person::customer(&project.stripe, "c2@example.org");
    let run = project.run_all();
    assert_eq!(run.exits(16).tally("customers"), "3 = 2 done + 1 needs_review");
    assert_eq!(run.problems("customers"), ["2 needs_review row.customer_ambiguous"]);
    assert_eq!(project.row("customers", "1")["objects"][0]["id"], one);
    assert_eq!(journal::made(&project.stripe, "customer").len(), 1);
    person::delete(&project.stripe, &format!("/v1/customers/{two}"));
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done");
    assert_eq!(journal::made(&project.stripe, "customer").len(), 1);
}

#[test]
fn two_rows_with_one_email_do_not_both_make_a_customer() {
    let project = Project::new();
    project.mapping("customers", &format!("{}match_existing: email\n", samples::CUSTOMERS));
    project.csv("customers", "Customer ID,E-mail,Name\n1,same@example.org,Ann\n2,Same@example.org,Ann\n");
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 2 done");
    assert_eq!(journal::made(&project.stripe, "customer").len(), 1);
    let ids = ["1", "2"].map(|key| project.row("customers", key)["objects"][0]["id"].clone());
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_customer_deleted_in_between_fails_the_rows_that_need_it() {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(2));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\n");
    project.run_all().exits(0);
    let id = project.row("customers", "1")["objects"][0]["id"].as_str().unwrap().to_owned();
    person::delete(&project.stripe, &format!("/v1/customers/{id}"));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,1,5.00\nA-3,2,7.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("items"), "3 = 1 done + 1 already_done + 1 failed");
    assert_eq!(run.problems("items"), ["A-2 failed stripe.resource_missing"]);
    assert_eq!(run.tally("customers"), "2 = 2 already_done", "a deleted customer is not made again");
}
