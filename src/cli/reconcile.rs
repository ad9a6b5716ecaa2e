//! `rowbill reconcile`: source, ledger and Stripe compared.

use std::sync::Arc;

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bad, bold, dim, good, harmless, unsure};
use crate::books::reconcile::Side;
use crate::books::{self, Reconciled};
use crate::config::Connection;
use crate::connectors::catalog;
use crate::mapping::money::display;
use crate::run::errand::select;
use crate::run::{Quiet, report_json};

/// So many findings are shown on a screen.
const SHOWN: usize = 20;

pub async fn reconcile(context: &Context, names: &[String], all: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let names: Vec<String> = select(&project, names, all, false)?.into_iter().map(|chosen| chosen.name).collect();
    let mut engine = context.engine(project, &names, Arc::new(Quiet))?;
    engine.ledger = context.ledger_to_read(&engine.project).await.map_err(one)?;
    let project = Arc::clone(&engine.project);
    let chosen = names.iter().map(|name| project.connection(name)).collect::<Result<Vec<&Connection>, Problem>>();
    let told = books::reconcile(&engine, &chosen.map_err(one)?).await?;
    let is_wrong = told.iter().flat_map(|one| &one.findings).any(|finding| finding.kind.is_wrong());
    if context.screen.is_json() {
        let connections: Vec<Value> = told.iter().map(value).collect();
        let result = if is_wrong { "needs_person" } else { "ok" };
        context.screen.json(&json!({ "v": 1, "result": result, "connections": connections }));
    } else {
        for one in &told {
            text(context, one);
        }
    }
    Ok(if is_wrong { exit::NEEDS_PERSON } else { exit::OK })
}

fn value(one: &Reconciled) -> Value {
    let side = |side: &Side| json!({ "count": side.count, "amounts": report_json::amounts(&side.amounts, catalog()) });
    json!({
        "connection": one.connection, "account": one.account, "source": side(&one.source), "ledger": side(&one.ledger),
        "stripe": side(&one.target), "to_send": one.to_send, "findings": one.findings,
    })
}

fn text(context: &Context, one: &Reconciled) {
    context.screen.line(format!("{} → {}", bold(&one.connection), one.account));
    for (name, side) in [("source", &one.source), ("ledger", &one.ledger), ("Stripe", &one.target)] {
        let amounts = side.amounts.0.iter().map(|(code, minor)| display(*minor, code, &catalog().currencies));
        let amounts = amounts.collect::<Vec<_>>().join(", ");
        context.screen.line(format!("  {name:8} {:>8}   {amounts}", side.count).trim_end());
    }
    if one.to_send > 0 {
        context.screen.line(format!("  {} {} not billed yet", dim("…"), one.to_send));
    }
    for finding in one.findings.iter().take(SHOWN) {
        let sign = if finding.kind.is_wrong() { bad("✘") } else { unsure("!") };
        let (key, message) = (harmless(&finding.key.join(",")), harmless(&finding.message));
        context.screen.line(format!("  {sign} {}  {message}", bold(&key)));
    }
    if one.findings.len() > SHOWN {
        context.screen.line(format!("    and {} more: --output json has all of them", one.findings.len() - SHOWN));
    }
    if one.findings.is_empty() {
        context.screen.line(format!("  {} the three books agree", good("=")));
    }
}
