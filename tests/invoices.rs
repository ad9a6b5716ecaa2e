//! Invoices: own items, items of another connection, groups that wait, rows that come too late.

use serde_json::json;

use crate::support::{Project, books, journal, person, samples};

fn bills(rows: &str) -> Project {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    project.csv("bills", &format!("Bill,E-mail,What,Total\n{rows}"));
    project
}

/// Customers, items and invoices by customer and month, all from files.
fn monthly() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    let items = samples::monthly_items();
    project.mapping("items", &items);
    project.mapping(
        "invoices",
        r#"
account: acme
group_by: [customer_id, month]
first_run: all
create_invoice:
  customer: { from: customers, key: "${{ group.customer_id }}" }
  items_from: items
  collection_method: send_invoice
  days_until_due: 14
  description: ${{ group.month }} for ${{ group.customer_id }}
  finish: send
"#,
    );
    project.csv("customers", &samples::customers(2));
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,5.50\nA-3,2,11,7.00\n");
    project
}

fn orders(project: &Project, rows: &str) {
    project.csv("orders", &format!("Order,Customer ID,Month,Total\n{rows}"));
}

fn totals(project: &Project) -> Vec<(String, i64, String)> {
    books::invoices(&project.stripe).into_iter().map(|(what, (total, status))| (what, total, status)).collect()
}

#[test]
fn own_items_are_lines_and_equal_lines_are_two() {
    let project = bills(
        "B-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Chair,80.00\nB-2,gus@example.org,Table,1240.00\n\
         B-1,fay@example.org,Delivery,5.50\n",
    );
    assert_eq!(project.run_all().exits(0).tally("bills"), "4 = 4 done");
    let open = "open".to_owned();
    assert_eq!(totals(&project), [("Bill B-1".into(), 16_550, open.clone()), ("Bill B-2".into(), 124_000, open)]);
    assert_eq!(journal::made(&project.stripe, "customer").len(), 2);
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("bills"), "4 = 4 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
    books::agree(&project, &["bills"]);
}

#[test]
fn a_stray_pending_item_never_gets_into_our_invoice() {
    let project = bills("B-1,fay@example.org,Chair,80.00\n");
    let fay = person::customer(&project.stripe, "fay@example.org");
    let stray = person::stray_item(&project.stripe, &fay);
    project.run_all().exits(0);
    assert_eq!(totals(&project), [("Bill B-1".into(), 8000, "open".into())]);
    let items = project.stripe.objects("invoiceitem");
    let stray = items.iter().find(|item| item["id"] == stray).unwrap();
    assert_eq!(stray["invoice"], json!(null));

    let project = monthly();
    project.run(&["run-now", "customers", "items"]).exits(0);
    let id = project.row("customers", "1")["objects"][0]["id"].as_str().unwrap().to_owned();
    person::stray_item(&project.stripe, &id);
    project.run_all().exits(0);
    assert_eq!(totals(&project)[0], ("11 for 1".into(), 1550, "open".into()));
}

#[test]
fn an_item_that_somebody_puts_on_our_draft_stops_the_invoice() {
    use rowbill_stripe_sandbox::{Fault, Rule};
    let project = bills("B-1,fay@example.org,Chair,80.00\n");
    let fay = person::customer(&project.stripe, "fay@example.org");
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::RejectBefore(402)).counted(0, 1));
    project.run_all().exits(3);
    let draft = project.stripe.objects("invoice")[0]["id"].as_str().unwrap().to_owned();
    let form = format!("customer={fay}&invoice={draft}&amount=1&currency=eur");
    person::post(&project.stripe, "/v1/invoiceitems", &form);
    project.run(&["rows", "retry", "bills", "\"B-1\",fay@example.org"]).exits(0);
    let run = project.run_all();
    assert_eq!(run.exits(16).problems("bills"), ["B-1,fay@example.org needs_review row.check_total"]);
    assert_eq!(totals(&project), [("Bill B-1".into(), 8001, "draft".into())]);
    let mark = project.mark();
    project.run_all().exits(16);
    assert_eq!(project.posts_since(mark), [""; 0], "it stays with the person");
}

#[test]
fn a_row_that_joins_an_invoiced_group_is_a_persons_decision() {
    let project = bills("B-1,fay@example.org,Chair,80.00\n");
    project.run_all().exits(0);
    let mark = project.mark();
    project.edit("data/bills.csv", "80.00\n", "80.00\nB-1,fay@example.org,Late,1.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(16).tally("bills"), "2 = 1 already_done + 1 needs_review");
    assert_eq!(run.problems("bills"), ["B-1,fay@example.org needs_review row.joined_after_invoice"]);
    assert_eq!(run.report("bills")["problems"][0]["where"]["row"], 3);
    assert_eq!(project.posts_since(mark), [""; 0]);
    project.edit("data/bills.csv", "B-1,fay@example.org,Late,1.00\n", "");
    assert_eq!(project.run_all().exits(0).tally("bills"), "1 = 1 already_done");
}

#[test]
fn a_late_item_of_another_connection_is_a_persons_decision_too() {
    let project = monthly();
    assert_eq!(project.run_all().exits(0).tally("invoices"), "3 = 3 done");
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,5.50\nA-3,2,11,7.00\nA-4,1,11,1.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(16).tally("invoices"), "4 = 3 already_done + 1 needs_review");
    assert_eq!(run.problems("invoices"), ["1,11 needs_review row.joined_after_invoice"]);
    assert_eq!(totals(&project)[0], ("11 for 1".into(), 1550, "open".into()));
    books::agree(&project, &["customers", "items", "invoices"]);
}

#[test]
fn a_group_waits_for_all_of_its_rows() {
    let project = monthly();
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,1.000\nA-3,2,11,7.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("items"), "3 = 2 done + 1 failed");
    assert_eq!(run.tally("invoices"), "3 = 1 done + 2 deferred");
    assert_eq!(totals(&project).len(), 1);
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,1.00\nA-3,2,11,7.00\n");
    assert_eq!(project.run_all().exits(0).tally("invoices"), "3 = 2 done + 1 already_done");
    assert_eq!(totals(&project)[0], ("11 for 1".into(), 1100, "open".into()));
}

#[test]
fn an_item_keeps_to_its_invoice_when_its_group_changes() {
    let project = monthly();
    project.run_all().exits(0);
    let mark = project.mark();
    orders(&project, "A-1,1,12,10.00\nA-2,1,11,5.50\nA-3,2,11,7.00\n");
    let run = project.run_all();
    assert_eq!(run.exits(16).problems("invoices"), ["1,12 needs_review row.item_on_other_invoice"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
    let plan = project.run(&["plan", "invoices"]);
    assert_eq!(plan.would("invoices"), "2 already_done + 1 needs_review");
}

#[test]
fn an_item_whose_row_is_gone_is_told_by_the_plan() {
    let project = monthly();
    project.run_all().exits(0);
    orders(&project, "A-2,1,11,5.50\nA-3,2,11,7.00\n");
    let plan = project.run(&["plan", "invoices"]);
    assert_eq!(plan.report("invoices")["notes"][0]["code"], "plan.orphan_item", "{plan:#?}");
}

#[test]
fn two_currencies_and_251_lines_are_refused_before_anything_is_sent() {
    let project = Project::new();
    let mapping = samples::BILLS.replace("currency: EUR }", "currency: money }\n      money: { header: \"Currency\" }");
    project.mapping("bills", &mapping);
    let many = samples::lines((0..251).map(|n| format!("B-2,gus@example.org,Line {n},1.00,EUR")));
    let mixed = "B-1,fay@example.org,Chair,80.00,EUR\nB-1,fay@example.org,Sofa,80.00,USD\n";
    project.csv("bills", &format!("Bill,E-mail,What,Total,Currency\n{mixed}{many}"));
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("bills"), "253 = 253 failed");
    let problems = run.problems("bills");
    assert_eq!(problems[0], "B-1,fay@example.org failed row.mixed_currencies");
    assert_eq!(problems[252], "B-2,gus@example.org failed row.group_too_large");
    assert_eq!(project.posts_since(0), [""; 0]);
}

#[test]
fn a_full_invoice_of_250_lines_is_made() {
    let rows = samples::lines((0..250).map(|n| format!("B-2,gus@example.org,Line {n},1.00")));
    let project = bills(&rows);
    assert_eq!(project.run_all().exits(0).tally("bills"), "250 = 250 done");
    assert_eq!(totals(&project), [("Bill B-2".into(), 25_000, "open".into())]);
}

#[test]
fn every_finish_leaves_its_state_and_goes_no_further() {
    for (finish, status) in [("draft", "draft"), ("finalize", "open"), ("send", "open")] {
        let project = bills("B-1,fay@example.org,Chair,80.00\n");
        let more = "collection_method: send_invoice\n  days_until_due: 14\n  finish";
        project.edit("mappings/bills.yaml", "finish: finalize", &format!("{more}: {finish}"));
        assert_eq!(project.run_all().exits(0).tally("bills"), "1 = 1 done");
        assert_eq!(totals(&project), [("Bill B-1".into(), 8000, status.into())], "{finish}");
        let mails = journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/send").len();
        assert_eq!(mails, usize::from(finish == "send"));
        let draft = journal::posts_of(&project.stripe, "POST /v1/invoices").remove(0);
        assert_eq!(journal::field(&draft, "pending_invoice_items_behavior").as_deref(), Some("exclude"));
        assert_eq!(journal::field(&draft, "auto_advance").as_deref(), Some("false"));
    }
}

#[test]
fn only_and_limit_are_about_groups() {
    let project =
        bills("B-1,fay@example.org,Chair,80.00\nB-2,gus@example.org,Table,1.00\nB-3,gus@example.org,Lamp,2.00\n");
    let run = project.run(&["run-now", "bills", "--only", "B-2,gus@example.org"]);
    assert_eq!(run.exits(0).tally("bills"), "1 = 1 done");
    let run = project.run(&["run-now", "bills", "--limit", "1"]);
    assert_eq!(run.exits(5).tally("bills"), "3 = 1 done + 1 already_done + 1 deferred");
    assert_eq!(project.run_all().exits(0).tally("bills"), "3 = 1 done + 2 already_done");
    assert_eq!(project.stripe.objects("invoice").len(), 3);
}

#[test]
fn items_that_were_there_before_are_on_no_invoice() {
    let project = monthly();
    project.edit("mappings/items.yaml", "first_run: all", "first_run: only_new");
    project.edit("mappings/invoices.yaml", "first_run: all", "first_run: only_new");
    project.run_all().exits(0);
    assert_eq!(project.stripe.objects("invoice").len(), 0);
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,5.50\nA-3,2,11,7.00\nA-4,2,12,3.00\n");
    let run = project.run_all();
    run.exits(0);
    assert_eq!(totals(&project), [("12 for 2".into(), 300, "open".into())], "{run:#?}");
}

#[test]
fn an_item_is_free_again_once_the_draft_of_its_old_group_is_deleted() {
    use rowbill_stripe_sandbox::{Fault, Rule};
    let project = monthly();
    orders(&project, "A-1,1,11,10.00\nA-2,1,11,5.50\n");
    project.stripe.faults().script(Rule::on("POST /v1/invoices/{invoice}/finalize", Fault::RejectBefore(402)));
    project.run_all().exits(3);
    orders(&project, "A-1,1,11,10.00\nA-2,1,12,5.50\n");
    let run = project.run(&["run-now", "invoices"]);
    assert!(run.problems("invoices").contains(&"1,12 needs_review row.item_on_other_invoice".to_owned()));
    let draft = project.stripe.objects("invoice")[0]["id"].as_str().unwrap().to_owned();
    person::delete(&project.stripe, &format!("/v1/invoices/{draft}"));
    project.run(&["rows", "retry", "invoices", "1,11"]).exits(0);
    project.run(&["run-now", "invoices"]);
    project.run(&["run-now", "invoices"]).exits(0);
    let open = "open".to_owned();
    assert_eq!(totals(&project), [("11 for 1".into(), 1000, open.clone()), ("12 for 1".into(), 550, open)]);
}
