//! `rowbill payments claim|confirm|cancel`: payments by bank, cash or another wallet.

use std::sync::Arc;

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::screen::{self, bold, harmless};
use super::{exit, run_now};
use crate::config::Project;
use crate::connectors::catalog;
use crate::mapping::money::display;
use crate::payments::ClaimRecord;
use crate::run::{ByHand, ClaimAsk, Quiet, is_day};
use crate::web::{Answer, Ask, Client, unexpected};

/// Somebody says that an invoice was paid.
pub async fn claim(
    context: &Context,
    name: &str,
    key: &str,
    method: String,
    note: Option<String>,
) -> Result<u8, Problems> {
    let project = context.project()?;
    let name = project.connection(name).map_err(|problem| vec![problem])?.name.clone();
    let key = run_now::key(Some(key))?.unwrap_or_default();
    claimed(context, project, &name, ClaimAsk::Claim { key, method, note }).await
}

/// The money is there.
pub async fn confirm(
    context: &Context,
    id: String,
    amount: String,
    paid_on: String,
    reference: Option<String>,
) -> Result<u8, Problems> {
    is_day(&paid_on).map_err(|problem| vec![problem])?;
    let project = context.project()?;
    let name = owner(context, &project, &id).await.map_err(|problem| vec![problem])?;
    let connection = project.connection(&name).map_err(|problem| vec![problem])?;
    if project.is_live(connection) && !context.global.yes && !consent(context, &id) {
        let problem =
            Problem::new("guard.live", "this would mark a LIVE invoice as paid, and nobody said yes; nothing was sent");
        return Err(vec![problem.advise("add --yes, or run it in a terminal and answer")]);
    }
    claimed(context, project, &name, ClaimAsk::Confirm { id, amount, paid_on, reference }).await
}

/// It is not, and will not be.
pub async fn cancel(context: &Context, id: String, reason: String) -> Result<u8, Problems> {
    let project = context.project()?;
    let name = owner(context, &project, &id).await.map_err(|problem| vec![problem])?;
    claimed(context, project, &name, ClaimAsk::Cancel { id, reason }).await
}

/// The claims that the ledger has, the newest last.
pub async fn list(context: &Context, name: Option<&str>) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let names: Vec<String> = match name {
        Some(name) => vec![project.connection(name).map_err(one)?.name.clone()],
        None => project.connections.iter().map(|connection| connection.name.clone()).collect(),
    };
    let mut claims = Vec::new();
    if let Some(ledger) = context.ledger_to_read(&project).await.map_err(one)? {
        for name in names {
            let found = ClaimRecord::list(&*ledger, &name, None).await.map_err(one)?;
            claims.extend(found.iter().map(ClaimRecord::value));
        }
    }
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "claims": claims }));
    } else {
        for claim in &claims {
            line(context, claim);
        }
    }
    Ok(exit::OK)
}

/// The connection whose invoice a claim is about.
async fn owner(context: &Context, project: &Project, id: &str) -> Result<String, Problem> {
    let ledger = context.ledger_to_read(project).await?.ok_or_else(|| ClaimRecord::unknown(id))?;
    ClaimRecord::find(&*ledger, id).await.map(|claim| claim.connection)
}

async fn claimed(context: &Context, project: Project, name: &str, ask: ClaimAsk) -> Result<u8, Problems> {
    let claim = take(context, project, name, ByHand::Claim(ask)).await?;
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "claim": claim }));
    } else {
        line(context, &claim);
    }
    Ok(exit::OK)
}

/// Has it done by the daemon, where there is one; else here.
pub async fn take(context: &Context, project: Project, name: &str, ask: ByHand) -> Result<Value, Problems> {
    let one = |problem| vec![problem];
    let by = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    if let Some(daemon) = Client::reach(&project.settings.ledger).await {
        return match daemon.ask(&Ask::ByHand(name.to_owned(), by, ask)).await? {
            Answer::Reports(mut told) => told.pop().ok_or_else(|| vec![unexpected()]),
            _ => Err(vec![unexpected()]),
        };
    }
    let mut engine = context.engine(project, &[name.to_owned()], Arc::new(Quiet))?;
    engine.ledger = Some(context.ledger_to_write(&engine.project).await.map_err(one)?);
    let project = Arc::clone(&engine.project);
    let connection = project.connection(name).map_err(one)?;
    ask.take(&engine, connection, &by).await
}

fn line(context: &Context, claim: &Value) {
    let word = |name: &str| harmless(claim[name].as_str().unwrap_or_default());
    let key: Vec<&str> = claim["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let money = claim["amount"].as_i64().zip(claim["currency"].as_str());
    let money = money.map_or(String::new(), |(amount, code)| display(amount, code, &catalog().currencies));
    let told = format!("  {}  {:9} {}  {}", bold(&word("id")), word("state"), harmless(&key.join(",")), word("method"));
    context.screen.line(format!("{told}  {money}  {}", word("reference")).trim_end());
}

fn consent(context: &Context, id: &str) -> bool {
    screen::can_ask(&context.global) && {
        eprint!("{}: ", screen::bad("LIVE"));
        screen::typed(id, "to mark the invoice as paid")
    }
}
