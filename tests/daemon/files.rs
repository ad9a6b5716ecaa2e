//! Files that are written, broken, mended and deleted while the daemon runs.

use serde_json::{Value, json};

use super::{beat, customers_of, history, runs_on, standing};
use crate::support::{Daemon, Project};

fn project() -> Project {
    let project = Project::new();
    beat(&project);
    project
}

/// Writes a mapping as an editor does: whole, in one step.
fn replace(project: &Project, name: &str, change: impl Fn(String) -> String) {
    let text = change(project.read(&format!("mappings/{name}.yaml")));
    project.write("draft", &text);
    std::fs::rename(project.path("draft"), project.path(&format!("mappings/{name}.yaml"))).unwrap();
}

/// Waits until files were read so often, and gives how many connections there are and how many mistakes.
#[track_caller]
fn read(daemon: &Daemon, nth: usize) -> (Value, Value) {
    let line = daemon.nth("configuration_read", nth, |_| true);
    (line["connections"].clone(), line["problems"].clone())
}

#[test]
fn a_mapping_is_written_broken_mended_and_deleted() {
    let project = project();
    let daemon = Daemon::start(&project);
    daemon.run("beat", 0);
    customers_of(&project, "items", Some("every: 1s"), "1,a@example.org,Ann\n");
    assert_eq!(read(&daemon, 0), (json!(2), json!(0)));
    assert_eq!(daemon.run("items", 0)["done"], 1);

    replace(&project, "items", |text| text.replace("first_run: all", "first_run: al"));
    assert_eq!(read(&daemon, 1), (json!(2), json!(1)));
    let kept = daemon.until("configuration_kept", |_| true);
    let line = 1 + project.read("mappings/items.yaml").lines().position(|line| line.contains("first_run")).unwrap();
    assert_eq!(kept["place"], format!("mappings/items.yaml:{line}"), "{kept:#}");
    runs_on(&daemon, "items");
    let status = project.command(&["status"]).output().unwrap();
    let (text, told) = (String::from_utf8(status.stdout).unwrap(), String::from_utf8(status.stderr).unwrap());
    assert!(status.status.success() && text.contains("items") && told.contains("mappings/items.yaml"), "{text}{told}");
    assert_eq!(standing(&project, "items")["state"], "ok");
    assert_eq!(daemon.metric("rowbill_configuration_problems").as_deref(), Some("1"));
    // The old version is what a person's order would not run either: the files as they are come first.
    project.run_beside(&["run-now", "items"]).exits(10);

    replace(&project, "items", |text| {
        text.replace("first_run: al", "first_run: all").replace("every: 1s", "every: 1h")
    });
    assert_eq!(read(&daemon, 2), (json!(2), json!(0)));
    assert_eq!(daemon.metric("rowbill_configuration_problems").as_deref(), Some("0"));
    assert_eq!(standing(&project, "items")["schedule"], "every 1h");
    let count = daemon.told("run_started").iter().filter(|line| line["connection"] == "items").count();
    runs_on(&daemon, "beat");
    runs_on(&daemon, "beat");
    let later = daemon.told("run_started").iter().filter(|line| line["connection"] == "items").count();
    assert!(later <= count + 1, "an hour has not passed: {:#?}", daemon.log());

    std::fs::remove_file(project.path("mappings/items.yaml")).unwrap();
    assert_eq!(read(&daemon, 3), (json!(1), json!(0)));
    let status = project.run_beside(&["status"]);
    assert_eq!(status.json.as_array().unwrap().len(), 1, "{status:#?}");
    project.run_beside(&["run-now", "items"]).exits(10);
    assert!(daemon.metric("rowbill_open_rows{connection=\"items\",state=\"failed\"}").is_none());
    runs_on(&daemon, "beat");
    daemon.stop();
    let runs = project.run(&["runs"]).json["runs"].clone();
    assert!(runs.as_array().unwrap().iter().any(|run| run["connection"] == "items"), "its history stays");
}

pub fn what_is_broken_does_not_stop_the_others() {
    let project = project();
    let daemon = Daemon::start(&project);
    project.mapping("new", "account: nobody\nschedule: { every: 1s }\n");
    assert_eq!(read(&daemon, 0).0, 1, "a new one with mistakes is left out");
    let settings = project.read("rowbill.yaml");
    project.write("rowbill.yaml", &settings.replace("version: 1", "version: 1\nno_such_setting: 1"));
    daemon.until("configuration_kept", |line| line["place"] == "rowbill.yaml:2");
    runs_on(&daemon, "beat");
    project.run_beside(&["status"]).exits(10);
    project.write("rowbill.yaml", &settings.replace("version: 1", "version: 1\nledger: { sqlite: other.db }"));
    daemon.until("configuration_kept", |line| line["code"] == "config.ledger_moved");
    runs_on(&daemon, "beat");
    assert!(!project.path("other.db").exists());
    project.write("rowbill.yaml", "\u{0}");
    daemon.until("configuration_kept", |line| line["place"].as_str().unwrap().starts_with("rowbill.yaml:1"));
    runs_on(&daemon, "beat");
    project.write("rowbill.yaml", &settings);
    std::fs::remove_file(project.path("mappings/new.yaml")).unwrap();
    daemon.until("configuration_read", |line| line["problems"] == 0);
    runs_on(&daemon, "beat");
    daemon.stop();
}

/// An account that is renamed needs two files to change: between them the old ones stay in use.
#[test]
fn files_that_belong_together_are_taken_up_together() {
    let project = project();
    let daemon = Daemon::start(&project);
    replace(&project, "beat", |text| text.replace("account: acme", "account: emca"));
    assert_eq!(read(&daemon, 0), (json!(1), json!(1)));
    runs_on(&daemon, "beat");
    project.edit("rowbill.yaml", "  acme:\n", "  emca:\n");
    daemon.until("configuration_read", |line| line["problems"] == 0);
    runs_on(&daemon, "beat");
    let status = standing(&project, "beat");
    assert_eq!((&status["account"], &status["state"]), (&json!("emca"), &json!("ok")));
    daemon.stop();
}

/// Files where no event tells of a change are read when systemd, or a person, says so.
#[test]
fn sighup_reads_the_files() {
    let project = project();
    std::fs::rename(project.path("mappings"), project.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(project.path("elsewhere"), project.path("mappings")).unwrap();
    let daemon = Daemon::start(&project);
    daemon.signal("HUP");
    daemon.run("beat", 0);
    customers_of(&project, "more", Some("every: 1h"), "");
    daemon.signal("HUP");
    daemon.run("more", 0);
    daemon.signal("HUP");
    runs_on(&daemon, "beat");
    assert_eq!(daemon.stop().0, 143);
}

pub fn on_hold_is_on_hold_until_a_person_says_otherwise() {
    let project = project();
    customers_of(&project, "held", Some("every: 1s"), "1,a@example.org,Ann\n");
    customers_of(&project, "after", Some("after: held"), "");
    project.run(&["ledger", "create"]).exits(0);
    project.run(&["pause", "held"]).exits(0);
    for _ in 0..2 {
        let daemon = Daemon::start(&project);
        daemon.run("beat", 1);
        assert_eq!(standing(&project, "held")["paused"], true);
        assert_eq!(standing(&project, "held")["next_at"], Value::Null);
        assert_eq!(daemon.metric("rowbill_paused{connection=\"held\"}").as_deref(), Some("1"));
        daemon.stop();
    }
    assert_eq!(history(&project, "held"), [Value::Null; 0]);
    let daemon = Daemon::start(&project);
    project.run_beside(&["resume", "held"]).exits(0);
    daemon.until("resumed", |line| line["connection"] == "held");
    let first = daemon.until("run_started", |line| line["connection"] == "held");
    assert_eq!(
        (&first["trigger"], daemon.told("ticks_skipped").len()),
        (&json!("schedule"), 0),
        "nothing is caught up"
    );
    daemon.run("after", 0);
    project.run_beside(&["pause", "held"]).exits(0);
    let runs = history(&project, "held").len();
    runs_on(&daemon, "beat");
    runs_on(&daemon, "beat");
    assert_eq!(history(&project, "held").len(), runs);
    // By hand it runs all the same, and those after it too.
    project.run_beside(&["run-now", "held"]).exits(0);
    daemon.until("run_started", |line| line["connection"] == "after");
    daemon.stop();
}
