//! Secrets that are where they belong, but are not what they should be.

use super::{CANARY, COMMANDS, FEW, comes_out_nowhere, key, project};
use crate::support::{Project, samples};

/// The secret is where it belongs, but is not what it should be.
#[test]
fn a_secret_of_the_wrong_form_is_not_shown() {
    let good = key("sk_test_");
    for text in [
        key("sk_live_"),
        key("rk_live_"),
        key("pk_test_"),
        key("whsec_"),
        key("acct_"),
        key("sk_org_"),
        CANARY.to_owned(),
        format!("{good} {good}"),
        format!("{good}\n{good}\n"),
        format!("{good}\u{0}"),
        format!("{good}ü"),
        format!("\"{good}\""),
        format!("STRIPE_SECRET_KEY={good}"),
        format!("{{\"key\": \"{good}\"}}"),
        format!("\u{feff}{good}"),
        format!("{good}\r\n"),
    ] {
        let project = project();
        project.key("acme", &text);
        // A daemon that could start would not end.
        let daemon = ["daemon", "--dashboard=127.0.0.1:1"];
        let commands = if text.trim() == good { COMMANDS } else { &[FEW[1], FEW[2], &daemon] };
        comes_out_nowhere(&text, &project, commands, &[]);
    }
}

#[test]
fn a_key_in_a_variable_is_not_shown() {
    for key in [key("sk_test_"), key("sk_live_"), CANARY.to_owned(), format!("{CANARY}\n{CANARY}")] {
        let project = project();
        project.edit("rowbill.yaml", "{ file: acme.key }", "{ env: ACME_KEY }");
        comes_out_nowhere(&key, &project, FEW, &[("ACME_KEY", &key)]);
    }
}

/// Where people are told: addresses that are none, and ones that are of the wrong kind.
#[test]
fn an_address_or_a_password_that_is_none_is_not_shown() {
    let notify = "notify:\n  webhook: { url: { file: w } }\n  healthchecks: { url: { file: w } }\n  \
                  email: { server: \"localhost:1\", security: none, user: u, password: { file: w }, from: a@b.example, \
                  to: c@d.example }\n";
    for text in [
        CANARY.to_owned(),
        format!("ftp://hooks.example.org/{CANARY}"),
        format!("http://hooks.example.org/{CANARY}"),
        format!("https://u:{CANARY}@hooks.example.org/"),
        format!("https://{CANARY} x/"),
        format!("https://[{CANARY}]/"),
        format!("https://hooks.example.org/{CANARY}\n{CANARY}"),
    ] {
        let project = project();
        project.write("rowbill.yaml", &format!("{}{notify}", project.read("rowbill.yaml")));
        project.write("w", &text);
        comes_out_nowhere(&text, &project, &[&["doctor", "-vv"], FEW[2], FEW[3]], &[]);
    }
}

#[test]
fn a_google_login_that_is_none_is_not_shown() {
    let pem = format!("-----BEGIN PRIVATE KEY-----\\n{CANARY}\\n-----END PRIVATE KEY-----\\n");
    let account = |key: &str| {
        format!(
            "{{\"type\":\"service_account\",\"client_email\":\"a@b.example\",\"private_key\":\"{key}\",\"token_uri\":\"http://127.0.0.1:1/token\"}}"
        )
    };
    for text in [
        account(&pem),
        account(CANARY),
        format!("\"{pem}\""),
        pem.replace("\\n", "\n"),
        format!("{{\"private_key\":\"{pem}\"}}"),
        format!("[\"{CANARY}\"]"),
    ] {
        let project = Project::with_sheets();
        project.mapping(
            "customers",
            &samples::CUSTOMERS.replace(
                "csv:\n    path: data/customers.csv",
                "google_sheets:\n    spreadsheet: 1AbCdEf\n    sheet: C",
            ),
        );
        project.write("service-account.json", &text);
        comes_out_nowhere(&text, &project, &[FEW[1], FEW[2], FEW[3], &["plan", "--all", "-vv"]], &[]);
    }
}
