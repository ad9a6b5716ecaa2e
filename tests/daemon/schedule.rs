//! Runs when they are due: one at a time, each tick once.

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::Value;

use super::{beat, chain, history, no_tick_ran_twice, passed_over, seconds, standing, ticks};
use crate::support::{Daemon, Project, books, journal};

#[test]
fn items_run_after_customers() {
    let project = chain("every: 1h");
    let daemon = Daemon::start(&project);
    let (customers, items) = (daemon.run("customers", 0), daemon.run("items", 0));
    assert_eq!((&customers["done"], &items["done"]), (&3.into(), &2.into()), "{:#?}", daemon.log());
    assert_eq!(daemon.until("run_started", |line| line["connection"] == "items")["trigger"], "after");
    let (code, _) = daemon.stop();
    assert_eq!(code, 143);
    books::agree(&project, &["customers", "items"]);
}

/// Begins and ends take turns.
#[track_caller]
fn one_at_a_time(log: &[Value], connection: &str) {
    let steps: Vec<&str> = log
        .iter()
        .filter(|line| line["connection"] == connection)
        .filter_map(|line| line["message"].as_str().filter(|text| ["run_started", "run_finished"].contains(text)))
        .collect();
    assert!(steps.len() > 2, "{log:#?}");
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(*step, ["run_started", "run_finished"][at % 2], "{log:#?}");
    }
}

#[test]
fn one_run_at_a_time_and_one_tick_waits() {
    let project = chain("every: 1s");
    beat(&project);
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold));
    let daemon = Daemon::start(&project);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    daemon.run("beat", 3);
    let status = standing(&project, "customers");
    assert_eq!((&status["state"], &status["last_run"]["finished_at"]), (&"running".into(), &Value::Null), "{status:#}");
    project.stripe.faults().release();
    daemon.run("customers", 1);
    let (_, log) = daemon.stop();
    one_at_a_time(&log, "customers");
    // A slow start may pass over the very first tick.
    let history: Vec<Value> =
        history(&project, "customers").into_iter().skip_while(|run| run["result"] == "skipped").collect();
    let results: Vec<&Value> = history.iter().map(|run| &run["result"]).take(3).collect();
    assert_eq!(results, ["ok", "skipped", "ok"], "{history:#?}");
    let note = &history[1]["ticks"];
    assert!(note["count"].as_i64() >= Some(2), "{history:#?}");
    let told = |line: &Value| line["connection"] == "customers" && line["ticks"] == note["count"];
    assert!(log.iter().any(told), "{log:#?}");
    let ticks = ticks(&history);
    assert_eq!(ticks[1] - ticks[0] - 1, note["count"].as_i64().unwrap(), "all but the last: {history:#?}");
    assert_eq!((seconds(&note["first"]), seconds(&note["last"])), (ticks[0] + 1, ticks[1] - 1));
    books::agree(&project, &["customers", "items"]);
}

/// Every second from the first to the last has either a run or a place in a note.
#[track_caller]
fn no_second_is_lost(project: &Project) {
    let history = history(project, "customers");
    no_tick_ran_twice(&history);
    let ticks = ticks(&history);
    // A slow start may pass over the very first.
    let noted = history.iter().filter(|run| run["result"] == "skipped").map(|note| seconds(&note["ticks"]["first"]));
    let (first, last) = (noted.fold(ticks[0], i64::min), *ticks.last().unwrap());
    assert!(ticks.is_sorted());
    let told = i64::try_from(ticks.len()).unwrap() + passed_over(&history);
    assert_eq!(told, last - first + 1, "{history:#?}");
}

pub fn a_tick_is_run_or_told_once_however_the_daemon_ends() {
    let project = chain("every: 1s");
    let daemon = Daemon::start(&project);
    daemon.run("customers", 2);
    assert_eq!(daemon.stop().0, 143);
    for _ in 0..2 {
        let daemon = Daemon::start(&project);
        daemon.run("customers", 1);
        daemon.kill();
    }
    let daemon = Daemon::start(&project);
    daemon.run("customers", 0);
    daemon.stop();
    no_second_is_lost(&project);
    books::agree(&project, &["customers", "items"]);
}

/// Waiting for it would take a minute.
#[test]
fn the_next_time_is_told_before_it_comes() {
    let project = chain("cron: \"* * * * *\"");
    let daemon = Daemon::start(&project);
    // A pause that changes nothing is answered when the schedule has been looked at.
    project.run_beside(&["resume", "items"]).exits(0);
    let at = seconds(&standing(&project, "customers")["next_at"]);
    let now = jiff::Timestamp::now().as_second();
    assert!(at % 60 == 0 && at > now - 5 && at <= now + 60, "{at} at {now}");
    assert_eq!(standing(&project, "items")["next_at"], Value::Null);
    assert_eq!(standing(&project, "items")["after"], serde_json::json!(["customers"]));
    daemon.stop();
}
