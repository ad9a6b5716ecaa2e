//! The ledger: missing, locked, restored from an old backup.

use std::fs;
use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Options, Rule};

use crate::support::business::Business;
use crate::support::{Project, books, journal, project, samples};

const NAMES: [&str; 3] = ["customers", "items", "bills"];

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.mapping("bills", samples::BILLS);
    project.csv("customers", &samples::customers(4));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\n");
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\n");
    project
}

fn grow(project: &Project) {
    project.csv("customers", &samples::customers(9));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,5.00\nA-3,9,7.00\nA-4,1,1.00\n");
    let bills = "B-1,fay@example.org,Chair,80.00\nB-1,fay@example.org,Box,1.00\nB-2,gus@example.org,Sofa,99.99\n";
    project.csv("bills", &format!("Bill,E-mail,What,Total\n{bills}"));
}

fn objects(project: &Project) -> [usize; 3] {
    ["customer", "invoiceitem", "invoice"].map(|kind| journal::made(&project.stripe, kind).len())
}

/// Puts a backup in the place of the ledger.
fn restore(project: &Project) {
    project.lose_ledger();
    fs::copy(project.path("backup.db"), project.path("state/ledger.db")).unwrap();
}

#[test]
fn a_missing_ledger_is_not_made_again_when_stripe_knows_us() {
    let project = project();
    project.run_all().exits(0);
    project.lose_ledger();
    let mark = project.mark();
    for wait in [0, 2, 48] {
        project.advance(Duration::from_hours(wait));
        project.run_all().refused(15, &["ledger.missing"]);
        project.run(&["run-now", "items"]).refused(15, &["ledger.missing"]);
    }
    assert!(project.posts_since(mark).is_empty() && !project.path("state/ledger.db").exists());
}

/// A ledger is of all connections: an empty one in the place of a lost one would bill the others again.
#[test]
fn a_missing_ledger_is_not_made_for_a_new_connection_beside_old_ones() {
    let project = project();
    project.run_all().exits(0);
    project.lose_ledger();
    project.advance(Duration::from_hours(2));
    project.mapping("fresh", &samples::BILLS.replace("Bill $", "Fresh $"));
    project.run(&["run-now", "fresh"]).refused(15, &["ledger.missing"]);
}

#[test]
fn a_ledger_in_use_is_not_opened_twice() {
    let project = project();
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold));
    let first = project.spawn(&["run-now", "customers"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    project.run_beside(&["run-now", "--all"]).refused(11, &["ledger.locked"]);
    project.run_beside(&["rows", "skip", "customers", "1"]).refused(11, &["ledger.locked"]);
    // Looking is not in the way.
    project.run_beside(&["status"]).exits(0);
    project.run_beside(&["rows", "customers"]).exits(0);
    project.stripe.faults().release();
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(0));
    project.run_all().exits(0);
}

/// R7: what was made since the backup is found by list, at once and after the keys are forgotten.
#[test]
fn a_restored_backup_makes_no_doubles() {
    for wait in [Duration::ZERO, Duration::from_hours(25)] {
        let project = project();
        project.run_all().exits(0);
        project.run(&["ledger", "backup", "backup.db"]).exits(0);
        grow(&project);
        project.run_all().exits(0);
        assert_eq!(objects(&project), [11, 7, 2]);
        restore(&project);
        project.advance(wait);
        let run = project.run_all();
        assert_eq!(run.exits(0).tally("customers"), "9 = 5 done + 4 already_done");
        assert_eq!(objects(&project), [11, 7, 2], "after {wait:?}");
        books::agree(&project, &NAMES);
        let mark = project.mark();
        project.run_all().exits(0);
        assert_eq!(project.posts_since(mark), [""; 0]);
    }
}

#[test]
fn a_backup_restored_in_the_middle_of_a_run_makes_no_doubles() {
    for (seed, wait) in [(2, Duration::ZERO), (6, Duration::from_hours(25)), (9, Duration::from_hours(25))] {
        let project = project();
        project.run(&["ledger", "create"]).exits(0);
        project.stripe.faults().script(Rule::next(Fault::Hold).only("POST", "/v1/").counted(seed, 1));
        let mut child = project.spawn(&["run-now", "--all"]);
        journal::until("a held request", || project.stripe.faults().held() == 1);
        project.run_beside(&["ledger", "backup", "backup.db"]).exits(0);
        project.stripe.faults().release();
        child.wait().unwrap();
        restore(&project);
        project.advance(wait);
        project.run_all().exits(0);
        assert_eq!(objects(&project), [5, 4, 1], "after {seed} requests and {wait:?}");
        books::agree(&project, &NAMES);
    }
}

#[test]
fn a_new_ledger_adopts_what_was_made_in_the_last_minutes() {
    let project = project();
    project.run_all().exits(0);
    project.lose_ledger();
    project.run(&["ledger", "create"]).exits(0);
    let run = project.run_all();
    assert_eq!(run.exits(0).tally("customers"), "4 = 4 done");
    assert_eq!(objects(&project), [5, 4, 1]);
    books::agree(&project, &NAMES);
}

#[test]
fn a_damaged_ledger_is_refused() {
    let project = project();
    project.run_all().exits(0);
    let mark = project.mark();
    // Half a file, without the log that could mend it.
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    restore(&project);
    let path = project.path("state/ledger.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&path, bytes).unwrap();
    let run = project.run_all();
    assert_eq!((run.code, &run.json["result"]), (15, &"refused".into()), "{run:#?}");
    assert_eq!(project.posts_since(mark), [""; 0]);
}

/// Stripe does not tell whether an invoice was mailed: a ledger that forgot it asks, and mails nothing again by itself.
#[test]
fn a_restored_backup_mails_no_invoice_twice() {
    let business = Business::new(5, Vec::new());
    let project = &business.project;
    project.run(&["ledger", "create"]).exits(0);
    project.run(&["run-now", "customers", "items"]).exits(0);
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    project.run_all().exits(0);
    let mails = || journal::posts_of(&project.stripe, "POST /v1/invoices/{invoice}/send").len();
    let sent = mails();
    restore(project);
    for wait in [0, 25] {
        project.advance(Duration::from_hours(wait));
        let run = project.run(&["run-now", "invoices"]);
        let problems = run.exits(16).problems("invoices");
        assert!(problems.iter().all(|problem| problem.ends_with("needs_review row.unsure")), "{problems:#?}");
        assert_eq!(mails(), sent);
    }
    business.answer();
    business.settle();
    assert_eq!(mails(), sent);
    business.is_settled();
}

/// Two accounts and one ledger: what is done on one must not hide what has to be found on the other.
#[test]
fn a_restored_backup_makes_no_doubles_on_the_second_account() {
    let mut project = project();
    let other = project::sandbox(Options::default());
    project.account("beta", &other, "");
    project.mapping("twins", &samples::BILLS.replace("account: acme", "account: beta"));
    project.run_all().exits(0);
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    grow(&project);
    project.run_all().exits(0);
    restore(&project);
    project.advance(Duration::from_hours(25));
    project.run_all();
    assert_eq!(journal::made(&other, "invoiceitem").len(), 3);
    assert_eq!(objects(&project), [11, 7, 2]);
}

/// The first run after the restore cannot look: the second one must look as far back as the first.
#[test]
fn a_restored_backup_makes_no_doubles_when_the_first_run_cannot_look() {
    let project = project();
    project.run_all().exits(0);
    project.run(&["ledger", "backup", "backup.db"]).exits(0);
    grow(&project);
    project.run_all().exits(0);
    restore(&project);
    project.advance(Duration::from_hours(25));
    for operation in ["GET /v1/customers", "GET /v1/invoiceitems", "GET /v1/invoices"] {
        project.stripe.faults().clear();
        project.stripe.faults().script(Rule::on(operation, Fault::RejectBefore(403)).counted(0, 1000));
        let mark = project.mark();
        project.run_all();
        assert_eq!(project.posts_since(mark), [""; 0], "nothing is sent before all is looked up: {operation}");
    }
    project.stripe.faults().clear();
    project.run_all();
    assert_eq!(objects(&project), [11, 7, 2]);
}

#[test]
fn a_renamed_connection_keeps_its_rows() {
    let project = project();
    project.run_all().exits(0);
    fs::rename(project.path("mappings/bills.yaml"), project.path("mappings/invoices.yaml")).unwrap();
    project.run(&["ledger", "rename", "bills", "invoices"]).exits(0);
    let mark = project.mark();
    assert_eq!(project.run_all().exits(0).tally("invoices"), "2 = 2 already_done");
    assert_eq!(project.posts_since(mark), [""; 0]);
    project.run(&["ledger", "verify"]).exits(0);
}
