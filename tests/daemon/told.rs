//! What people and machines are told: messages, pings, signs of life.

use std::collections::BTreeMap;

use serde_json::json;

use super::servers::{HttpServer, MailServer, Systemd};
use super::{beat, customers_of, runs_on};
use crate::support::{Daemon, Project, journal};

const BAD: &str = "1,a@example.org,Ann\n2,nobody,Bob\n3,nowhere,Cid\n";

fn mend(project: &Project, name: &str) {
    project.csv(name, "Customer ID,E-mail,Name\n1,a@example.org,Ann\n");
}

/// Adds `notify:` to the settings; secret addresses are in files.
pub fn notify(project: &Project, ways: &[(&str, &HttpServer)], more: &str) {
    let mut settings = project.read("rowbill.yaml") + "notify:\n";
    for (name, server) in ways {
        project.write(&format!("{name}.url"), &server.url);
        settings = format!("{settings}  {name}: {{ url: {{ file: {name}.url }} }}\n");
    }
    project.write("rowbill.yaml", &(settings + more));
}

fn names(body: &str) -> Vec<&str> {
    ["one", "two", "three", "beat"].into_iter().filter(|name| body.contains(&format!("\\n{name}: "))).collect()
}

pub fn one_message_when_a_state_changes() {
    let project = Project::new();
    let (chat, mail) = (HttpServer::start(200), MailServer::start());
    let email =
        format!("server: \"127.0.0.1:{}\", security: none, from: r@acme.example, to: [o@acme.example]", mail.port);
    notify(&project, &[("webhook", &chat)], &format!("  email: {{ {email} }}\n"));
    customers_of(&project, "one", Some("every: 1s"), BAD);
    customers_of(&project, "two", Some("every: 1s"), BAD);
    beat(&project);
    let daemon = Daemon::start(&project);
    let first = chat.nth(1).body;
    assert!(
        first.contains("rowbill: 2 connections need you") && first.contains("2 failed (row.not_an_email)"),
        "{first}"
    );
    assert_eq!(names(&first), ["one", "two"]);
    runs_on(&daemon, "one");
    runs_on(&daemon, "two");
    daemon.until("notified", |line| line["channel"] == "email");
    daemon.stop();

    // Another process tells only what is new.
    customers_of(&project, "three", Some("every: 1s"), BAD);
    let daemon = Daemon::start(&project);
    let second = chat.nth(2).body;
    assert!(second.contains("rowbill: three needs you"), "{second}");
    assert_eq!(names(&second), ["three"]);
    daemon.nth("notified", 1, |_| true);
    for name in ["one", "two", "three"] {
        mend(&project, name);
    }
    let third = chat.nth(3).body;
    assert!(third.contains("rowbill: 3 connections are well again") && third.contains("all is well again"), "{third}");
    daemon.nth("notified", 3, |_| true);
    let taken = |channel: &str| {
        daemon.metric(&format!("rowbill_notifications_total{{channel=\"{channel}\",result=\"taken\"}}")).unwrap()
    };
    assert_eq!((taken("webhook"), taken("email")), ("2".to_owned(), "2".to_owned()));
    runs_on(&daemon, "one");
    daemon.stop();
    assert_eq!(chat.asked().len(), 3);
    let mails = mail.mails();
    assert_eq!(mails.len(), 3, "{mails:#?}");
    assert!(
        mails[1].contains("Subject: rowbill: three needs you") && mails[1].contains("To: o@acme.example"),
        "{mails:#?}"
    );
}

/// A good part of a bad whole says nothing about the whole.
pub fn a_part_of_a_run_is_no_change_of_state() {
    let project = Project::new();
    let chat = HttpServer::start(200);
    notify(&project, &[("webhook", &chat)], "");
    customers_of(&project, "one", None, BAD);
    customers_of(&project, "two", None, BAD);
    let daemon = Daemon::start(&project);
    project.run(&["run-now", "one"]).exits(3);
    assert!(chat.nth(1).body.contains("rowbill: one needs you"));
    project.run(&["run-now", "one", "--only", "1"]).exits(0);
    let open = daemon.metric("rowbill_open_rows{connection=\"one\",state=\"failed\"}");
    assert_eq!(open.as_deref(), Some("2"), "two rows are open as before");
    project.run(&["run-now", "two"]).exits(3);
    let second = chat.nth(2).body;
    assert_eq!(names(&second), ["two"], "{second}");
    daemon.stop();
}

#[test]
fn files_with_mistakes_are_told_once() {
    let project = Project::new();
    let chat = HttpServer::start(200);
    notify(&project, &[("webhook", &chat)], "");
    beat(&project);
    let daemon = Daemon::start(&project);
    project.edit("mappings/beat.yaml", "first_run: all", "first_run: al");
    let first = chat.nth(1).body;
    assert!(first.contains("old version stays in use") && first.contains("mappings/beat.yaml:"), "{first}");
    project.edit("mappings/beat.yaml", "first_run: al\n", "first_run: alle\n");
    daemon.nth("configuration_kept", 1, |_| true);
    project.edit("mappings/beat.yaml", "first_run: alle", "first_run: all");
    assert!(chat.nth(2).body.contains("the files are right again"));
    daemon.stop();
    assert_eq!(chat.asked().len(), 2);
}

/// A server of messages that is down is tried again, and holds up nothing.
pub fn who_cannot_be_told_holds_up_nothing() {
    let project = Project::new();
    let chat = HttpServer::start(500);
    notify(&project, &[("webhook", &chat)], "");
    beat(&project);
    let daemon = Daemon::start(&project);
    project.edit("mappings/beat.yaml", "first_run: all", "first_run: al");
    let failed = daemon.nth("notification_failed", 1, |_| true);
    assert_eq!((&failed["channel"], &failed["code"]), (&json!("webhook"), &json!("notify.refused")));
    runs_on(&daemon, "beat");
    assert_eq!(daemon.stop().0, 143);
}

#[test]
fn each_run_pings_its_start_and_its_end() {
    let project = Project::new();
    let checks = HttpServer::start(200);
    notify(&project, &[("healthchecks", &checks)], "");
    customers_of(&project, "one", Some("every: 1h"), BAD);
    customers_of(&project, "two", Some("after: one"), "");
    customers_of(&project, "by_hand", None, "");
    let many: Vec<String> = (10..30).map(|number| format!("many_{number}")).collect();
    for name in &many {
        customers_of(&project, name, Some("every: 1h"), "");
    }
    std::fs::remove_file(project.path("data/many_10.csv")).unwrap();
    beat(&project);
    let daemon = Daemon::start(&project);
    let run = daemon.run("one", 0)["run"].as_str().unwrap().to_owned();
    daemon.run("beat", 1);
    project.run_beside(&["run-now", "by_hand"]).exits(0);
    // All of them begin and end at once, and none is left out.
    let pings = || checks.asked().iter().filter(|asked| asked.path.starts_with("/many_")).count();
    let by_hand = || checks.asked().iter().filter(|asked| asked.path.starts_with("/by_hand")).count();
    journal::until("pings", || pings() == 2 * many.len() && by_hand() == 2);
    daemon.stop();
    let rid = |run: &str| {
        let text = format!("{:032x}", run.parse::<ulid::Ulid>().unwrap().0);
        format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    };
    let asked = checks.asked();
    let of = |name: &str| asked.iter().filter(|asked| asked.path.starts_with(&format!("/{name}"))).collect::<Vec<_>>();
    let [start, fail] = of("one")[..] else { panic!("{asked:#?}") };
    assert_eq!(start.path, format!("/one/start?rid={}", rid(&run)));
    assert_eq!(fail.path, format!("/one/fail?rid={}", rid(&run)));
    assert_eq!(fail.body, "3 rows = 1 done + 2 failed (row.not_an_email)");
    assert_eq!(of("many_10")[1].body, "0 rows = 0 (source.not_found)");
    assert!(of("two").is_empty(), "what does not run pings nothing: {asked:#?}");
    let [start, success] = of("by_hand")[..] else { panic!("{asked:#?}") };
    assert!(start.path.starts_with("/by_hand/start?rid=") && success.path.starts_with("/by_hand?rid="), "{asked:#?}");
    let mut pings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ping in of("beat") {
        let (what, rid) = ping.path.split_once("?rid=").unwrap();
        pings.entry(rid).or_default().push(what);
    }
    let whole = pings.values().filter(|pings| **pings == ["/beat/start", "/beat"]).count();
    assert!(whole >= 2, "{pings:#?}");
}

#[test]
fn systemd_is_told_that_it_is_ready_alive_and_stopping() {
    let project = Project::new();
    beat(&project);
    let systemd = Systemd::start(project.root());
    let mut command = project.command(&[]);
    command.env("NOTIFY_SOCKET", &systemd.path).env("WATCHDOG_USEC", "300000").env_remove("WATCHDOG_PID");
    let daemon = Daemon::of(command);
    systemd.until(|text| text.contains("READY=1"));
    for _ in 0..3 {
        systemd.until(|text| text == "WATCHDOG=1\n" || text == "WATCHDOG=1");
    }
    daemon.signal("HUP");
    let reloading = systemd.until(|text| text.contains("RELOADING=1"));
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    let ready = systemd.until(|text| text.contains("READY=1"));
    assert!(ready.contains("STATUS=running"), "{ready}");
    project.edit("mappings/beat.yaml", "first_run: all", "first_run: al");
    systemd.until(|text| text.contains("READY=1") && text.contains("STATUS=running; 1 mistake"));
    daemon.signal("TERM");
    systemd.until(|text| text.contains("STOPPING=1"));
}

#[test]
fn a_unit_names_this_project() {
    let project = Project::new();
    let output = project.command(&["daemon", "--unit"]).output().unwrap();
    let unit = String::from_utf8(output.stdout).unwrap();
    let config = project.path("rowbill.yaml");
    assert!(output.status.success() && unit.contains("Type=notify") && unit.contains("WatchdogSec="), "{unit}");
    assert!(unit.contains(&format!("daemon --config {}", config.display())), "{unit}");
    assert!(!project.path("state").exists(), "nothing else is done");
}
