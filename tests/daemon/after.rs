//! Runs after other connections, as a graph.

use serde_json::{Value, json};

use super::{begun, customers_of, history, standing};
use crate::support::{Daemon, Output, Project};

const GOOD: &str = "1,a@example.org,Ann\n2,b@example.org,Bob\n";
const BAD: &str = "1,a@example.org,Ann\n2,nobody,Bob\n";

/// `customers`, `second` after it, `third` after that one, and `anyway`, which runs however customers went.
fn project(schedule: Option<&str>, rows: &str) -> Project {
    let project = Project::new();
    customers_of(&project, "customers", schedule, rows);
    customers_of(&project, "second", Some("after: customers"), "3,c@example.org,Cid\n");
    customers_of(&project, "third", Some("after: second"), "4,d@example.org,Dan\n");
    customers_of(&project, "anyway", Some("after: customers, when: finished"), "5,e@example.org,Eve\n");
    project
}

fn results(project: &Project, connection: &str) -> Vec<Value> {
    history(project, connection).iter().map(|run| run["result"].clone()).collect()
}

#[test]
fn a_failed_one_holds_up_those_after_it_until_it_is_mended() {
    let project = project(Some("every: 1h"), BAD);
    let daemon = Daemon::start(&project);
    let why = |name: &str| daemon.until("not_run", |line| line["connection"] == name)["why"].clone();
    assert_eq!(
        (why("second"), why("third")),
        (json!("not run: customers failed"), json!("not run: second did not run"))
    );
    assert_eq!(daemon.run("anyway", 0)["done"], 1);
    for (name, reason) in [("second", "not run: customers failed"), ("third", "not run: second did not run")] {
        let status = standing(&project, name);
        assert_eq!((&status["state"], &status["not_run"]), (&json!("not_run"), &json!(reason)), "{status:#}");
        assert_eq!(status["last_run"], Value::Null);
        let note = &history(&project, name)[0];
        assert_eq!((&note["result"], &note["stopped_by"]["message"]), (&json!("not_run"), &json!(reason)), "{note:#}");
    }
    assert_eq!(standing(&project, "customers")["state"], "ok_with_failures");
    let metric = daemon.metric("rowbill_not_run_total{connection=\"third\"}");
    assert_eq!(metric.as_deref(), Some("1"));

    project.edit("data/customers.csv", "nobody", "b@example.org");
    project.run_beside(&["run-now", "customers"]).exits(0);
    assert_eq!((&daemon.run("second", 0)["done"], &daemon.run("third", 0)["done"]), (&json!(1), &json!(1)));
    daemon.run("anyway", 1);
    for name in ["customers", "second", "third", "anyway"] {
        let status = standing(&project, name);
        assert_eq!((&status["state"], &status["not_run"]), (&json!("ok"), &Value::Null), "{status:#}");
    }
    daemon.stop();
    assert_eq!(results(&project, "third"), ["not_run", "ok"]);
    let run = &history(&project, "third")[1];
    assert_eq!((&run["trigger"], &run["after"]["second"]), (&json!("after"), &history(&project, "second")[1]["run"]));
}

#[test]
fn status_shows_the_graph() {
    let project = project(None, BAD);
    let text = |project: &Project| {
        let output = project.command(&["status"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let lines: Vec<String> = text(&project).lines().map(|line| line.trim().to_owned()).collect();
    let starts = ["customers ", "└ anyway ", "└ second ", "└ third "];
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    project.run(&["run-now", "customers", "--with-after"]).exits(3);
    assert!(text(&project).contains("not run: customers failed"), "{}", text(&project));
}

/// Name and result of every report.
fn told(output: &Output) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let reports = output.reports().into_iter();
    let mut told: Vec<String> =
        reports.map(|report| format!("{} {}", text(&report["connection"]), text(&report["result"]))).collect();
    told.sort();
    told
}

/// `run-now --with-after`, in this process and in a daemon: those after a failed one are told, and recorded.
#[test]
fn a_chain_by_hand_tells_what_did_not_run() {
    for served in [false, true] {
        let project = project(None, BAD);
        project.run(&["ledger", "create"]).exits(0);
        let daemon = served.then(|| Daemon::start(&project));
        let run = project.run(&["run-now", "customers", "--with-after"]);
        let expected = ["anyway ok", "customers ok_with_failures", "second not_run", "third not_run"];
        assert_eq!(told(run.exits(3)), expected, "served: {served}");
        assert_eq!(run.report("second")["why"], "customers failed", "{run:#?}");
        assert_eq!(standing(&project, "second")["state"], "not_run");
        project.csv("customers", &format!("Customer ID,E-mail,Name\n{GOOD}"));
        let run = project.run(&["run-now", "customers", "--with-after"]);
        assert_eq!(told(run.exits(0)), ["anyway ok", "customers ok", "second ok", "third ok"], "served: {served}");
        // Nothing is left to do for a daemon: what ran by hand stands for what was to come.
        let daemon = daemon.unwrap_or_else(|| Daemon::start(&project));
        project.run(&["run-now", "third"]).exits(0);
        assert_eq!(begun(&daemon), [Value::Null; 0], "served: {served}");
        daemon.stop();
        assert_eq!(results(&project, "second"), ["not_run", "ok"], "served: {served}");
        assert_eq!(results(&project, "third"), ["not_run", "ok", "ok"], "served: {served}");
    }
}

/// With two before it, a connection waits for both, and runs once for each time that both have run.
#[test]
fn it_waits_for_all_of_those_before_it() {
    let project = Project::new();
    for name in ["one", "two", "by_hand"] {
        customers_of(&project, name, None, "");
    }
    customers_of(&project, "both", Some("after: [one, two]"), GOOD);
    let daemon = Daemon::start(&project);
    for round in 0..2 {
        project.run_beside(&["run-now", "one"]).exits(0);
        project.run_beside(&["run-now", "one"]).exits(0);
        project.run_beside(&["run-now", "by_hand"]).exits(0);
        assert_eq!(begun(&daemon).len(), round, "one is not both");
        project.run_beside(&["run-now", "two"]).exits(0);
        daemon.run("both", round);
    }
    daemon.stop();
    assert_eq!(results(&project, "both"), ["ok", "ok"]);
}
