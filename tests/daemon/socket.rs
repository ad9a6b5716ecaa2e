//! The socket beside the ledger, and who owns the ledger.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use super::{beat, chain, customers_of, runs_on};
use crate::support::{Daemon, Output, Project, books, journal, samples};
use rowbill_stripe_sandbox::{Fault, Rule};

/// Three customers, by hand only.
fn by_hand() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(3));
    project
}

#[test]
fn the_socket_is_its_users_own_and_goes_with_the_daemon() {
    let project = by_hand();
    let socket = project.path("state/ledger.db.sock");
    let daemon = Daemon::start(&project);
    let facts = std::fs::symlink_metadata(&socket).unwrap();
    assert!(facts.file_type().is_socket());
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    let left = std::fs::read_dir(project.path("state")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_str().unwrap().starts_with(".socket")).count(), 0);
    daemon.stop();
    assert!(!socket.exists());

    // One that was left by a crash is in nobody's way, not in a command's and not in a daemon's.
    Daemon::start(&project).kill();
    assert!(socket.exists());
    assert_eq!(project.run(&["run-now", "customers"]).exits(0).tally("customers"), "3 = 3 done");
    project.run(&["pause", "customers"]).exits(0);
    let daemon = Daemon::start(&project);
    assert_eq!(project.run_beside(&["run-now", "customers"]).exits(0).tally("customers"), "3 = 3 already_done");
    assert_eq!(daemon.stop().0, 143);
}

#[test]
fn a_second_daemon_is_refused_and_does_not_disturb_the_first() {
    let project = by_hand();
    let daemon = Daemon::start(&project);
    project.run(&["daemon", "--dashboard=127.0.0.1:0"]).refused(11, &["ledger.locked"]);
    let status = project.command(&["status"]).output().unwrap();
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(text.contains(&format!("daemon: process {}", daemon.pid())), "{text}");
    project.run_beside(&["run-now", "customers"]).exits(0);
    // So is whoever wants the ledger for himself.
    project.run_beside(&["ledger", "rename", "customers", "clients"]).refused(11, &["ledger.locked"]);
    project.run_beside(&["ledger", "verify"]).exits(0);
    project.run_beside(&["ledger", "backup", "copy.db"]).exits(0);
    assert!(project.path("copy.db").metadata().unwrap().len() > 0);
    daemon.stop();
}

#[test]
fn a_daemon_that_cannot_begin_says_why_and_leaves_nothing() {
    let project = by_hand();
    let dashboard = "--dashboard=127.0.0.1:0";
    project.edit("mappings/customers.yaml", "first_run: all", "first_run: al");
    project.run(&["daemon", dashboard]).exits(10);
    project.edit("mappings/customers.yaml", "first_run: al", "first_run: all");
    for address in ["0.0.0.0:8377", "127.0.0.1", "[::]:1"] {
        project.run(&["daemon", &format!("--dashboard={address}")]).refused(10, &["config.dashboard"]);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("--dashboard={}", taken.local_addr().unwrap());
    project.run(&["daemon", &address]).refused(10, &["config.dashboard"]);
    project.key("acme", "sk_live_acme0000000000");
    project.run(&["daemon", dashboard]).refused(12, &["stripe.key_mode"]);
    assert!(!project.path("state/ledger.db.sock").exists());
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_no_obstacle() {
    let project = by_hand();
    let deep = format!("{}/{}", "d".repeat(60), "e".repeat(60));
    std::fs::create_dir_all(project.path(&deep)).unwrap();
    project.edit("rowbill.yaml", "timezone:", &format!("ledger: {{ sqlite: {deep}/ledger.db }}\ntimezone:"));
    let daemon = Daemon::start(&project);
    let run = project.run_beside(&["run-now", "customers"]);
    assert_eq!(run.exits(0).tally("customers"), "3 = 3 done");
    assert!(run.stderr.contains("in the daemon"), "{run:#?}");
    daemon.stop();
}

/// A person waits for the run that is under way, and the schedule for the person; nobody waits for ever.
#[test]
fn an_order_waits_for_what_runs_and_goes_before_the_next_tick() {
    let project = chain("every: 1s");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold));
    let daemon = Daemon::start(&project);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    project.run_beside(&["rows", "retry", "items", "A-1"]).refused(10, &["config.key"]);
    let order = project.spawn(&["run-now", "customers", "items"]);
    project.stripe.faults().release();
    let output = Output::of(&order.wait_with_output().unwrap());
    output.exits(0);
    assert_eq!(output.tally("customers"), "3 = 3 already_done");
    daemon.run("customers", 2);
    daemon.stop();
    books::agree(&project, &["customers", "items"]);
}

/// Connections that are busy by turns are never free at once by themselves.
#[test]
fn nothing_begins_before_an_order_that_waits() {
    let project = chain("every: 1s");
    beat(&project);
    customers_of(&project, "idle", Some("every: 1s"), "");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold));
    let daemon = Daemon::start(&project);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    let order = project.spawn(&["run-now", "idle", "customers"]);
    let runs = || daemon.told("run_started").iter().filter(|line| line["connection"] == "idle").count();
    let is_kept = (0..10).any(|_| {
        let before = runs();
        runs_on(&daemon, "beat");
        runs_on(&daemon, "beat");
        runs() == before
    });
    assert!(is_kept, "`idle` ran on: {:#?}", daemon.log());
    project.stripe.faults().release();
    let output = Output::of(&order.wait_with_output().unwrap());
    assert_eq!((output.code, output.reports().len()), (0, 2), "{output:#?}");
    runs_on(&daemon, "idle");
    daemon.stop();
}

/// A run holds its rows: a decision about one waits for its end, but not for ever.
pub fn a_decision_waits_for_the_run_and_gives_up() {
    let project = chain("every: 1h");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold).counted(1, 1));
    let daemon = Daemon::start(&project);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    project.run_beside(&["rows", "retry", "customers", "1"]).refused(11, &["daemon.busy"]);
    let decision = project.spawn(&["rows", "retry", "customers", "1"]);
    project.stripe.faults().release();
    let output = Output::of(&decision.wait_with_output().unwrap());
    output.refused(1, &["rows.state"]);
    daemon.run("items", 0);
    daemon.stop();
    books::agree(&project, &["customers", "items"]);
}
