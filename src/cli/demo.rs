//! `rowbill demo`: the whole flow on a fake Stripe and a fake Google Sheets; nothing real is touched.
//!
//! The demo types the same commands that a person would, so that what it shows is what they get.

use std::path::{Path, PathBuf};

use rowbill_connector::Problem;
use rowbill_google_sheets::fake::FakeSheets;
use rowbill_stripe_sandbox::{Options, Sandbox};
use serde_json::json;

use super::context::{Context, Problems};
use super::screen::{bold, dim};
use super::{exit, plan, run_now, sandbox};
use crate::run::Stop;
use crate::web::RunNow;

const FILES: &[(&str, &str)] = &[
    ("mappings/new-customers.yaml", include_str!("../../mappings/new-customers.yaml")),
    ("mappings/order-items.yaml", include_str!("../../mappings/order-items.yaml")),
    ("mappings/monthly-invoices.yaml", include_str!("../../mappings/monthly-invoices.yaml")),
    ("mappings/bills.yaml", include_str!("../../mappings/bills.yaml")),
    ("data/customers.csv", include_str!("../../data/customers.csv")),
    ("data/bills.csv", include_str!("../../data/bills.csv")),
];
const SETTINGS: &str = include_str!("../../rowbill.yaml");
const KEY: &str = "sk_test_rowbilldemo0000000000";

pub async fn demo(context: &Context, keep: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let folder = tempfile::Builder::new().prefix("rowbill-demo-").tempdir().map_err(|error| one(unwritable(&error)))?;
    let sandbox = sandbox::start(0, Options::default())?;
    let sheets = FakeSheets::start();
    sheets.set_rows("Orders", orders());
    write(folder.path(), &sandbox, &sheets).map_err(|error| one(unwritable(&error)))?;
    let inner = Context {
        global: context.global.clone(),
        screen: super::screen::Screen::new(&context.global),
        stop: std::sync::Arc::new(Stop::default()),
    };
    let inner =
        Context { global: super::args::Global { config: folder.path().join("rowbill.yaml"), ..inner.global }, ..inner };
    let shown = show(&inner, &sandbox).await;
    sandbox.shutdown().await;
    if keep {
        let path = folder.keep();
        context.screen.say(format!("the demo's files are in {}", path.display()));
    }
    shown
}

async fn show(context: &Context, sandbox: &Sandbox) -> Result<u8, Problems> {
    let screen = &context.screen;
    screen.line(format!("A fake Stripe ({}) and a fake Google Sheets, on this machine only.", sandbox.url()));
    say(context, "What would happen", "rowbill plan --all");
    plan::plan(context, Vec::new(), true, None, false).await?;
    say(context, "Rows become customers, items and invoices", "rowbill run-now --all");
    run(context).await?;
    say(context, "Once more: every row is done, or told", "rowbill run-now --all");
    run(context).await?;
    say(context, "What the fake Stripe has now", "");
    for kind in ["customer", "invoiceitem", "invoice"] {
        let objects = sandbox.objects(kind);
        screen.line(format!("  {:3} {kind}s", objects.len()));
        for invoice in objects.iter().filter(|_| kind == "invoice") {
            let text = |name: &str| invoice[name].as_str().unwrap_or_default().to_owned();
            let total = invoice["total"].as_i64().unwrap_or_default();
            let total =
                crate::mapping::money::display(total, &text("currency"), &crate::connectors::catalog().currencies);
            screen.line(format!("      {}  {:6} {total}  {}", text("id"), text("status"), text("description")));
        }
    }
    screen.line("");
    screen.line(format!("Now yours: {}", bold("rowbill init my-project")));
    Ok(exit::OK)
}

/// The sample has one row that fails on purpose, which is no failure of the demo.
async fn run(context: &Context) -> Result<(), Problems> {
    run_now::run_now(context, RunNow { all: true, ..RunNow::default() }).await.map(drop)
}

fn say(context: &Context, what: &str, command: &str) {
    context.screen.line(format!(
        "\n{} {}",
        bold(what),
        dim(&if command.is_empty() { String::new() } else { format!("$ {command}") })
    ));
}

fn write(folder: &Path, sandbox: &Sandbox, sheets: &FakeSheets) -> std::io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)?;
    }
    std::fs::write(folder.join("demo.key"), KEY)?;
    let login: PathBuf = sheets.login_file(folder);
    // The same settings with the two addresses of this machine in them.
    let settings = SETTINGS
        .replace(
            "key: { env: STRIPE_SECRET_KEY }",
            &format!("key: {{ file: demo.key }}\n    api_base: {}\n   ", sandbox.url()),
        )
        .replace(
            "login: { file: secrets/service-account.json }",
            &format!("login: {{ file: \"{}\" }}\n  api_base: {}", login.display(), sheets.url()),
        );
    std::fs::write(folder.join("rowbill.yaml"), settings)
}

fn orders() -> Vec<Vec<serde_json::Value>> {
    let row = |order: &str, id: u32, email: &str, what: &str, total: serde_json::Value, ready: bool| {
        vec![json!(order), json!(id), json!(email), json!("2026-11"), json!(what), total, json!(ready)]
    };
    vec![
        ["Order no.", "Customer ID", "E-mail", "Month", "Description", "Total", "Ready"]
            .iter()
            .map(|header| json!(header))
            .collect(),
        row("A-1", 1, "ann@example.org", "Oak table", json!(420), true),
        row("A-2", 1, "ann@example.org", "Four chairs", json!(319.6), true),
        row("A-3", 2, "bob@example.org", "Lamp", json!(19.99), true),
        row("A-4", 2, "bob@example.org", "Shade", json!("1.000"), false),
        row("A-5", 3, "cid@example.org", "Rug", json!(85.5), true),
    ]
}

fn unwritable(error: &std::io::Error) -> Problem {
    Problem::new("demo.write", format!("the demo's folder cannot be written: {error}")).advise("make room in TMPDIR")
}
