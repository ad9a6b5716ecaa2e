//! `rowbill rows`: rows that the ledger knows, and what a person decides about them.

use std::collections::HashMap;

use serde_json::{Value, json};

use rowbill_connector::Problem;

use super::args::{RowsArgs, RowsCommand};
use super::context::{Context, Problems};
use super::screen::{bold, dim, harmless};
use super::{exit, run_now};
use crate::config::{Connection, Project};
use crate::connectors;
use crate::ledger::{RowFilter, RowRecord, RowState};
use crate::mapping::time;
use crate::payments::payments;
use crate::payments::record::invoice_of;
use crate::run::Clock;
use crate::run::decision::{Deciding, Decision, find, row_values, word};
use crate::web::{Answer, Ask, Client, Decide, unexpected};

pub async fn rows(context: &Context, args: RowsArgs) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let Some(command) = args.command else {
        let name = args.name.unwrap_or_default();
        let connection = project.connection(&name).map_err(one)?;
        let key = run_now::key(args.key.as_deref())?;
        return list(context, &project, connection, key, args.failed, args.limit).await.map_err(one);
    };
    let (connection, key, decision) = asked(command);
    project.connection(&connection).map_err(one)?;
    let key = run_now::key(Some(&key))?.unwrap_or_default();
    let decide = Decide { connection, key, decision };
    let (row, told) = match Client::reach(&project.settings.ledger).await {
        Some(daemon) => match daemon.ask(&Ask::Decide(decide.clone())).await? {
            Answer::Row(row, told) => (row, told),
            _ => return Err(vec![unexpected()]),
        },
        None => here(context, &project, &decide).await.map_err(one)?,
    };
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "connection": decide.connection, "rows": [row] }));
    } else {
        let key: Vec<&str> = row["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        context.screen.line(format!("{}: {told}", harmless(&key.join(","))));
    }
    Ok(exit::OK)
}

fn asked(command: RowsCommand) -> (String, String, Decision) {
    match command {
        RowsCommand::Retry { name, key } => (name, key, Decision::Retry),
        RowsCommand::Skip { name, key } => (name, key, Decision::Skip),
        RowsCommand::Accept { name, key } => (name, key, Decision::Accept),
        RowsCommand::Resolve { name, key, stripe_id: Some(id), .. } => (name, key, Decision::Is(id)),
        RowsCommand::Resolve { name, key, .. } => (name, key, Decision::IsNot),
    }
}

async fn here(context: &Context, project: &Project, decide: &Decide) -> Result<(Value, String), Problem> {
    let connection = project.connection(&decide.connection)?;
    let ledger = context.ledger_to_write(project).await?;
    let target = || connectors::target(project.account(connection)?);
    let owner = project.owner(connection);
    let deciding = Deciding { ledger: &*ledger, connection, owner, target: &target, now: Clock::default().now() };
    let (row, told) = deciding.take(&decide.key, &decide.decision).await?;
    Ok((row_values(&*ledger, std::slice::from_ref(&row)).await?.pop().unwrap_or_default(), told))
}

async fn list(
    context: &Context,
    project: &Project,
    connection: &Connection,
    key: Option<Vec<String>>,
    failed: bool,
    limit: u32,
) -> Result<u8, Problem> {
    let ledger = context.ledger_to_read(project).await?;
    let rows = match (&ledger, key) {
        (None, _) => Vec::new(),
        (Some(ledger), Some(key)) => vec![find(&**ledger, connection, &key).await?],
        (Some(ledger), None) => {
            let states = if failed {
                vec![RowState::Failed, RowState::NeedsReview, RowState::Deferred, RowState::Sending]
            } else {
                Vec::new()
            };
            ledger.list_rows(&connection.name, &RowFilter { states, after: None, limit }).await?
        }
    };
    if context.screen.is_json() {
        let values = match &ledger {
            Some(ledger) => row_values(&**ledger, &rows).await?,
            None => Vec::new(),
        };
        context.screen.json(&json!({ "v": 1, "connection": connection.name, "rows": values }));
    } else {
        let all: Vec<&RowRecord> = rows.iter().collect();
        let payments = match &ledger {
            Some(ledger) => payments(&**ledger, &all).await?,
            None => HashMap::new(),
        };
        for row in &rows {
            line(context, row);
            if let Some(payment) = invoice_of(row).and_then(|invoice| payments.get(invoice)) {
                context.screen.line(format!("      {}", harmless(&super::payments::told(payment))));
            }
        }
    }
    Ok(exit::OK)
}

fn line(context: &Context, row: &RowRecord) {
    let mut objects: Vec<&str> = row.objects.iter().map(|object| object.id.as_str()).collect();
    objects.dedup();
    let key = harmless(&row.key.join(","));
    context.screen.line(format!(
        "  {}  {:12} {}  {}",
        bold(&key),
        word(row.state),
        harmless(&objects.join(" ")),
        dim(&time::display(row.at))
    ));
    if let Some(problem) = &row.problem {
        context.screen.line(format!("      {}", harmless(&problem.message)));
    }
}
