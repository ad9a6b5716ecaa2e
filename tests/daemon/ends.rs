//! Ends in the middle of a run: by a signal, by two, by SIGKILL. The next start takes up what is left.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::{Value, json};

use super::{customers_of, history, people};
use crate::support::{Daemon, Output, Project, books, invariants, journal};

const ROWS: usize = 60;

fn project(schedule: Option<&str>) -> Project {
    let project = Project::new();
    customers_of(&project, "customers", schedule, &people(ROWS));
    project.run(&["ledger", "create"]).exits(0);
    project
}

/// A daemon whose run has sent so many requests and hangs on the next one.
fn hanging(project: &Project, after: u64) -> Daemon {
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold).counted(after, 1));
    let daemon = Daemon::start(project);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    daemon
}

/// The next start makes up for the run at once, and every row is done once.
#[track_caller]
fn is_made_up_for(project: &Project) -> Value {
    let before = history(project, "customers");
    let daemon = Daemon::start(project);
    let start = daemon.until("run_started", |_| true);
    assert_eq!(start["trigger"], "retry", "{start:#}");
    daemon.run("customers", 0);
    daemon.stop();
    let run = history(project, "customers").pop().unwrap();
    assert_eq!(run["retry_of"], before[0]["run"], "{run:#}");
    invariants::hold(&project.stripe);
    assert_eq!(journal::made(&project.stripe, "customer").len(), ROWS);
    books::agree(project, &["customers"]);
    before[0].clone()
}

#[test]
fn sigterm_finishes_what_is_in_flight() {
    let project = project(Some("every: 1h"));
    let slow = Fault::Slow(Duration::from_millis(300));
    project.stripe.faults().script(Rule::on("POST /v1/customers", slow).counted(0, 1000));
    let daemon = Daemon::start(&project);
    journal::until("the first requests", || !journal::posts(&project.stripe, 0).is_empty());
    let (code, log) = daemon.stop();
    assert_eq!(code, 143);
    let last: Vec<&str> = log.iter().rev().take(3).filter_map(|line| line["message"].as_str()).collect();
    assert!(last[0] == "stopped" && last.contains(&"run_finished"), "{log:#?}");
    project.stripe.faults().clear();
    let made = journal::made(&project.stripe, "customer").len();
    assert!(journal::posts(&project.stripe, 0).iter().all(|post| post.status == Some(200)), "all were answered");
    let first = is_made_up_for(&project);
    assert_eq!((&first["result"], &first["rows"]["done"]), (&json!("stopped"), &json!(made)), "{first:#}");
    assert!(made > 0 && made < ROWS);
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let project = project(Some("every: 1h"));
    let mut daemon = hanging(&project, 5);
    daemon.signal("TERM");
    daemon.until("stopping", |line| line["running"] == 1);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), 143);
    assert_eq!(project.stripe.faults().held(), 1, "it did not wait for the answer");
    project.stripe.faults().release();
    assert_eq!(is_made_up_for(&project)["result"], "interrupted");
}

#[test]
fn sigkill_loses_and_doubles_nothing() {
    for after in [0, 20] {
        let project = project(Some("every: 1h"));
        hanging(&project, after).kill();
        project.stripe.faults().release();
        invariants::hold(&project.stripe);
        assert_eq!(is_made_up_for(&project)["result"], "interrupted");
    }
}

/// SIGINT, in a terminal, is the same with another exit code.
#[test]
fn a_person_at_a_terminal_ends_it_too() {
    let project = project(None);
    let mut daemon = Daemon::start(&project);
    daemon.signal("INT");
    assert_eq!(daemon.wait(), 130);
}

/// Who waits for a run in a daemon that is asked to stop gets the report of what was done.
#[test]
fn an_order_is_answered_by_a_daemon_that_stops() {
    let project = project(None);
    let mut daemon = hanging_by_hand(&project);
    daemon.0.signal("TERM");
    daemon.0.until("stopping", |line| line["running"] == 1);
    project.stripe.faults().release();
    let output = Output::of(&daemon.1.wait_with_output().unwrap());
    assert_eq!(daemon.0.wait(), 143);
    output.is_well_formed();
    assert_eq!((output.code, &output.json["result"]), (130, &json!("stopped")), "{output:#?}");
    let made = journal::made(&project.stripe, "customer").len();
    assert_eq!(output.json["rows"]["done"], made);
    assert_eq!(project.run(&["run-now", "customers"]).exits(0).json["rows"]["done"], ROWS - made);
    books::agree(&project, &["customers"]);
}

fn hanging_by_hand(project: &Project) -> (Daemon, std::process::Child) {
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold).counted(5, 1));
    let daemon = Daemon::start(project);
    let order = project.spawn(&["run-now", "customers"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    (daemon, order)
}

/// The one who asked goes away; what was asked for is done all the same.
#[test]
fn an_order_goes_on_without_the_one_who_gave_it() {
    let project = project(None);
    let (daemon, mut order) = hanging_by_hand(&project);
    let status = std::process::Command::new("kill").args(["-s", "INT", &order.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(order.wait().unwrap().code(), Some(130));
    project.stripe.faults().release();
    assert_eq!(daemon.run("customers", 0)["done"], ROWS);
    daemon.stop();
    books::agree(&project, &["customers"]);
}

/// And an order that is killed with its daemon is no loss either.
#[test]
fn an_order_ends_with_a_daemon_that_is_killed() {
    let project = project(None);
    let (daemon, order) = hanging_by_hand(&project);
    daemon.kill();
    let output = Output::of(&order.wait_with_output().unwrap());
    output.refused(11, &["daemon.gone"]);
    project.stripe.faults().release();
    project.run(&["run-now", "customers"]).exits(0);
    assert_eq!(journal::made(&project.stripe, "customer").len(), ROWS);
    books::agree(&project, &["customers"]);
}
