//! Several accounts, connected accounts, and keys that are revoked in mid-run.

use rowbill_stripe_sandbox::{Fault, Limits, Options, Rule};
use serde_json::json;

use crate::support::{Project, books, journal, project, samples};

#[test]
fn connections_of_several_accounts_keep_apart() {
    let mut project = Project::new();
    let other = project::sandbox(Options::default());
    project.account("beta", &other, "");
    project.csv("customers", &samples::customers(3));
    project.mapping("customers", samples::CUSTOMERS);
    let twin = samples::CUSTOMERS.replace("account: acme", "account: beta").replace("write_back", "#");
    project.mapping("twins", &twin);
    let run = project.run_all();
    run.exits(0);
    for (connection, account) in [("customers", "acme"), ("twins", "beta")] {
        assert_eq!(run.tally(connection), "3 = 3 done");
        assert_eq!(run.report(connection)["account"], account);
    }
    let ops = |stripe| journal::made(stripe, "customer").into_iter().map(|made| made.rowbill_op).collect::<Vec<_>>();
    assert_eq!((ops(&project.stripe).len(), ops(&other).len()), (3, 3));
    assert!(ops(&project.stripe).iter().all(|op| !ops(&other).contains(op)));
    let mark = (project.mark(), other.journal().len());
    project.run_all().exits(0);
    assert!(project.posts_since(mark.0).is_empty() && journal::posts(&other, mark.1).is_empty());
}

#[test]
fn one_account_out_of_service_does_not_stop_the_other() {
    let mut project = Project::new();
    let other = project::sandbox(Options::default());
    project.account("beta", &other, "");
    project.csv("customers", &samples::customers(3));
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("twins", &samples::CUSTOMERS.replace("account: acme", "account: beta").replace("write_back", "#"));
    project.run(&["ledger", "create"]).exits(0);
    project.stripe.revoke_key();
    let run = project.run_all();
    assert_eq!(run.exits(12).tally("customers"), "3 = 3 deferred");
    assert_eq!(run.tally("twins"), "3 = 3 done");
}

#[test]
fn a_connected_account_is_named_in_every_request() {
    let mut project = Project::new();
    let stripe = project.stripe.clone();
    project.account("acme", &stripe, &format!("connected_account: {}", stripe.account()));
    project.mapping("bills", samples::BILLS);
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\n");
    project.run_all().exits(0);
    let requests = journal::requests(&stripe, 0);
    let named = requests.iter().filter(|request| request.account.as_deref() == Some(&stripe.account())).count();
    assert_eq!(named, requests.len(), "{requests:#?}");
}

#[test]
fn a_key_revoked_in_mid_run_defers_the_rest_and_nothing_is_doubled() {
    for after in [0, 1, 7, 20] {
        let project = Project::new();
        project.mapping("customers", samples::CUSTOMERS);
        project.csv("customers", &samples::customers(24));
        project.stripe.faults().script(Rule::next(Fault::RevokeKey).only("POST", "/v1/").counted(after, 1));
        let run = project.run_all();
        assert_eq!(run.code, 12, "after {after}: {run:#?}");
        let rows = &run.report("customers")["rows"];
        assert_eq!(rows["done"], after, "{rows:#}");
        assert_eq!(rows["deferred"], 24 - after, "{rows:#}");
        let late = journal::posts(&project.stripe, 0).into_iter().filter(|post| post.status == Some(401)).count();
        assert!(late <= 32, "I7: none after a 401, but {late} were on their way");
        assert_eq!(project.run_all().code, 12, "still revoked");
        project.stripe.restore_key();
        let run = project.run_all();
        assert_eq!(run.exits(0).report("customers")["rows"]["done"], 24 - after);
        assert_eq!(journal::made(&project.stripe, "customer").len(), 24);
        books::agree(&project, &["customers"]);
    }
}

/// 25 a second, like Stripe's test mode: nothing is sent faster, so nothing is turned away.
#[test]
fn the_rate_limits_of_stripe_are_kept() {
    let rate = Some(Limits { account: 25, endpoint: 25 });
    let project = Project::with(Options { rate, ..Options::default() });
    project.edit("rowbill.yaml", "    rate_limit: unlimited\n    endpoint_rate_limit: unlimited\n", "");
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(80));
    assert_eq!(project.run_all().exits(0).tally("customers"), "80 = 80 done");
    let turned_away =
        journal::requests(&project.stripe, 0).iter().filter(|request| request.status == Some(429)).count();
    assert_eq!(turned_away, 0);
}

#[test]
fn a_key_that_may_not_write_items_stops_there() {
    let project = Project::new();
    project.key("acme", "rk_test_acme0000000000");
    project.stripe.set_permissions(Some(["customer_write", "customer_read"].map(str::to_owned).to_vec()));
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(1));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\n");
    let run = project.run_all();
    assert_eq!(run.code, 12, "{run:#?}");
    assert!(project.stripe.objects("invoiceitem").is_empty());
}

/// What the key may do is compared with what the mappings need; looking changes nothing.
#[test]
fn a_key_is_checked_against_what_the_mappings_need() {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    project.key("acme", "rk_test_of_acme_with_length_4711");
    let objects =
        || ["customer", "invoiceitem", "invoice", "webhook_endpoint"].map(|kind| project.stripe.objects(kind).len());
    let check = || project.run(&["accounts", "check", "acme"]);
    let before = objects();
    let all = check();
    let account = &all.exits(0).json["accounts"][0];
    assert_eq!((&account["mode"], &account["key"]), (&json!("test"), &json!("a restricted test key")));
    assert_eq!((&account["country"], &account["default_currency"]), (&json!("US"), &json!("usd")));
    let notes = account["notes"].to_string();
    assert!(notes.contains("4242 4242 4242 4242") && notes.contains("USD 0.50"), "{notes}");
    assert_eq!(account["permissions"].as_array().unwrap().len(), 19);
    assert!(account["permissions"].as_array().unwrap().iter().all(|grant| grant["allowed"] == true), "{account:#}");

    let permissions = ["customer_write", "invoice_read", "credit_note_read"];
    project.stripe.set_permissions(Some(permissions.map(str::to_owned).to_vec()));
    let some = check();
    assert_eq!((some.json["result"].as_str(), some.code), (Some("needs_person"), 16), "{some:#?}");
    let told: Vec<&str> =
        some.json["problems"].as_array().unwrap().iter().filter_map(|problem| problem["message"].as_str()).collect();
    assert!(told.contains(&"the key of `acme` may not write invoices"), "{told:?}");
    let grants = some.json["accounts"][0]["permissions"].as_array().unwrap();
    let of = |what: &str, access: &str| {
        grants.iter().find(|grant| grant["what"] == what && grant["access"] == access).unwrap()
    };
    assert_eq!(
        (&of("customers", "write")["allowed"], &of("payouts", "read")["allowed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&of("invoices", "write")["lacks"], &of("payouts", "read")["needed"]),
        (&json!("rak_invoice_write"), &json!(false))
    );
    assert_eq!(objects(), before, "looking changes nothing");
}
