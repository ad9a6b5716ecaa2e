//! The command itself: forms, files, days, and what it refuses.

use std::fs;
use std::process::Command;

use rowbill_stripe_sandbox::{Fault, Rule};

use super::month::{VISA, invoice};
use crate::support::{Project, journal, person};

fn paid() -> Project {
    let project = Project::new();
    let customer = person::customer(&project.stripe, "fay@example.org");
    project.stripe.pay(&invoice(&project.stripe, &customer, "eur", 1_234_567), VISA, None).unwrap();
    project
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let project = paid();
    let run = |args: &[&str]| project.command(&[&["report", "cashflow"], args].concat()).output().unwrap();
    project.write("flow.csv", "old");
    let output = run(&["-o", "csv", "--out", "flow.csv"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:#?}");
    let file = project.read("flow.csv");
    assert!(file.starts_with("account,from,to,currency,invoiced,") && file.contains(",EUR,12345.67,"), "{file}");
    assert_eq!(run(&["-o", "csv"]).stdout, file.as_bytes());

    project.stripe.revoke_key();
    assert_eq!(run(&["-o", "csv", "--out", "flow.csv"]).status.code(), Some(12));
    assert_eq!(project.read("flow.csv"), file, "what could not be asked is not written");
    project.stripe.restore_key();
    let nowhere = project.run_beside(&["report", "cashflow", "--out", "nowhere/flow.json"]);
    nowhere.refused(1, &["report.not_written"]);
    let left = fs::read_dir(project.root())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".report-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn text_is_for_people() {
    let project = paid();
    let output = project.command(&["report", "cashflow"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("acme test ") && text.contains("12,345.67"), "{text}");
    let empty = Project::new().command(&["report", "cashflow"]).output().unwrap();
    assert!(String::from_utf8(empty.stdout).unwrap().contains("nothing was invoiced, paid or owed"));
}

#[test]
fn no_ledger_is_needed_and_nothing_is_sent() {
    let project = paid();
    let mark = project.mark();
    project.run_beside(&["report", "cashflow"]).exits(0);
    assert_eq!(project.posts_since(mark), [""; 0]);
    assert!(!project.path("state/ledger.db").exists());
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let project = paid();
    let faults = project.stripe.faults();
    faults.script(Rule::on("GET /v1/balance_transactions", Fault::Hold));
    let mut child = project.spawn(&["report", "cashflow", "--out", "flow.json"]);
    journal::until("a held request", || faults.held() == 1);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!project.path("flow.json").exists());
}

#[test]
fn a_server_that_stumbles_changes_no_number() {
    let project = paid();
    let told = || project.run_beside(&["report", "cashflow"]).exits(0).json.clone();
    let calm = told();
    for fault in [Fault::RejectBefore(503), Fault::DropBefore, Fault::GarbleAfterCommit, Fault::LockTimeout] {
        for list in ["balance_transactions", "payouts", "invoices", "invoice_payments"] {
            project.stripe.faults().script(Rule::on(&format!("GET /v1/{list}"), fault.clone()));
        }
        assert_eq!(told(), calm, "{fault:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let project = paid();
    let refused = |args: &[&str], exit, code: &str| {
        project.run_beside(&[&["report", "cashflow"], args].concat()).refused(exit, &[code]);
    };
    refused(&["--from", "2026-11-02", "--to", "2026-11-01"], 2, "report.days");
    refused(&["--from", "1900-01-01", "--to", "2026-11-01", "--by", "day"], 2, "report.days");
    refused(&["--account", "nobody"], 10, "config.unknown_account");
    project.key("acme", "rk_test_acme0000000000");
    project.stripe.set_permissions(Some(vec!["invoice_read".to_owned()]));
    refused(&[], 12, "stripe.permission");
    project.stripe.set_permissions(Some(
        ["invoice_read", "balance_transaction_source_read", "payout_read"].map(str::to_owned).to_vec(),
    ));
    project.run_beside(&["report", "cashflow"]).exits(0);
    project.stripe.revoke_key();
    refused(&[], 12, "stripe.key_refused");

    let usage = |args: &[&str], told: &str| {
        let output = project.command(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:#?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(told), "{stderr}");
    };
    usage(&["report", "cashflow", "--from", "1.11.2026"], "a day is written as 2026-11-01");
    usage(&["report", "cashflow", "--to", "2026-02-30"], "a day is written as 2026-11-01");
    for form in ["csv", "svg"] {
        usage(&["status", "-o", form], "only `report` has the output forms csv and svg");
        usage(&["run-now", "--all", "-o", form], "only `report` has the output forms csv and svg");
    }
}
