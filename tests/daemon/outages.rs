//! Sources and accounts that are out of reach, and come back.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Options, Rule};
use serde_json::{Value, json};

use super::servers::HttpServer;
use super::told::notify;
use super::{beat, customers_of, history, people, standing};
use crate::support::{Daemon, Project, books, invariants, journal};

fn begun(daemon: &Daemon, connection: &str) -> Vec<Value> {
    super::begun(daemon).into_iter().filter(|line| line["connection"] == connection).collect()
}

fn pause(daemon: &Daemon, connection: &str) -> Value {
    daemon.until("retry", |line| line["connection"] == connection)["seconds"].clone()
}

pub fn a_source_that_is_gone_is_asked_less_and_less_often() {
    let project = Project::new();
    beat(&project);
    for (name, schedule) in [("hourly", "every: 1h"), ("busy", "every: 1s")] {
        customers_of(&project, name, Some(schedule), &people(2));
        std::fs::rename(project.path(&format!("data/{name}.csv")), project.path(name)).unwrap();
    }
    let daemon = Daemon::start(&project);
    assert_eq!((pause(&daemon, "hourly"), pause(&daemon, "busy")), (json!(15), json!(15)));
    let stopped = daemon.until("run_stopped_by", |line| line["connection"] == "busy");
    assert_eq!((&stopped["code"], &stopped["place"]), (&json!("source.not_found"), &json!("data/busy.csv")));
    daemon.run("beat", 2);
    assert_eq!(begun(&daemon, "busy").len(), 1, "its ticks wait too");
    assert_eq!(standing(&project, "busy")["state"], "refused");
    daemon.stop();

    project.advance(Duration::from_secs(20));
    let daemon = Daemon::start(&project);
    assert_eq!((pause(&daemon, "hourly"), pause(&daemon, "busy")), (json!(30), json!(30)));
    let first = &history(&project, "hourly")[0];
    let again = &begun(&daemon, "hourly")[0];
    assert_eq!(again["trigger"], "retry");
    daemon.stop();
    let retry = &history(&project, "hourly")[1];
    assert_eq!((&retry["trigger"], &retry["retry_of"]), (&json!("retry"), &first["run"]), "{retry:#}");

    for name in ["hourly", "busy"] {
        std::fs::rename(project.path(name), project.path(&format!("data/{name}.csv"))).unwrap();
    }
    // Too early: only the clock brings it back.
    let daemon = Daemon::start(&project);
    daemon.run("beat", 0);
    assert_eq!(begun(&daemon, "busy").len() + begun(&daemon, "hourly").len(), 0);
    daemon.stop();
    project.advance(Duration::from_secs(40));
    let daemon = Daemon::start(&project);
    assert_eq!((&daemon.run("hourly", 0)["done"], &daemon.run("busy", 0)["done"]), (&json!(2), &json!(2)));
    daemon.run("busy", 1);
    daemon.stop();
    let notes = history(&project, "busy").iter().filter(|run| run["result"] == "skipped").count();
    assert!(notes >= 1, "the ticks that waited are on record");
}

/// Two connections of one account whose key Stripe does not take: one message, and one for each that is well again.
pub fn a_new_key_in_the_file_is_enough() {
    let keys = vec!["sk_test_acme0000000000".to_owned()];
    let project = Project::with(Options { keys: keys.clone(), ..Options::default() });
    customers_of(&project, "one", Some("every: 1h"), &people(3));
    customers_of(&project, "two", Some("every: 1h"), "7,d@example.org,Dan\n");
    let chat = HttpServer::start(200);
    notify(&project, &[("webhook", &chat)], "");
    project.run(&["ledger", "create"]).exits(0);
    project.key("acme", "sk_test_wrong000000000");
    let daemon = Daemon::start(&project);
    for (name, rows) in [("one", 3), ("two", 1)] {
        assert_eq!(daemon.run(name, 0)["deferred"], rows);
        assert_eq!((pause(&daemon, name), &standing(&project, name)["state"]), (json!(15), &json!("deferred")));
    }
    assert_eq!(daemon.metric("rowbill_account_halted{account=\"acme\"}").as_deref(), Some("1"));
    let refused = journal::requests(&project.stripe, 0).iter().filter(|request| request.status == Some(401)).count();
    assert!(refused <= 34, "nothing is sent after it: {refused}");
    let told = chat.nth(1).body;
    assert!(told.contains("2 connections need you") && told.contains("two: stripe.key_refused"), "{told}");
    project.key("acme", &keys[0]);
    assert_eq!(project.run_beside(&["run-now", "one"]).exits(0).tally("one"), "3 = 3 done");
    assert_eq!(daemon.metric("rowbill_account_halted{account=\"acme\"}").as_deref(), Some("0"));
    assert!(chat.nth(2).body.contains("rowbill: one is well again"));
    daemon.nth("notified", 1, |_| true);
    daemon.stop();
    project.advance(Duration::from_secs(20));
    let daemon = Daemon::start(&project);
    assert_eq!(daemon.run("two", 0)["done"], 1, "by itself");
    assert!(chat.nth(3).body.contains("rowbill: two is well again"));
    daemon.stop();
    assert_eq!(chat.asked().len(), 3);
    assert_eq!(journal::made(&project.stripe, "customer").len(), 4);
    books::agree(&project, &["one", "two"]);
}

#[test]
fn a_key_that_is_revoked_in_mid_run_doubles_nothing() {
    let project = Project::new();
    customers_of(&project, "one", Some("every: 1h"), &people(24));
    project.stripe.faults().script(Rule::next(Fault::RevokeKey).only("POST", "/v1/").counted(7, 1));
    let daemon = Daemon::start(&project);
    let first = daemon.run("one", 0);
    assert_eq!((&first["done"], &first["deferred"]), (&json!(7), &json!(17)));
    project.stripe.restore_key();
    // An answer comes when what has ended is written down.
    standing(&project, "one");
    daemon.kill();
    project.advance(Duration::from_secs(20));
    let daemon = Daemon::start(&project);
    let again = daemon.run("one", 0);
    assert_eq!((&again["done"], &again["already_done"]), (&json!(17), &json!(7)));
    daemon.stop();
    invariants::hold(&project.stripe);
    books::agree(&project, &["one"]);
}

pub fn an_account_that_does_not_answer_is_tried_again() {
    let project = Project::new();
    customers_of(&project, "one", Some("every: 1h"), &people(40));
    project.run(&["ledger", "create"]).exits(0);
    project.stripe.faults().script(Rule::one_in(1, Fault::DropBefore));
    let daemon = Daemon::start(&project);
    let first = daemon.run("one", 0);
    assert_eq!((&first["done"], &first["deferred"]), (&json!(0), &json!(40)), "{first:#}");
    assert_eq!(pause(&daemon, "one"), 15);
    project.stripe.faults().clear();
    daemon.stop();
    project.advance(Duration::from_secs(20));
    let daemon = Daemon::start(&project);
    assert_eq!(daemon.run("one", 0)["done"], 40);
    daemon.stop();
    invariants::hold(&project.stripe);
    books::agree(&project, &["one"]);
}
