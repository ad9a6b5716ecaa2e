//! What is done to invoices from rows: each row once, and never more money back than came.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::Value;

use super::{KEYS, VISA, billed, invoice, row, written};
use crate::support::{Daemon, Output, Project, journal, samples};

const REFUND: &str = "POST /v1/refunds";

/// A connection that does something to the invoice of each row.
fn acting(project: &Project, act: &str, more: &str) {
    project.mapping(
        "acts",
        &format!(
            r#"
account: acme
source:
  csv:
    path: data/acts.csv
    columns:
      id: {{ header: "Id", required: true }}
      bill: {{ header: "Bill" }}
      email: {{ header: "E-mail", type: email }}
      amount: {{ header: "Amount", type: money, currency: EUR }}
      paid_on: {{ header: "Day", type: date }}
      state: {{ header: "State" }}
key: [id]
first_run: all
{act}:
  invoice: {{ from: bills, key: ["${{{{ row.bill }}}}", "${{{{ row.email }}}}"] }}
{more}"#
        ),
    );
}

/// Rows of an id, the number of a bill, and what else they say.
fn rows(project: &Project, rows: &[(&str, usize, &str)]) {
    let line = |(id, nth, rest): &(&str, usize, &str)| format!("{id},{},{rest}", KEYS[*nth]);
    project.csv("acts", &format!("Id,Bill,E-mail,Amount,Day,State\n{}", samples::lines(rows.iter().map(line))));
}

fn run(project: &Project) -> Output {
    project.run(&["run-now", "acts"])
}

fn refunds(project: &Project) -> Vec<i64> {
    project.stripe.objects("refund").iter().filter_map(|refund| refund["amount"].as_i64()).collect()
}

#[test]
fn each_act_is_done_once() {
    for (act, from, to) in [
        ("finalize_invoice", "draft", "open"),
        ("send_invoice", "open", "open"),
        ("void_invoice", "open", "void"),
        ("mark_uncollectible", "open", "uncollectible"),
    ] {
        let project = billed();
        if from == "draft" {
            project.edit("mappings/bills.yaml", "finish: finalize", "finish: draft");
            project.csv("bills", "Bill,E-mail,What,Total\nB-3,fay@example.org,Chair,80.00\n");
            project.run(&["run-now", "bills"]).exits(0);
        }
        acting(&project, act, "");
        let key = if from == "draft" { "B-3,fay@example.org" } else { KEYS[0] };
        project.csv("acts", &format!("Id,Bill,E-mail,Amount,Day,State\n1,{key},,,\n"));
        let status = || {
            let id = project.object("bills", key, "create_invoice");
            let invoices = project.stripe.objects("invoice");
            invoices.iter().find(|one| one["id"] == *id).unwrap()["status"].clone()
        };
        assert_eq!(status(), from);
        let mark = project.mark();
        assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 done", "{act}");
        assert_eq!((status(), project.posts_since(mark).len()), (Value::from(to), 1), "{act}");
        let mark = project.mark();
        assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 already_done", "{act}");
        assert_eq!(project.posts_since(mark), [""; 0]);
    }
}

#[test]
fn an_invoice_is_paid_by_the_cards_that_the_customer_has_left() {
    let project = billed();
    acting(&project, "pay_invoice", "");
    rows(&project, &[("1", 0, ",,"), ("2", 1, ",,")]);
    // Nobody has left a card: Stripe says so, and the row fails once.
    let first = run(&project);
    assert_eq!(first.exits(3).tally("acts"), "2 = 2 failed");
    let mark = project.mark();
    assert_eq!(run(&project).tally("acts"), "2 = 2 failed");
    assert_eq!(project.posts_since(mark), [""; 0], "it is not tried again by itself");
    // One was paid by hand since: nothing is left to do.
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    project.run(&["rows", "retry", "acts", "1"]).exits(0);
    assert_eq!(run(&project).tally("acts"), "2 = 1 done + 1 failed");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn a_refund_is_shown_where_the_bill_comes_from() {
    let project = billed();
    acting(&project, "create_refund", "  amount: ${{ row.amount }}\n  reason: requested_by_customer\n");
    rows(&project, &[("R-1", 0, "30.00,,")]);
    let early = run(&project);
    assert_eq!(early.exits(3).problems("acts"), ["R-1 failed row.nothing_left"]);
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 done");
    assert_eq!(refunds(&project), [3000]);
    assert_eq!(row(&project, 0)["payment"], "part_refunded");
    assert_eq!(written(&project, "Payment", 0), "part refunded");
    assert_eq!(project.row("acts", "R-1")["payment"], "part_refunded", "the row of the refund tells it too");
    // More than is left is refused before anything is sent; what is left without an amount is all of it.
    rows(&project, &[("R-1", 0, "30.00,,"), ("R-2", 0, "50.01,,"), ("R-3", 1, "1.00,,")]);
    let mark = project.mark();
    let over = run(&project);
    let mut told = over.exits(3).problems("acts");
    told.sort();
    assert_eq!(told, ["R-2 failed row.too_much", "R-3 failed row.nothing_left"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
    rows(&project, &[("R-1", 0, "30.00,,"), ("R-2", 0, ",,")]);
    assert_eq!(run(&project).exits(0).tally("acts"), "2 = 1 done + 1 already_done");
    assert_eq!(refunds(&project), [3000, 5000]);
    assert_eq!(written(&project, "Payment", 0), "refunded");
    let mark = project.mark();
    assert_eq!(run(&project).exits(0).tally("acts"), "2 = 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn no_fault_and_no_loss_refunds_twice() {
    let faults = [
        Fault::DropAfterCommit,
        Fault::DropBefore,
        Fault::FailAfterCommit(500),
        Fault::FailUncommitted(500),
        Fault::GarbleAfterCommit,
        Fault::RejectBefore(503),
        Fault::InUse409,
        Fault::LockTimeout,
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        let project = billed();
        project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
        acting(&project, "create_refund", "  amount: ${{ row.amount }}\n");
        rows(&project, &[("R-1", 0, "40.00,,"), ("R-2", 0, "40.00,,"), ("R-3", 0, "40.00,,")]);
        project.run(&["ledger", "backup", "backup.db"]).exits(0);
        project.stripe.faults().script(Rule::on(REFUND, fault.clone()).counted(at as u64 % 3, 1));
        run(&project);
        // The ledger is lost in between: what was sent is not known any more.
        if at % 2 == 0 {
            project.lose_ledger();
            std::fs::copy(project.path("backup.db"), project.path("state/ledger.db")).unwrap();
        }
        for hours in [0, 1, 25] {
            project.advance(Duration::from_hours(hours));
            run(&project);
        }
        let last = run(&project);
        assert_eq!(refunds(&project), [4000, 4000], "{fault:?}: {last:#?}");
        let left: Vec<String> = last.problems("acts");
        assert_eq!(left.len(), 1, "{fault:?}: {left:?}");
        // Where it was sent when the others had taken all of it, Stripe has said so.
        let said = ["row.nothing_left", "stripe.charge_already_refunded"];
        assert!(said.iter().any(|code| left[0].ends_with(&format!("failed {code}"))), "{fault:?}: {left:?}");
    }
}

#[test]
fn an_invoice_is_lowered_by_a_credit_note() {
    let project = billed();
    acting(&project, "create_credit_note", "  amount: ${{ row.amount }}\n  reason: order_change\n");
    rows(&project, &[("C-1", 0, "30.00,,"), ("C-2", 1, "120.01,,")]);
    let first = run(&project);
    assert_eq!(first.exits(3).problems("acts"), ["C-2 failed row.too_much"]);
    project.lose_ledger();
    project.run(&["ledger", "rebuild"]).exits(0);
    assert_eq!(run(&project).tally("acts"), "2 = 1 done + 1 failed");
    let notes = project.stripe.objects("credit_note");
    assert_eq!(notes.iter().map(|note| note["total"].as_i64().unwrap()).collect::<Vec<_>>(), [3000]);
}

#[test]
fn an_invoice_is_not_mailed_again_after_the_ledger_was_made_again() {
    let project = billed();
    acting(&project, "send_invoice", "");
    rows(&project, &[("1", 0, ",,")]);
    run(&project).exits(0);
    project.lose_ledger();
    project.run(&["ledger", "rebuild"]).exits(0);
    let mark = project.mark();
    assert_eq!(run(&project).exits(16).problems("acts"), ["1 needs_review row.unsure"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
    project.run(&["rows", "resolve", "acts", "1", "--stripe-id", &invoice(&project, 0)]).exits(0);
    assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

#[test]
fn an_invoice_that_is_not_made_yet_is_waited_for() {
    let project = billed();
    acting(&project, "void_invoice", "");
    project.csv("acts", "Id,Bill,E-mail,Amount,Day,State\n1,B-9,zoe@example.org,,,\n");
    assert_eq!(run(&project).exits(5).problems("acts"), ["1 deferred row.invoice_not_yet"]);
    project.csv("bills", "Bill,E-mail,What,Total\nB-9,zoe@example.org,Lamp,10.00\n");
    project.run(&["run-now", "bills"]);
    assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 done");
}

const CLAIM: &str = "  state: ${{ row.state }}\n  method: bank\n  amount: ${{ row.amount }}\n  paid_on: ${{ row.paid_on }}\n  \
                     reason: not there\n";

fn claims(project: &Project) -> Vec<String> {
    let listed = project.run(&["payments", "list", "--claimed"]);
    let told = |claim: &Value| format!("{} {}", claim["key"][0].as_str().unwrap(), claim["state"].as_str().unwrap());
    let mut told: Vec<String> = listed.json["claims"].as_array().unwrap().iter().map(told).collect();
    told.sort();
    told
}

#[test]
fn claims_of_a_file_are_confirmed_or_cancelled_and_nothing_is_paid_twice() {
    let pays = |project: &Project| journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/pay").len();
    let project = billed();
    acting(&project, "record_payment", CLAIM);
    rows(&project, &[("P-1", 0, ",,claimed"), ("P-2", 1, ",,claimed")]);
    for tally in ["2 = 2 done", "2 = 2 already_done"] {
        assert_eq!(run(&project).exits(0).tally("acts"), tally);
    }
    assert_eq!((claims(&project), pays(&project)), (vec!["B-1 claimed".into(), "B-2 claimed".into()], 0));
    // Not all of it came: that is said, each time, and nothing is marked as paid.
    rows(&project, &[("P-1", 0, "79.00,2026-11-27,confirmed"), ("P-2", 1, ",,cancelled")]);
    for _ in 0..2 {
        assert_eq!(run(&project).exits(3).problems("acts"), ["P-1 failed claims.amount"]);
    }
    rows(&project, &[("P-1", 0, "80.00,2026-11-27,confirmed"), ("P-2", 1, ",,cancelled")]);
    project.stripe.faults().script(Rule::on("POST /v1/invoices/{invoice}/pay", Fault::DropAfterCommit));
    run(&project).exits(0);
    let mark = project.mark();
    assert_eq!(run(&project).exits(0).tally("acts"), "2 = 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
    assert_eq!(claims(&project), ["B-1 confirmed", "B-2 cancelled"]);
    assert_eq!(row(&project, 0)["payment_details"]["paid_outside"], 8000);
    assert_eq!((written(&project, "Payment", 0), written(&project, "Payment", 1)), ("paid".into(), String::new()));
    // Another row about the same money finds nothing left to pay.
    rows(&project, &[("P-1", 0, "80.00,2026-11-27,confirmed"), ("P-9", 0, "80.00,2026-11-27,confirmed")]);
    assert_eq!(run(&project).exits(3).problems("acts"), ["P-9 failed claims.nothing_left"]);
    let paid: std::collections::BTreeSet<_> = journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/pay")
        .into_iter()
        .map(|post| post.key)
        .collect();
    assert_eq!(paid.len(), 1);
}

#[test]
fn what_cannot_be_asked_of_an_act_is_told_without_a_run() {
    let project = billed();
    let refused = |act: &str, more: &str, code: &str| {
        acting(&project, act, more);
        project.run(&["validate"]).refused(10, &[code]);
    };
    refused("create_refund", "  payment_intent: pi_1\n", "mapping.reserved");
    refused("pay_invoice", "  paid_out_of_band: true\n", "mapping.reserved");
    refused("void_invoice", "  reason: no\n", "mapping.unknown_parameter");
    refused("record_payment", "  note: hello\n", "mapping.missing_parameter");
    acting(&project, "create_refund", "");
    project.edit("mappings/acts.yaml", "from: bills", "from: nobody");
    project.run(&["validate"]).refused(10, &["config.unknown_connection"]);
    acting(&project, "create_refund", "");
    project.run(&["send-test", "acts"]).refused(1, &["send_test.no_invoice"]);
}

/// Random rows about one payment, with faults at random, run again and again, and edited in between.
#[test]
fn whatever_the_order_of_retries_no_more_goes_back_than_came() {
    for seed in crate::faults::seeds().flat_map(|seed| seed..seed + 6) {
        let mut random = StdRng::seed_from_u64(seed);
        let project = billed();
        project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
        acting(&project, "create_refund", "  amount: ${{ row.amount }}\n");
        let faults =
            [Fault::DropAfterCommit, Fault::FailAfterCommit(500), Fault::FailUncommitted(500), Fault::LockTimeout];
        for (at, fault) in faults.into_iter().enumerate() {
            project.stripe.faults().script(Rule::on(REFUND, fault).counted(at as u64 + random.random_range(0..3), 1));
        }
        let mut all: Vec<(String, String)> = (1..=6)
            .map(|id| {
                (format!("R-{id}"), format!("{}.{:02},,", random.random_range(1..40), random.random_range(0..100)))
            })
            .collect();
        for round in 0..6 {
            all.shuffle(&mut random);
            let some: Vec<(&str, usize, &str)> =
                all.iter().take(3 + round).map(|(id, rest)| (id.as_str(), 0, rest.as_str())).collect();
            rows(&project, &some);
            run(&project);
            project.advance(Duration::from_mins(random.random_range(0..3) * 7));
        }
        let back: i64 = refunds(&project).iter().sum();
        assert!(back <= 8000, "seed {seed}: {back} of 8000 went back");
        let mut marks: Vec<String> = project
            .stripe
            .objects("refund")
            .iter()
            .map(|refund| refund["metadata"]["rowbill_op"].as_str().unwrap().to_owned())
            .collect();
        let count = marks.len();
        marks.sort();
        marks.dedup();
        assert_eq!(marks.len(), count, "seed {seed}: a row was refunded twice");
    }
}

#[test]
fn a_refund_whose_row_is_gone_is_settled_all_the_same() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    acting(&project, "create_refund", "  amount: ${{ row.amount }}\n");
    rows(&project, &[("R-1", 0, "30.00,,")]);
    project.stripe.faults().script(Rule::on(REFUND, Fault::FailAfterCommit(500)).counted(0, 4));
    run(&project).exits(5);
    rows(&project, &[]);
    project.advance(Duration::from_mins(7));
    run(&project);
    let row = project.row("acts", "R-1");
    assert_eq!((&row["state"], refunds(&project)), (&Value::from("done"), vec![3000]), "{row:#}");
}

#[test]
fn an_invoice_that_is_not_as_its_rows_say_is_not_finalized_from_elsewhere() {
    let project = billed();
    project.csv("bills", "Bill,E-mail,What,Total\nB-3,fay@example.org,Chair,80.00\nB-3,fay@example.org,Desk,20.00\n");
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::RejectBefore(402)).counted(1, 1));
    project.run(&["run-now", "bills"]).exits(3);
    acting(&project, "finalize_invoice", "");
    project.csv("acts", "Id,Bill,E-mail,Amount,Day,State\n1,B-3,fay@example.org,,,\n");
    let mark = project.mark();
    assert_eq!(run(&project).exits(5).problems("acts"), ["1 deferred row.invoice_not_yet"]);
    assert_eq!(project.posts_since(mark), [""; 0]);
    project.run(&["rows", "retry", "bills", "B-3,fay@example.org"]).exits(0);
    project.run(&["run-now", "bills"]).exits(0);
    assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 done");
}

#[test]
fn a_refund_that_a_lost_ledger_made_of_another_amount_is_a_question() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    acting(&project, "create_refund", "  amount: ${{ row.amount }}\n");
    rows(&project, &[("R-1", 0, "40.00,,")]);
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    run(&project).exits(0);
    project.lose_ledger();
    std::fs::copy(project.path("backup.db"), project.path("state/ledger.db")).unwrap();
    rows(&project, &[("R-1", 0, "60.00,,")]);
    assert_eq!(run(&project).exits(16).problems("acts"), ["R-1 needs_review row.check_amount"]);
    assert_eq!(refunds(&project), [4000]);
    assert_eq!(run(&project).exits(16).problems("acts"), ["R-1 needs_review row.check_amount"]);
    project.run(&["rows", "accept", "acts", "R-1"]).exits(0);
    assert_eq!(run(&project).exits(0).tally("acts"), "1 = 1 already_done");
    assert_eq!(refunds(&project), [4000]);
}

#[test]
fn beside_other_runs_the_daemon_shows_it_once_none_writes_there() {
    let project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    acting(&project, "create_refund", "  amount: ${{ row.amount }}\nschedule: { every: 2s }\n");
    rows(&project, &[("R-1", 0, "30.00,,")]);
    let daemon = Daemon::start(&project);
    daemon.nth("run_finished", 0, |line| line["connection"] == "acts" && line["done"] == 1);
    journal::until("the refund in the file of the bills", || written(&project, "Payment", 0) == "part refunded");
    daemon.stop();
}
