//! Stripe's official clients agree with the sandbox, so that what passes against it passes against Stripe; and so does
//! another fake Stripe about idempotency keys.

mod idempotency;
mod stateful;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rowbill_stripe_sandbox::Options;

use crate::support::project;

/// The program that a variable names. Without it the test is left out, with a word, but never where CI runs.
fn program(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok().filter(|name| !name.is_empty());
    if named.is_none() {
        let told = format!("{variable} is not set: `./test` installs the client and sets it");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{told}");
        // Past the harness, which keeps what tests that pass print to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {told}");
    }
    named
}

/// Python's and Node's own SDK of Stripe, each with a script that signs and checks webhooks; none where they are not
/// installed.
pub fn signers() -> Option<[(String, PathBuf); 2]> {
    let python = program("ROWBILL_PYTHON")?;
    program("STRIPE_CLI")?;
    Some([(python, script("webhook.py")), ("node".to_owned(), script("webhook.js"))])
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/stripe_sandbox/clients").join(name)
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", told(&output.stdout), told(&output.stderr));
}

#[test]
fn the_python_sdk_agrees_with_the_sandbox() {
    let Some(python) = program("ROWBILL_PYTHON") else { return };
    let stripe = project::sandbox(Options::default());
    succeeds(Command::new(python).arg(script("python_sdk.py")).arg(stripe.url()));
}

#[test]
fn the_cli_agrees_with_the_sandbox() {
    let Some(cli) = program("STRIPE_CLI") else { return };
    let stripe = project::sandbox(Options::default());
    succeeds(Command::new(script("cli.sh")).arg(stripe.url()).env("STRIPE_CLI", cli));
}
