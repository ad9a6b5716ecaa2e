//! Secrets that are said back, on the command line, or in a cell.

use serde_json::json;

use super::super::answers;
use super::super::told::run;
use super::{COMMANDS, FEW, comes_out_nowhere, holds, key, project};

/// A Stripe, or something that says it is, that says the key back.
#[test]
fn a_key_that_is_quoted_in_an_answer_is_masked() {
    let error =
        |kind: &str| json!({ "error": { "type": kind, "code": "KEY", "param": "KEY", "message": "What is KEY?" } });
    let object = json!({ "id": "KEY", "object": "customer", "livemode": false, "created": 1, "email": "KEY" });
    for (status, body) in [
        (400, error("invalid_request_error")),
        (401, error("KEY")),
        (403, error("KEY")),
        (200, object),
        (200, json!("KEY")),
        (418, json!({ "KEY": "KEY" })),
    ] {
        let project = answers::project(&answers::server(status, &body));
        project.key("acme", &key("sk_test_"));
        let commands = if status == 400 { COMMANDS } else { FEW };
        comes_out_nowhere(&format!("{status} {body}"), &project, commands, &[]);
    }
}

/// A server that is not there: the connection's error names the address, which holds no key.
#[test]
fn a_connection_that_fails_names_no_key() {
    let project = answers::project("http://127.0.0.1:1");
    project.key("acme", &key("rk_test_"));
    comes_out_nowhere("nobody there", &project, &FEW[1..2], &[]);
}

/// Whoever pastes a key into a command has it in the history of the shell already; it need not be in a log as well.
#[test]
fn a_key_on_the_command_line_is_masked() {
    let key = key("sk_live_");
    for args in [
        &["run-now", &key][..],
        &["plan", &key],
        &["plan", "customers", "--only", &key],
        &["run-now", "customers", "--only", &key],
        &["preview", "customers", "--row", &key],
        &["rows", "customers", &key],
        &["rows", "retry", "customers", &key],
        &["rows", "resolve", "customers", "1", "--stripe-id", &key],
        &["runs", &key],
        &["runs", "--of", &key],
        &["explain", &key],
        &["pause", &key],
        &["validate", "-c", &key],
        &[&key],
        &["plan", "customers", "--key", &key],
        &["validate", &format!("--key={key}")],
        &["init", "x", "--from", &key],
        &["ledger", "rename", &key, "x"],
        &["daemon", "--dashboard", &key],
    ] {
        let project = project();
        for more in [&[][..], &["-o", "json"]] {
            let told = run(project.command(&[args, more].concat()));
            assert!(!holds(told.all().as_bytes()), "{args:?}: {}", told.all());
        }
    }
}

/// A cell that holds a key is data: it is sent as it is, and shown where rows are shown, but never in a log.
#[test]
fn a_key_in_a_cell_is_sent_and_is_in_no_log() {
    let project = project();
    let key = key("sk_live_");
    project.csv("customers", &format!("Customer ID,E-mail,Name\n1,c1@example.org,{key}\n{key},{key},x\n"));
    for args in
        [&["plan", "customers"][..], &["run-now", "customers"], &["rows", "customers"], &["doctor"], &["status"]]
    {
        let told = run(project.command(&[args, &["-vv"]].concat()));
        assert!(!holds(told.stderr.as_bytes()), "{args:?}: {}", told.stderr);
    }
    let names = project.stripe.objects("customer").into_iter().map(|customer| customer["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), [json!(key)]);
}
