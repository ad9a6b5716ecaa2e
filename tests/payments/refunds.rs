//! Refunds that a person asks for: a plan, a yes, and never more back than came.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::{Value, json};

use super::{KEYS, VISA, billed, invoice, row, written};
use crate::support::{Daemon, Output, Project, journal};

const REFUND: &str = "POST /v1/refunds";

/// The first bill, of EUR 80.00, paid by card.
fn paid() -> Project {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    project
}

fn refund(project: &Project, more: &[&str]) -> Output {
    project.run_beside(&[&["payments", "refund", "bills", KEYS[0]], more].concat())
}

fn refunds(project: &Project) -> Vec<i64> {
    project.stripe.objects("refund").iter().filter_map(|refund| refund["amount"].as_i64()).collect()
}

#[track_caller]
fn is_refused(output: &Output, code: &str) {
    assert_eq!((output.json["result"].as_str(), output.codes()), (Some("refused"), vec![code]), "{output:#?}");
}

#[test]
fn it_is_planned_then_done_and_shown() {
    let project = paid();
    let mark = project.mark();
    let plan = refund(&project, &["--amount", "30.00", "--dry-run"]);
    let planned = &plan.exits(0).json["refund"];
    let told = |refund: &Value| ["paid", "refunded_before", "amount"].map(|name| refund[name].as_i64().unwrap());
    assert_eq!((told(planned), &planned["refund"]), ([8000, 0, 3000], &Value::Null));
    is_refused(&refund(&project, &["--amount", "30.00"]), "guard.refund");
    is_refused(&refund(&project, &["--amount", "80.01", "--yes"]), "row.too_much");
    is_refused(&refund(&project, &["--amount", "30,00", "--yes"]), "claims.amount");
    assert_eq!(project.posts_since(mark), [""; 0]);
    let done = refund(&project, &["--amount", "30.00", "--reason", "duplicate", "--yes"]);
    assert_eq!(told(&done.exits(0).json["refund"]), [8000, 0, 3000]);
    assert_eq!(project.stripe.objects("refund")[0]["reason"], "duplicate");
    assert_eq!(
        (row(&project, 0)["payment"].clone(), written(&project, "Payment", 0)),
        (json!("part_refunded"), "part refunded".into())
    );
    // Without an amount: all that is left; and then nothing.
    assert_eq!(told(&refund(&project, &["--yes"]).exits(0).json["refund"]), [8000, 3000, 5000]);
    is_refused(&refund(&project, &["--yes"]), "row.nothing_left");
    assert_eq!((refunds(&project), written(&project, "Payment", 0)), (vec![3000, 5000], "refunded".into()));
}

#[test]
fn one_whose_answer_is_missing_is_settled_before_another_begins() {
    for (fault, hours) in [(Fault::FailAfterCommit(500), 0), (Fault::FailUncommitted(500), 25)] {
        let project = paid();
        project.stripe.faults().script(Rule::on(REFUND, fault.clone()).counted(0, 100));
        let lost = refund(&project, &["--amount", "30.00", "--yes"]);
        assert_eq!(lost.json["result"], "refused", "{fault:?}");
        project.stripe.faults().clear();
        project.advance(Duration::from_hours(hours) + Duration::from_mins(7));
        // Whatever is asked for now, the first one comes first.
        is_refused(&refund(&project, &["--amount", "50.00", "--yes"]), "payments.earlier");
        let again = refund(&project, &["--amount", "30", "--yes"]);
        assert_eq!(
            (&again.exits(0).json["refund"]["is_earlier"], refunds(&project)),
            (&json!(true), vec![3000]),
            "{fault:?}"
        );
        refund(&project, &["--amount", "50.00", "--yes"]).exits(0);
        is_refused(&refund(&project, &["--amount", "0.01", "--yes"]), "row.nothing_left");
        assert_eq!(refunds(&project), [3000, 5000], "{fault:?}");
    }
}

#[test]
fn a_lost_ledger_does_not_pay_back_twice() {
    let project = paid();
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    refund(&project, &["--amount", "50.00", "--yes"]).exits(0);
    project.lose_ledger();
    std::fs::copy(project.path("backup.db"), project.path("state/ledger.db")).unwrap();
    is_refused(&refund(&project, &["--amount", "50.00", "--yes"]), "row.too_much");
    refund(&project, &["--amount", "30.00", "--yes"]).exits(0);
    assert_eq!(refunds(&project), [5000, 3000]);
    let keys: std::collections::BTreeSet<_> =
        journal::posts_of(&project.stripe, REFUND).into_iter().map(|post| post.key).collect();
    assert_eq!(keys.len(), 2, "each refund has a key of its own");
}

#[test]
fn what_was_paid_outside_does_not_go_back_through_stripe() {
    let project = billed();
    is_refused(&refund(&project, &["--yes"]), "row.nothing_left");
    let claim = project.run(&["payments", "claim", "bills", KEYS[0], "--method", "bank"]).json["claim"]["id"].clone();
    let args = ["payments", "confirm", claim.as_str().unwrap(), "--amount", "80.00", "--date", "2026-11-27"];
    project.run(&args).exits(0);
    is_refused(&refund(&project, &["--yes"]), "row.nothing_left");
    assert_eq!(journal::posts_of(&project.stripe, REFUND).len(), 0);
}

#[test]
fn beside_a_daemon_the_daemon_does_it() {
    let project = paid();
    let daemon = Daemon::start(&project);
    refund(&project, &["--amount", "30.00", "--yes"]).exits(0);
    assert_eq!((refunds(&project), written(&project, "Payment", 0)), (vec![3000], "part refunded".into()));
    daemon.stop();
}
