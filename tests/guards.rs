//! What sends nothing: plans, guards, consent, wrong keys. And `send-test`, which sends one row.

use rowbill_stripe_sandbox::Options;
use serde_json::json;

use crate::support::{Project, journal, project, samples};

fn customers(count: u32) -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(count));
    project
}

#[test]
fn plans_send_nothing_and_need_no_ledger() {
    let project = customers(3);
    project.mapping("items", samples::ITEMS);
    project.mapping("bills", samples::BILLS);
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\n");
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\n");
    for args in [&["plan", "--all"][..], &["run-now", "--all", "--dry-run"], &["plan", "customers", "items", "bills"]] {
        let plan = project.run(args);
        plan.exits(0);
        for (connection, would) in [("customers", "3 create"), ("items", "1 create"), ("bills", "2 create")] {
            assert_eq!(plan.would(connection), would, "{args:?}");
            assert_eq!(plan.report(connection)["result"], "plan");
        }
        let amounts = &plan.report("bills")["amounts"][0];
        assert_eq!((&amounts["currency"], &amounts["minor"]), (&json!("eur"), &json!(8100)));
    }
    assert_eq!(project.posts_since(0), [""; 0]);
    assert!(!project.path("state/ledger.db").exists());
}

#[test]
fn plan_tells_by_its_exit_code_when_asked() {
    let project = customers(2);
    project.run(&["plan", "customers", "--exit-code"]).exits(4);
    project.run(&["plan", "customers"]).exits(0);
    project.run_all().exits(0);
    let plan = project.run(&["plan", "customers", "--exit-code"]);
    assert_eq!(plan.exits(0).would("customers"), "2 already_done");
}

#[test]
fn limits_stop_a_run_before_its_first_call() {
    let project = customers(3);
    project.mapping("customers", &format!("{}limits: {{ new_rows: 2 }}\n", samples::CUSTOMERS));
    project.run_all().refused(14, &["guard.new_rows"]);
    project.run(&["plan", "customers"]).exits(14);
    project.run(&["run-now", "customers", "--limit", "2"]).exits(5);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done");
}

#[test]
fn a_limit_of_money_counts_what_is_new() {
    let project = customers(1);
    project.mapping("items", &format!("{}limits: {{ amount: {{ EUR: 25 }} }}\n", samples::ITEMS));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,1,15.01\n");
    project.run_all().refused(14, &["guard.amount"]);
    assert_eq!(project.posts_since(0), [""; 0], "not even the connection before it sends");
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,1,15.00\n");
    project.run_all().exits(0);
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,1,15.00\nA-3,1,25.00\n");
    assert_eq!(project.run_all().exits(0).tally("items"), "3 = 1 done + 2 already_done");
}

#[test]
fn send_test_sends_one_row_with_a_link_and_cleans_up() {
    let project = customers(3);
    let sent = project.run(&["send-test", "customers", "--row", "2"]);
    sent.exits(0);
    let object = &sent.json["objects"][0];
    assert_eq!(object["step"], "create_customer");
    let id = object["id"].as_str().unwrap();
    assert!(object["url"].as_str().unwrap().contains(id), "{object:#}");
    let made = project.stripe.objects("customer");
    assert_eq!((made.len(), &made[0]["email"]), (1, &json!("c2@example.org")));
    assert!(made[0]["metadata"]["rowbill_op"].is_null() && made[0]["metadata"]["rowbill_test"].is_string());
    assert!(!project.path("state/ledger.db").exists());
    project.run(&["send-test", "customers", "--cleanup"]).exits(0);
    assert_eq!(project.stripe.objects("customer").len(), 1);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 done", "a test is no row");
}

#[test]
fn send_test_makes_a_whole_invoice() {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\n");
    let sent = project.run(&["send-test", "bills", "--cleanup"]);
    sent.exits(0);
    let open = project.stripe.objects("invoice").into_iter().filter(|invoice| invoice["status"] != "void").count();
    assert_eq!((open, project.stripe.objects("customer").len()), (0, 0), "{sent:#?}");
    assert_eq!(journal::made(&project.stripe, "invoice").len(), 0);
}

/// A project whose account is live. Its key is never used: nothing may be sent.
fn live() -> Project {
    let project = customers(1);
    let url = format!(
        "    api_base: {}\n    rate_limit: unlimited\n    endpoint_rate_limit: unlimited\n",
        project.stripe.url()
    );
    project.edit("rowbill.yaml", &url, "");
    project.edit("rowbill.yaml", "mode: test", "mode: live");
    project.key("acme", "sk_live_never0used000000");
    project
}

#[test]
fn a_live_account_needs_consent() {
    let project = live();
    project.run_all().refused(14, &["guard.live"]);
    project.run(&["run-now", "customers", "--no-input"]).refused(14, &["guard.live"]);
    project.run(&["send-test", "customers"]).refused(14, &["guard.live_test"]);
    assert!(!project.path("state/ledger.db").exists());
}

#[test]
fn a_live_account_cannot_be_played() {
    let project = live();
    let mode = "mode: live\n";
    project.edit("rowbill.yaml", mode, &format!("{mode}    api_base: {}\n", project.stripe.url()));
    project.run_all().refused(10, &["config.api_base_live"]);
}

#[test]
fn a_key_of_the_other_mode_sends_nothing() {
    let project = customers(1);
    project.key("acme", "sk_live_acme0000000000");
    project.run_all().refused(12, &["stripe.key_mode"]);
    project.run(&["plan", "customers"]).refused(12, &["stripe.key_mode"]);
    let requests = journal::requests(&project.stripe, 0);
    assert!(requests.is_empty(), "a key of the wrong mode leaves the machine: {requests:#?}");
}

#[test]
fn answers_of_the_other_mode_stop_everything() {
    let mut project = customers(2);
    let live =
        project::sandbox(Options { livemode: true, keys: vec!["sk_test_acme0000000000".into()], ..Options::default() });
    project.account("acme", &live, "");
    let run = project.run_all();
    assert_eq!(run.code, 12, "{run:#?}");
    assert!(journal::made(&live, "customer").len() <= 1);
}

#[test]
fn a_key_that_is_refused_from_the_start_sends_nothing() {
    let project = customers(2);
    project.stripe.revoke_key();
    let run = project.run_all();
    assert_eq!(run.code, 12, "{run:#?}");
    assert!(project.stripe.objects("customer").is_empty());
    project.stripe.restore_key();
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 2 done");
}

#[test]
fn no_secret_is_in_any_output() {
    let project = customers(2);
    let outputs = [
        project.run_all(),
        project.run(&["doctor"]),
        project.run(&["status", "-vv"]),
        project.run(&["run-now", "customers", "-vv"]),
    ];
    for output in outputs {
        assert!(!format!("{output:?}").contains("sk_test_acme"), "I10: {output:#?}");
    }
    let ledger = std::fs::read(project.path("state/ledger.db")).unwrap();
    assert!(!ledger.windows(12).any(|bytes| bytes == b"sk_test_acme"), "I10: in the ledger");
}
