//! No cell, key, amount or secret is in a log, a number or a message, whatever goes wrong.

use rowbill_stripe_sandbox::Options;

use super::customers_of;
use super::servers::HttpServer;
use crate::support::{Daemon, Project, project, samples};

/// Every text that must not get out has one of these in it.
const CANARIES: [&str; 4] = ["canary", "77317", "77 317", "77,317"];

const ITEMS: &str = "Order,Customer ID,Total\nCANARY-1,cus_CANARY,77317.31\n";

/// Connections that fail in all kinds of ways, over rows full of canaries.
fn aviary(chat: &HttpServer, checks: &HttpServer) -> Project {
    let mut project = Project::new();
    let closed = project::sandbox(Options { keys: vec!["sk_test_another".into()], ..Options::default() });
    project.account("beta", &closed, "");
    project.key("beta", "sk_test_CANARY00000000007731");
    project.write("chat.url", &format!("{}/CANARY", chat.url));
    project.write("checks.url", &format!("{}/CANARY", checks.url));
    let notify = "notify:\n  webhook: { url: { file: chat.url } }\n  healthchecks: { url: { file: checks.url } }\n";
    project.write("rowbill.yaml", &(project.read("rowbill.yaml") + notify));
    let every = Some("every: 1h");
    customers_of(&project, "good", every, "CANARY-1,canary@example.org,Canary Bird\n");
    customers_of(&project, "bad_cell", every, "CANARY-2,canary at home,Canary Bird\n");
    customers_of(&project, "ragged", every, "CANARY-3,canary@example.org\nCANARY-4,x,y,z\n");
    customers_of(&project, "twice", every, "CANARY-5,canary@example.org,A\nCANARY-5,canary@example.org,B\n");
    customers_of(&project, "headless", every, "");
    project.csv("headless", "CANARY-6,canary@example.org,Canary Bird\n");
    customers_of(&project, "unquoted", every, "CANARY-7,\"canary@example.org,Canary\n");
    customers_of(&project, "locked_out", every, "CANARY-8,canary@example.org,Canary Bird\n");
    project.edit("mappings/locked_out.yaml", "account: acme", "account: beta");
    let items =
        samples::ITEMS.replace("{ from: customers, key: \"${{ row.customer_id }}\" }", "${{ row.customer_id }}");
    for (name, more) in [("missing", ""), ("guarded", "limits: { amount: { EUR: 1 } }\n")] {
        let mapping = items.replace("data/orders.csv", &format!("data/{name}.csv"));
        project.mapping(name, &format!("{mapping}{more}schedule: {{ every: 1h }}\n"));
        project.csv(name, ITEMS);
    }
    project.mapping(
        "unclear",
        &items.replace("orders.csv", "unclear.csv").replace("currency: EUR", "currency: EUR, decimal_mark: \",\""),
    );
    project.csv("unclear", ITEMS);
    project.run(&["ledger", "create"]).exits(0);
    project
}

const NAMES: [&str; 9] =
    ["good", "bad_cell", "ragged", "twice", "headless", "unquoted", "locked_out", "missing", "guarded"];

#[track_caller]
fn is_clean(what: &str, text: &str) {
    let lower = text.to_lowercase();
    for line in lower.lines() {
        assert!(!CANARIES.iter().any(|canary| line.contains(canary)), "{what}: {line}");
    }
}

/// What a person does by hand, with keys of rows on the command line.
fn meddle(project: &Project) {
    for args in [
        &["run-now", "unclear"][..],
        &["run-now", "good", "--only", "CANARY-1"],
        &["run-now", "good", "--only", "CANARY-99"],
        &["rows", "retry", "bad_cell", "CANARY-2"],
        &["rows", "skip", "bad_cell", "CANARY-2"],
        &["rows", "accept", "good", "CANARY-1"],
        &["rows", "retry", "good", "CANARY-98"],
        &["pause", "CANARY"],
    ] {
        project.run_beside(args);
    }
    // A key in the settings is masked, also where it is told.
    project.edit("rowbill.yaml", "key: { file: acme.key }", "key: sk_test_CANARY00000000007731");
}

#[test]
fn no_canary_is_in_logs_numbers_or_messages() {
    let (chat, checks) = (HttpServer::start(200), HttpServer::start(404));
    let project = aviary(&chat, &checks);
    let daemon = Daemon::of(project.command(&["-vv"]));
    for name in NAMES {
        daemon.run(name, 0);
    }
    meddle(&project);
    daemon.until("configuration_kept", |_| true);
    // One about the connections, one about the files.
    chat.nth(2);
    daemon.until("notification_failed", |line| line["channel"] == "healthchecks");
    is_clean("metrics", &daemon.get("/metrics").1);
    is_clean("readyz", &daemon.get("/readyz").1);
    let (_, log) = daemon.stop();
    for line in log {
        is_clean("log", &line.to_string());
    }
    for asked in chat.asked() {
        is_clean("message", &asked.body);
        assert!(asked.path.contains("CANARY"));
    }
    for asked in checks.asked() {
        is_clean("ping", &asked.body);
    }
}

#[test]
fn no_canary_is_in_the_log_as_text() {
    let (chat, checks) = (HttpServer::start(404), HttpServer::start(404));
    let project = aviary(&chat, &checks);
    let mut daemon = Daemon::spawn(project.command(&["-vv"]));
    for name in NAMES {
        daemon.until_text(&format!("run_finished connection=\"{name}\""));
    }
    meddle(&project);
    daemon.until_text("configuration_kept");
    daemon.until_text("notification_failed channel=\"webhook\"");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), 143);
    for line in daemon.log() {
        is_clean("log", line.as_str().unwrap());
    }
}
