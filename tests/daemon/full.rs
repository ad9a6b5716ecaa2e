//! A ledger that cannot grow: nothing is sent, and everything goes on once there is room.

use std::process::Command;

use serde_json::{Value, json};

use super::{customers_of, people};
use crate::support::{Daemon, Project, books, invariants, journal};

/// No file that it writes grows beyond so many KiB: as if the disk were full. SQLite's smallest files fit in.
const NO_ROOM: u32 = 32;
/// Some rows fit in, too.
const SOME_ROOM: u32 = 150;
const ROWS: usize = 80;

fn project() -> Project {
    let project = Project::new();
    customers_of(&project, "customers", Some("every: 1h"), &people(ROWS));
    project.run(&["ledger", "create"]).exits(0);
    project
}

/// A daemon that has found out.
fn cramped(project: &Project, room: u32) -> Daemon {
    let usual = project.command(&[]);
    let mut command = Command::new("bash");
    // SIGXFSZ would end the process: as on a full disk, the write is to fail.
    let script = format!("trap '' XFSZ; ulimit -S -f {room}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(usual.get_program());
    command.current_dir(project.root());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::piped());
    let daemon = Daemon::of(command);
    daemon.until("ledger_unwritable", |_| true);
    daemon
}

fn make_room(daemon: &Daemon) {
    let limit = ["--fsize=unlimited:unlimited", "--pid", &daemon.pid().to_string()].map(str::to_owned);
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
}

pub fn nothing_is_sent_until_it_can_be_written_down() {
    goes_on_after(NO_ROOM, 0..1);
}

pub fn what_was_in_flight_is_not_doubled() {
    goes_on_after(SOME_ROOM, 1..ROWS);
}

/// Fills up, then has room again; `sent` requests went out until then.
fn goes_on_after(room: u32, sent: std::ops::Range<usize>) {
    let project = project();
    let daemon = cramped(&project, room);
    let told = daemon.until("ledger_unwritable", |_| true);
    assert_eq!(told["seconds"], 15, "{told:#}");
    let (code, why) = daemon.get("/readyz");
    assert!(code == 503 && why.contains("ledger"), "{code} {why}");
    assert_eq!(daemon.get("/healthz").0, 200);
    assert_eq!(daemon.metric("rowbill_ledger_writable").as_deref(), Some("0"));
    let posts = journal::posts(&project.stripe, 0).len();
    for args in [&["run-now", "customers"][..], &["pause", "customers"], &["rows", "retry", "customers", "1"]] {
        project.run_beside(args).exits(15);
    }
    assert_eq!(project.run_beside(&["rows", "customers"]).code, 0, "who only looks may");
    assert_eq!(journal::posts(&project.stripe, 0).len(), posts, "nothing is sent meanwhile");
    assert!(sent.contains(&posts), "{posts}");
    make_room(&daemon);
    daemon.until("ledger_writable", |_| true);
    let run = daemon.nth("run_finished", 0, |line| line["result"] == "ok");
    assert_eq!(run["read"], ROWS);
    assert_eq!(daemon.get("/readyz"), (200, "ok\n".to_owned()));
    assert_eq!(daemon.metric("rowbill_ledger_writable").as_deref(), Some("1"));
    assert_eq!(daemon.stop().0, 143);
    invariants::hold(&project.stripe);
    assert_eq!(journal::made(&project.stripe, "customer").len(), ROWS);
    books::agree(&project, &["customers"]);
    project.run(&["ledger", "verify"]).exits(0);
}

#[test]
fn it_can_be_stopped_meanwhile() {
    let project = project();
    let daemon = cramped(&project, SOME_ROOM);
    let (code, log) = daemon.stop();
    assert_eq!((code, &log.last().unwrap()["message"]), (143, &json!("stopped")));
    let status: Value = project.run(&["status"]).json;
    assert!(status.is_array(), "{status:#}");
    let daemon = Daemon::start(&project);
    daemon.nth("run_finished", 0, |line| line["result"] == "ok");
    daemon.stop();
    assert_eq!(journal::made(&project.stripe, "customer").len(), ROWS);
    books::agree(&project, &["customers"]);
}
