//! Payments by hand: claimed, confirmed, cancelled.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::{Value, json};

use super::{KEYS, VISA, billed, invoice, row, written};
use crate::support::{Daemon, Output, Project, journal};

fn claim(project: &Project) -> String {
    let claimed =
        project.run_beside(&["payments", "claim", "bills", KEYS[0], "--method", "bank", "--note", "she wrote"]);
    claimed.exits(0).json["claim"]["id"].as_str().unwrap().to_owned()
}

fn confirm(project: &Project, claim: &str, amount: &str) -> Output {
    let args = ["payments", "confirm", claim, "--amount", amount, "--date", "2026-11-27", "--reference", "RF18"];
    project.run_beside(&args)
}

fn pays(project: &Project) -> usize {
    journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/pay").len()
}

#[track_caller]
fn is_refused(output: &Output, code: &str) {
    assert_eq!((output.json["result"].as_str(), output.codes()), (Some("refused"), vec![code]), "{output:#?}");
}

#[test]
fn a_claim_is_confirmed_and_once_only() {
    let project = billed();
    let id = claim(&project);
    assert_eq!(claim(&project), id, "the same is said twice");
    assert_eq!(pays(&project), 0);
    is_refused(&confirm(&project, &id, "79.99"), "claims.amount");
    is_refused(&confirm(&project, &id, "80,00"), "claims.amount");
    assert_eq!(pays(&project), 0);
    for _ in 0..2 {
        let confirmed = confirm(&project, &id, "80.00");
        assert_eq!(confirmed.exits(0).json["claim"]["state"], "confirmed");
    }
    assert_eq!(pays(&project), 1);
    let row = row(&project, 0);
    assert_eq!((&row["payment"], &row["payment_details"]["paid_outside"]), (&json!("paid"), &json!(8000)));
    assert_eq!((written(&project, "Payment", 0), written(&project, "Amount", 0)), ("paid".into(), "80.00".into()));
    is_refused(&project.run(&["payments", "cancel", &id, "--reason", "no"]), "claims.state");
    let listed = project.run(&["payments", "list", "--claimed"]);
    let claim = &listed.json["claims"][0];
    let did: Vec<&Value> = claim["history"].as_array().unwrap().iter().map(|step| &step["did"]).collect();
    assert_eq!(did, ["claimed", "confirming", "confirmed"], "nothing of it disappears: {claim:#}");
    assert_eq!(
        (&claim["amount"], &claim["reference"], &claim["note"]),
        (&json!(8000), &json!("RF18"), &json!("she wrote"))
    );
}

#[test]
fn a_claim_is_cancelled_and_stays_on_record() {
    let project = billed();
    let id = claim(&project);
    for _ in 0..2 {
        let cancelled = project.run(&["payments", "cancel", &id, "--reason", "nothing came"]);
        assert_eq!(cancelled.exits(0).json["claim"]["state"], "cancelled");
    }
    is_refused(&confirm(&project, &id, "80.00"), "claims.state");
    assert_eq!(pays(&project), 0);
    assert_ne!(claim(&project), id, "a new claim is another one");
    assert_eq!(project.run(&["payments", "list", "--claimed"]).json["claims"].as_array().unwrap().len(), 2);
}

#[test]
fn a_lost_answer_pays_once() {
    let project = billed();
    let id = claim(&project);
    let lost = Rule::on("POST /v1/invoices/{invoice}/pay", Fault::DropAfterCommit).counted(0, 1);
    project.stripe.faults().script(lost);
    assert_eq!(confirm(&project, &id, "80.00").exits(0).json["claim"]["state"], "confirmed");
    let keys: std::collections::BTreeSet<_> = journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/pay")
        .into_iter()
        .map(|post| post.key)
        .collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn what_was_paid_by_card_meanwhile_is_not_paid_again() {
    let project = billed();
    let id = claim(&project);
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    is_refused(&confirm(&project, &id, "80.00"), "claims.nothing_left");
    assert_eq!(pays(&project), 0);
    project.run(&["payments", "cancel", &id, "--reason", "paid by card"]).exits(0);
}

#[test]
fn what_has_no_invoice_or_no_claim_is_refused() {
    let project = billed();
    is_refused(&project.run(&["payments", "claim", "bills", "B-9,x@example.org", "--method", "cash"]), "config.key");
    is_refused(&confirm(&project, "01M8", "80.00"), "claims.unknown");
    let id = claim(&project);
    let args = ["payments", "confirm", &id, "--amount", "80.00", "--date", "27.11.2026"];
    is_refused(&project.run(&args), "claims.date");
}

#[test]
fn beside_a_daemon_the_daemon_does_it() {
    let project = billed();
    let daemon = Daemon::start(&project);
    let id = claim(&project);
    assert_eq!(confirm(&project, &id, "80.00").exits(0).json["claim"]["state"], "confirmed");
    assert_eq!(row(&project, 0)["payment"], "paid");
    assert_eq!(daemon.stop().0, 143);
    assert_eq!(written(&project, "Payment", 0), "paid");
}

#[test]
fn the_money_of_an_invoice_is_of_one_claim() {
    let project = billed();
    let bank = claim(&project);
    let cash = project.run(&["payments", "claim", "bills", KEYS[0], "--method", "cash"]).json["claim"]["id"].clone();
    let cash = cash.as_str().unwrap();
    // The answer to the first one is lost for good: it is not the other one's.
    let lost = Rule::on("POST /v1/invoices/{invoice}/pay", Fault::FailUncommitted(500)).counted(0, 100);
    project.stripe.faults().script(lost);
    confirm(&project, &bank, "80.00");
    project.stripe.faults().clear();
    is_refused(&confirm(&project, cash, "80.00"), "claims.state");
    project.advance(Duration::from_mins(7));
    confirm(&project, &bank, "80.00").exits(0);
    is_refused(&confirm(&project, cash, "80.00"), "claims.nothing_left");
    project.run(&["payments", "cancel", cash, "--reason", "it was the same money"]).exits(0);
}

#[test]
fn a_claim_that_was_refused_is_not_confirmed_by_another_ones_money() {
    let project = billed();
    let bank = claim(&project);
    project.stripe.faults().script(Rule::on("POST /v1/invoices/{invoice}/pay", Fault::RejectBefore(402)));
    confirm(&project, &bank, "80.00");
    let cash = project.run(&["payments", "claim", "bills", KEYS[0], "--method", "cash"]).json["claim"]["id"].clone();
    confirm(&project, cash.as_str().unwrap(), "80.00").exits(0);
    is_refused(&confirm(&project, &bank, "80.00"), "claims.nothing_left");
    project.run(&["payments", "cancel", &bank, "--reason", "it was cash"]).exits(0);
}

#[test]
fn an_open_confirmation_keeps_its_amount() {
    let project = billed();
    let id = claim(&project);
    let lost = Rule::on("POST /v1/invoices/{invoice}/pay", Fault::FailAfterCommit(500)).counted(0, 4);
    project.stripe.faults().script(lost);
    confirm(&project, &id, "80.00");
    is_refused(&confirm(&project, &id, "8.00"), "claims.amount");
    project.advance(Duration::from_mins(7));
    assert_eq!(confirm(&project, &id, "80.00").exits(0).json["claim"]["amount"], 8000);
}

#[test]
fn what_is_marked_as_paid_already_is_confirmed_without_a_request() {
    let project = billed();
    let id = claim(&project);
    let by_hand = format!("/v1/invoices/{}/pay", invoice(&project, 0));
    crate::support::person::post(&project.stripe, &by_hand, "paid_out_of_band=true");
    let before = pays(&project);
    is_refused(&confirm(&project, &id, "79.00"), "claims.nothing_left");
    confirm(&project, &id, "80.00").exits(0);
    assert_eq!(pays(&project), before);
}
