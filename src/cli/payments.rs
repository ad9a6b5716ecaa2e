//! `rowbill payments`: what became of the invoices.

use std::sync::Arc;

use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::payments_args::PaymentsCommand;
use super::screen::{bold, dim, harmless};
use super::{claims, exit, refund};
use crate::connectors::catalog;
use crate::ledger::{DocumentFilter, DocumentKind};
use crate::mapping::money::display;
use crate::mapping::time;
use crate::payments::PaymentRecord;
use crate::run::{Engine, Look, Quiet, follow, refresh, showing};
use crate::web::{Answer, Ask, Client, polled, unexpected};

pub async fn payments(context: &Context, command: PaymentsCommand) -> Result<u8, Problems> {
    match command {
        PaymentsCommand::List { name, claimed: true, .. } => claims::list(context, name.as_deref()).await,
        PaymentsCommand::List { name, state, .. } => list(context, name.as_deref(), state.as_deref()).await,
        PaymentsCommand::Claim { name, key, method, note } => claims::claim(context, &name, &key, method, note).await,
        PaymentsCommand::Confirm { claim, amount, date, reference } => {
            claims::confirm(context, claim, amount, date, reference).await
        }
        PaymentsCommand::Cancel { claim, reason } => claims::cancel(context, claim, reason).await,
        PaymentsCommand::Refund { name, key, amount, reason, dry_run } => {
            refund::refund(context, refund::Wanted { name, key, amount, reason, dry_run }).await
        }
        PaymentsCommand::Poll { accounts, all } => poll(context, accounts, all).await,
    }
}

async fn list(context: &Context, name: Option<&str>, state: Option<&str>) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let names: Vec<&str> = match name {
        Some(name) => vec![&project.connection(name).map_err(one)?.name],
        None => project.connections.iter().map(|connection| connection.name.as_str()).collect(),
    };
    let ledger = context.ledger_to_read(&project).await.map_err(one)?;
    let mut found = Vec::new();
    for name in names {
        let Some(ledger) = &ledger else { break };
        let of_connection = DocumentFilter::of(DocumentKind::Payment, name, u32::MAX);
        let filter = DocumentFilter { state: state.map(str::to_owned), ..of_connection };
        for document in ledger.list_documents(&filter).await.map_err(one)? {
            found.push(PaymentRecord::from_document(document).map_err(one)?);
        }
    }
    if context.screen.is_json() {
        let values: Vec<Value> = found.iter().map(value).collect();
        context.screen.json(&json!({ "v": 1, "payments": values }));
        return Ok(exit::OK);
    }
    for payment in &found {
        let whose = if payment.key.is_empty() { payment.invoice.clone() } else { payment.key.join(",") };
        context.screen.line(format!(
            "  {}  {}  {}",
            bold(&payment.connection),
            harmless(&whose),
            harmless(&told(payment))
        ));
    }
    if found.is_empty() {
        context.screen.say("no payments are known yet: `rowbill payments poll --all` asks for them");
    }
    Ok(exit::OK)
}

async fn poll(context: &Context, accounts: Vec<String>, all: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let accounts = if all { project.settings.accounts.keys().cloned().collect() } else { accounts };
    for account in &accounts {
        project.account_named(account).map_err(one)?;
    }
    if let Some(daemon) = Client::reach(&project.settings.ledger).await {
        return match daemon.ask(&Ask::Poll(accounts)).await? {
            Answer::Reports(told) => Ok(report(context, &told)),
            _ => Err(vec![unexpected()]),
        };
    }
    let of_accounts = project.connections.iter().filter(|connection| accounts.contains(&connection.account));
    let names: Vec<String> = of_accounts.map(|connection| connection.name.clone()).collect();
    let mut engine = context.engine(project, &names, Arc::new(Quiet))?;
    engine.ledger = Some(context.ledger_for_run(&engine).await.map_err(one)?);
    let mut told = Vec::new();
    for account in accounts.iter().filter(|account| engine.accounts.contains_key(*account)) {
        told.push(followed(&engine, account, Look::List).await?);
    }
    Ok(report(context, &told))
}

/// Follows an account in this process, and shows what has changed.
pub async fn followed(engine: &Engine, account: &str, look: Look<'_>) -> Result<Value, Problems> {
    let followed = follow(engine, account, look, usize::MAX).await.map_err(|problem| vec![problem])?;
    for connection in showing(engine, &followed.applied) {
        refresh(engine, connection).await?;
    }
    Ok(polled(account, &followed))
}

pub fn report(context: &Context, told: &[Value]) -> u8 {
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "accounts": told }));
    } else {
        for one in told {
            let number = |name: &str| one[name].as_u64().unwrap_or(0);
            let account = harmless(one["account"].as_str().unwrap_or_default());
            context.screen.line(format!(
                "  {}  {} new events, {} payments changed",
                bold(&account),
                number("new_events"),
                one["changed"].as_array().map_or(0, Vec::len)
            ));
            if let Some(message) = one["stopped"]["message"].as_str() {
                context.screen.line(format!("      {} {}", dim("the rest waits:"), harmless(message)));
            }
        }
    }
    if told.iter().any(|one| !one["stopped"].is_null()) { exit::DEFERRED_ROWS } else { exit::OK }
}

fn value(payment: &PaymentRecord) -> Value {
    let mut value = payment.value();
    value["connection"] = payment.connection.clone().into();
    value
}

/// A payment in one line.
pub fn told(payment: &PaymentRecord) -> String {
    let money = |amount: i64| display(amount, &payment.currency, &catalog().currencies);
    let mut told = format!("{}  {}", payment.state.name().replace('_', " "), money(payment.total));
    let mut add = |text: String| {
        told.push_str(", ");
        told.push_str(&text);
    };
    if payment.paid != 0 && payment.paid != payment.total {
        add(format!("{} paid", money(payment.paid)));
    }
    if payment.paid_outside != 0 {
        add(format!("{} of it outside of Stripe", money(payment.paid_outside)));
    }
    if payment.refunded != 0 {
        add(format!("{} refunded", money(payment.refunded)));
    }
    if payment.disputed != 0 {
        add(format!("{} disputed", money(payment.disputed)));
    }
    if let Some(at) = payment.due_by {
        add(format!("evidence until {}", time::display(at)));
    }
    if let Some(failure) = &payment.failure {
        add(format!("attempt {}: {failure}", payment.attempts));
    }
    if let Some(at) = payment.next_attempt {
        add(format!("next attempt {}", time::display(at)));
    }
    if let Some(at) = payment.paid_at {
        add(format!("paid {}", time::display(at)));
    }
    told
}
