//! Without a webhook: the list of events is read.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::{Value, json};

use super::{KEYS, VISA, billed, invoice, row, written};
use crate::support::{Daemon, Project, person};

/// Asks, and gives the accounts' reports.
#[track_caller]
fn poll(project: &Project) -> Value {
    let output = project.run(&["payments", "poll", "--all"]);
    output.exits(0).json["accounts"][0].clone()
}

#[track_caller]
fn state(project: &Project, nth: usize) -> Value {
    poll(project);
    row(project, nth)["payment"].clone()
}

#[test]
fn each_state_is_told() {
    let project = billed();
    let stripe = &project.stripe;
    let (first, second) = (invoice(&project, 0), invoice(&project, 1));
    assert_eq!(row(&project, 0)["payment"], Value::Null, "nobody has looked yet");
    assert_eq!(state(&project, 0), "open");

    stripe.pay(&first, "4000000000000002", None).unwrap();
    assert_eq!(state(&project, 0), "failed");
    let details = row(&project, 0)["payment_details"].clone();
    assert_eq!((&details["attempts"], &details["paid"]), (&json!(1), &json!(0)));
    assert!(details["failure"].as_str().unwrap().contains("declined"), "{details:#}");

    stripe.pay(&first, "4000000000003220", None).unwrap();
    assert_eq!(state(&project, 0), "requires_action", "it waits for the customer's bank, and has not failed");
    stripe.authenticate(&first, true).unwrap();
    assert_eq!(state(&project, 0), "paid");

    stripe.pay(&second, VISA, Some(5000)).unwrap();
    assert_eq!(state(&project, 1), "part_paid");
    assert_eq!(row(&project, 1)["payment_details"]["remaining"], 7000);
    let rest = stripe.pay(&second, VISA, None).unwrap();
    assert_eq!(state(&project, 1), "paid");

    let charge = rest["charge"].as_str().unwrap();
    person::post(stripe, "/v1/refunds", &format!("charge={charge}&amount=1500"));
    assert_eq!(state(&project, 1), "part_refunded");
    let dispute = stripe.dispute(charge).unwrap();
    assert_eq!(state(&project, 1), "disputed");
    let details = row(&project, 1)["payment_details"].clone();
    assert_eq!(details["due_by"], dispute["evidence_details"]["due_by"], "{details:#}");
    stripe.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    assert_eq!(state(&project, 1), "part_refunded");

    let states: Vec<Value> = row(&project, 0)["payment_details"]["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].clone())
        .collect();
    assert_eq!(states, ["open", "failed", "requires_action", "paid"], "nothing of it is forgotten");
}

#[test]
fn a_whole_refund_a_lost_dispute_and_what_a_person_gives_up() {
    let project = billed();
    let stripe = &project.stripe;
    let (first, second) = (invoice(&project, 0), invoice(&project, 1));
    let paid = stripe.pay(&first, VISA, None).unwrap();
    person::post(stripe, "/v1/refunds", &format!("charge={}", paid["charge"].as_str().unwrap()));
    assert_eq!(state(&project, 0), "refunded");
    person::post(stripe, &format!("/v1/invoices/{second}/mark_uncollectible"), "");
    assert_eq!(state(&project, 1), "uncollectible");
    let paid = stripe.pay(&second, "4000000000000259", None).unwrap();
    assert_eq!(state(&project, 1), "disputed");
    let disputes = stripe.objects("dispute");
    assert_eq!(disputes[0]["charge"], paid["charge"]);
    stripe.close_dispute(disputes[0]["id"].as_str().unwrap(), false).unwrap();
    assert_eq!(state(&project, 1), "disputed", "the money is gone");
}

#[test]
fn money_from_outside_and_void_invoices() {
    let project = billed();
    let stripe = &project.stripe;
    let (first, second) = (invoice(&project, 0), invoice(&project, 1));
    person::post(stripe, &format!("/v1/invoices/{first}/pay"), "paid_out_of_band=true");
    assert_eq!(state(&project, 0), "paid");
    assert_eq!(row(&project, 0)["payment_details"]["paid_outside"], 8000);
    person::post(stripe, &format!("/v1/invoices/{second}/void"), "");
    assert_eq!(state(&project, 1), "void");
}

#[test]
fn the_sheet_shows_it_after_one_poll() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    assert_eq!(written(&project, "Payment", 0), "");
    let told = poll(&project);
    assert_eq!(told["changed"].as_array().unwrap().len(), 2, "{told:#}");
    assert_eq!((written(&project, "Payment", 0), written(&project, "Amount", 0)), ("paid".into(), "80.00".into()));
    assert!(written(&project, "Paid", 0).ends_with('Z'), "{}", written(&project, "Paid", 0));
    assert_eq!((written(&project, "Payment", 1), written(&project, "Amount", 1)), ("open".into(), "0.00".into()));
    assert_eq!(written(&project, "Billed", 0), "done");
    // A run writes the same.
    project.run_all().exits(0);
    assert_eq!(written(&project, "Payment", 0), "paid");
    let listed = project.run(&["payments", "list", "bills", "--state", "paid"]);
    let payments = listed.json["payments"].as_array().unwrap();
    assert_eq!((payments.len(), &payments[0]["key"]), (1, &json!(KEYS[0].split(',').collect::<Vec<_>>())));
}

#[test]
fn a_second_poll_finds_nothing_new_and_reads_nothing_again() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    assert!(poll(&project)["new_events"].as_u64().unwrap() > 0);
    let mark = project.mark();
    let again = poll(&project);
    assert_eq!((&again["new_events"], &again["applied_events"]), (&json!(0), &json!(0)));
    let reads = project.stripe.journal()[mark..].len();
    assert!(reads <= 4, "{reads} requests");
}

#[test]
fn what_happened_in_a_month_of_silence_is_found() {
    let project = billed();
    poll(&project);
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    project.advance(Duration::from_hours(28 * 24));
    assert_eq!(state(&project, 0), "paid");
}

#[test]
fn what_cannot_be_read_waits_for_the_next_poll() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    project.stripe.revoke_key();
    assert_eq!(project.run(&["payments", "poll", "--all"]).code, 12);
    project.stripe.restore_key();
    project.stripe.faults().script(Rule::on("GET /v1/payment_intents/{intent}", Fault::RejectBefore(400)));
    let stopped = project.run(&["payments", "poll", "--all"]);
    assert_eq!((stopped.code, &stopped.json["accounts"][0]["applied_events"]), (5, &json!(0)), "{stopped:#?}");
    assert_eq!(row(&project, 0)["payment"], Value::Null);
    project.stripe.faults().clear();
    assert_eq!(state(&project, 0), "paid");
}

#[test]
fn invoices_of_others_are_nobodys_business() {
    let project = billed();
    poll(&project);
    let customer = person::customer(&project.stripe, "stranger@example.org");
    person::stray_item(&project.stripe, &customer);
    let form = format!(
        "customer={customer}&pending_invoice_items_behavior=include&collection_method=send_invoice&days_until_due=7"
    );
    let theirs = person::post(&project.stripe, "/v1/invoices", &form)["id"].as_str().unwrap().to_owned();
    person::post(&project.stripe, &format!("/v1/invoices/{theirs}/finalize"), "");
    project.stripe.pay(&theirs, VISA, None).unwrap();
    let told = poll(&project);
    assert_eq!(told["changed"], json!([]));
    assert!(told["applied_events"].as_u64().unwrap() > 0);
}

#[test]
fn a_daemon_polls_by_itself_and_on_demand() {
    let mut project = billed();
    let stripe = project.stripe.clone();
    project.account("acme", &stripe, "payments: { poll: 1s }");
    let daemon = Daemon::start(&project);
    stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    daemon.until("payment", |line| line["state"] == "paid");
    stripe.pay(&invoice(&project, 1), "4000000000000002", None).unwrap();
    project.run_beside(&["payments", "poll", "acme"]).exits(0);
    assert_eq!(row(&project, 1)["payment"], "failed");
    let (code, _) = daemon.stop();
    assert_eq!(code, 143);
    assert_eq!((written(&project, "Payment", 0), written(&project, "Payment", 1)), ("paid".into(), "failed".into()));
}

#[test]
fn payments_go_with_a_renamed_connection() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    poll(&project);
    let mapping = project.read("mappings/bills.yaml");
    std::fs::remove_file(project.path("mappings/bills.yaml")).unwrap();
    project.mapping("invoices", &mapping);
    project.run(&["ledger", "rename", "bills", "invoices"]).exits(0);
    let row = project.run(&["rows", "invoices", KEYS[0]]).json["rows"][0].clone();
    assert_eq!(row["payment"], "paid");
    assert_eq!(project.run(&["payments", "list", "invoices"]).json["payments"].as_array().unwrap().len(), 2);
}
