//! `rowbill webhooks`: where Stripe delivers to, and what came.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rowbill_connector::{Endpoint, IdempotencyKey, Problem};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::context::{Context, Problems};
use super::exit;
use super::payments_args::WebhooksCommand;
use super::screen::{bad, bold, dim, good, harmless};
use crate::config::Project;
use crate::connectors;
use crate::ledger::{DocumentFilter, DocumentKind, Ledger};
use crate::mapping::time;
use crate::payments::EventRecord;
use crate::run::{Look, Quiet, money_of};
use crate::web::{Answer, Ask, Client, unexpected};

/// So many events are read from the ledger at once.
const PAGE: u32 = 500;

pub async fn webhooks(context: &Context, command: WebhooksCommand) -> Result<u8, Problems> {
    let project = context.project()?;
    match command {
        WebhooksCommand::Add { account, url } => {
            add(context, &project, &account, &url).await.map_err(|problem| vec![problem])
        }
        WebhooksCommand::Status { account } => {
            status(context, &project, account.as_deref()).await.map_err(|problem| vec![problem])
        }
        WebhooksCommand::Replay { account, event } => again(context, project, account, event).await,
    }
}

/// Registers an endpoint, and keeps its secret in a file that only this user may read. The key is that of the file: asked
/// again after a lost answer, Stripe tells the same endpoint and the same secret.
async fn add(context: &Context, project: &Project, name: &str, url: &str) -> Result<u8, Problem> {
    let account = project.account_named(name)?;
    let target = connectors::target(account)?;
    let file = context.root().join("secrets").join(format!("{name}.whsec"));
    if file.exists() {
        let message = format!("{} is there already", file.display());
        return Err(Problem::new("webhook.secret_exists", message).advise(
            "to replace a secret, move the file away, keep both in `webhook_secrets:` for a day, then drop the old",
        ));
    }
    let hash = Sha256::digest(format!("{name}\n{url}\n{}", file.display()));
    let key = IdempotencyKey(format!("rowbill-webhook-{}", data_encoding::HEXLOWER.encode(&hash[..16])));
    let made = money_of(&*target)?.add_endpoint(url, &key).await;
    let (endpoint, secret) = made.map_err(|error| error.problem().clone())?;
    keep(&file, &secret)?;
    let line = format!("webhook_secrets: [{{ file: secrets/{name}.whsec }}]");
    if context.screen.is_json() {
        let file = file.display().to_string();
        context.screen.json(&json!({ "v": 1, "endpoint": value(&endpoint), "secret_file": file, "settings": line }));
    } else {
        context.screen.line(format!("  {} {}  {}", good("✔"), harmless(&endpoint.id), harmless(&endpoint.url)));
        context.screen.line(format!("  its signing secret is in {}", file.display()));
        context.screen.line(format!("  put below `accounts: {name}:` in rowbill.yaml:  {}", bold(&line)));
    }
    Ok(exit::OK)
}

fn keep(file: &Path, secret: &str) -> Result<(), Problem> {
    let written = || {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        open.write_all(secret.as_bytes())?;
        open.sync_all()
    };
    written().map_err(|error| {
        Problem::new("webhook.secret_unwritten", format!("{} cannot be written: {error}", file.display()))
            .advise("make room, or the folder writable, and give the same command again within a day")
    })
}

async fn status(context: &Context, project: &Project, only: Option<&str>) -> Result<u8, Problem> {
    let accounts = match only {
        Some(name) => vec![project.account_named(name)?],
        None => project.settings.accounts.values().collect(),
    };
    let ledger = context.ledger_to_read(project).await?;
    let mut told = Vec::new();
    for account in accounts {
        let (counts, last) = match &ledger {
            Some(ledger) => known(&**ledger, &account.name).await?,
            None => Default::default(),
        };
        // What Stripe says is told where the key may see it.
        let endpoints = match connectors::target(account) {
            Ok(target) => money_of(&*target)?.endpoints().await.map_err(|error| error.problem().clone()),
            Err(problem) => Err(problem),
        };
        told.push(json!({
            "account": account.name, "events": counts,
            "last": last.map(|last| json!({ "id": last.id, "type": last.kind, "received_at": time::display(last.received),
                "by": last.by })),
            "endpoints": endpoints.as_ref().map(|all| all.iter().map(value).collect::<Vec<_>>()).unwrap_or_default(),
            "problem": endpoints.err(),
        }));
    }
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "accounts": told }));
    } else {
        for one in &told {
            text(context, one);
        }
    }
    let is_off = |endpoint: &Value| endpoint["enabled"] == false;
    let any_off = told.iter().any(|one| one["endpoints"].as_array().is_some_and(|all| all.iter().any(is_off)));
    Ok(if any_off { exit::NEEDS_PERSON } else { exit::OK })
}

/// How many events are known, by their state, and the one that came last.
async fn known(
    ledger: &dyn Ledger,
    account: &str,
) -> Result<(BTreeMap<&'static str, u64>, Option<EventRecord>), Problem> {
    let mut counts = BTreeMap::from([("applied", 0), ("ignored", 0), ("pending", 0)]);
    let mut last: Option<EventRecord> = None;
    let mut filter = DocumentFilter::of(DocumentKind::Event, account, PAGE);
    loop {
        let page = ledger.list_documents(&filter).await?;
        let Some(end) = page.last() else { return Ok((counts, last)) };
        filter.after.clone_from(&end.id);
        for document in page {
            let event = EventRecord::from_document(document)?;
            *counts.entry(event.state.name()).or_default() += 1;
            if last.as_ref().is_none_or(|last| event.received > last.received) {
                last = Some(event);
            }
        }
    }
}

fn value(endpoint: &Endpoint) -> Value {
    json!({ "id": endpoint.id, "url": endpoint.url, "enabled": endpoint.is_enabled, "lacks": endpoint.lacks })
}

fn text(context: &Context, one: &Value) {
    let word = |value: &Value| harmless(value.as_str().unwrap_or_default());
    let count = |state: &str| one["events"][state].as_u64().unwrap_or(0);
    let counts = format!("{} applied, {} of others, {} waiting", count("applied"), count("ignored"), count("pending"));
    context.screen.line(format!("{}  {counts}", bold(&word(&one["account"]))));
    if let Some(at) = one["last"]["received_at"].as_str() {
        context.screen.line(format!("  last  {}  {}", word(&one["last"]["type"]), dim(at)));
    }
    for endpoint in one["endpoints"].as_array().into_iter().flatten() {
        let state = if endpoint["enabled"] == true { good("✔") } else { bad("switched off") };
        context.screen.line(format!("  {state} {}  {}", word(&endpoint["id"]), word(&endpoint["url"])));
        let lacks: Vec<&str> = endpoint["lacks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !lacks.is_empty() {
            context.screen.line(format!("      does not get {}", lacks.join(", ")));
        }
    }
    if let Some(message) = one["problem"]["message"].as_str() {
        context.screen.line(format!("  {}", harmless(message)));
    }
}

/// Reads an event again at Stripe, and what it is about.
async fn again(context: &Context, project: Project, name: String, event: String) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    project.account_named(&name).map_err(one)?;
    let told = if let Some(daemon) = Client::reach(&project.settings.ledger).await {
        match daemon.ask(&Ask::Replay(name, event)).await? {
            Answer::Reports(told) => told,
            _ => return Err(vec![unexpected()]),
        }
    } else {
        let names: Vec<String> = project.connections.iter().map(|connection| connection.name.clone()).collect();
        let mut engine = context.engine(project, &names, Arc::new(Quiet))?;
        engine.ledger = Some(context.ledger_to_write(&engine.project).await.map_err(one)?);
        vec![super::payments::followed(&engine, &name, Look::Event(&event)).await?]
    };
    Ok(super::payments::report(context, &told))
}
