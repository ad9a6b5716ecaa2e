//! Source, ledger and Stripe compared.

use crate::support::{Output, Project, person, samples};

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.mapping("bills", samples::BILLS);
    project.csv("customers", &samples::customers(3));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\n");
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\n");
    project.run_all().exits(0);
    project
}

fn reconcile(project: &Project) -> Output {
    let mark = project.mark();
    let output = project.run(&["reconcile", "--all"]);
    assert_eq!(project.posts_since(mark), [""; 0], "it only looks");
    output
}

/// `items: different_amount A-1`, in order.
fn findings(output: &Output) -> Vec<String> {
    let mut all = Vec::new();
    for one in output.json["connections"].as_array().unwrap() {
        for finding in one["findings"].as_array().unwrap() {
            let key: Vec<&str> = finding["key"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            all.push(format!("{}: {} {}", text(&one["connection"]), text(&finding["kind"]), key.join(",")));
        }
    }
    all
}

fn of<'a>(output: &'a Output, connection: &str) -> &'a serde_json::Value {
    let all = output.json["connections"].as_array().unwrap();
    all.iter().find(|one| one["connection"] == connection).unwrap()
}

fn id(project: &Project, connection: &str, key: &str) -> String {
    let step = match connection {
        "customers" => "create_customer",
        "items" => "add_invoice_item",
        _ => "create_invoice",
    };
    project.object(connection, key, step)
}

#[test]
fn books_that_agree_are_told_with_their_sums() {
    let project = project();
    let output = reconcile(&project);
    assert_eq!(findings(output.exits(0)), [""; 0]);
    for book in ["source", "ledger", "stripe"] {
        let side = |name: &str| {
            let side = &of(&output, name)[book];
            (side["count"].as_u64().unwrap(), side["amounts"][0]["minor"].as_i64())
        };
        let sums = ["customers", "items", "bills"].map(side);
        assert_eq!(sums, [(3, None), (2, Some(1500)), (1, Some(8100))], "{book}");
    }
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\nA-3,3,7.00\n");
    let output = reconcile(&project);
    assert_eq!(of(output.exits(0), "items")["to_send"], 1);
}

#[test]
fn what_is_missing_at_stripe_is_told() {
    let project = project();
    person::delete(&project.stripe, &format!("/v1/customers/{}", id(&project, "customers", "3")));
    person::delete(&project.stripe, &format!("/v1/invoiceitems/{}", id(&project, "items", "A-2")));
    let found = findings(reconcile(&project).exits(16));
    assert_eq!(found, ["customers: missing 3", "items: missing A-2"]);
}

#[test]
fn amounts_that_differ_are_told() {
    let project = project();
    let item = id(&project, "items", "A-2");
    person::post(&project.stripe, &format!("/v1/invoiceitems/{item}"), "amount=400");
    project.edit("data/orders.csv", "A-1,1,10.00", "A-1,1,12.00");
    let output = reconcile(&project);
    assert_eq!(findings(output.exits(16)), ["items: different_amount A-1", "items: different_amount A-2"]);
    let message = of(&output, "items")["findings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("source EUR 12.00, ledger EUR 10.00, Stripe EUR 10.00"), "{message}");
    let text = project.command(&["reconcile", "items"]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("ledger EUR 5.00, Stripe EUR 4.00"), "{text}");
}

/// An object of ours that this ledger knows nothing of: another ledger bills the same rows.
#[test]
fn what_the_ledger_does_not_know_is_told() {
    let project = project();
    project.run(&["ledger", "backup", "old.db"]).exits(0);
    project.csv("customers", &samples::customers(5));
    project.run_all().exits(0);
    project.lose_ledger();
    std::fs::rename(project.path("old.db"), project.path("state/ledger.db")).unwrap();
    assert_eq!(findings(reconcile(&project).exits(16)), ["customers: unknown ", "customers: unknown "]);
    project.run_all().exits(0);
    assert_eq!(findings(reconcile(&project).exits(0)), [""; 0]);
}

/// Rows that were archived and invoices that were voided are somebody's will: told, and nothing is wrong.
#[test]
fn what_people_did_on_purpose_is_told_and_is_not_wrong() {
    let project = project();
    project.csv("orders", "Order,Customer ID,Total\nA-2,2,5.00\n");
    let invoice = id(&project, "bills", "B-1,fay@example.org");
    person::post(&project.stripe, &format!("/v1/invoices/{invoice}/void"), "");
    let found = findings(reconcile(&project).exits(0));
    assert_eq!(found, ["bills: void B-1,fay@example.org", "items: extra A-1"]);
}

#[test]
fn without_a_ledger_there_is_nothing_to_compare() {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(1));
    project.run(&["reconcile", "--all"]).refused(15, &["ledger.missing"]);
}
