//! `rowbill pause` and `rowbill resume`: put a connection's schedule on hold, and take it up again.

use rowbill_connector::Problem;
use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use crate::config::Project;
use crate::ledger::Change;
use crate::run::Clock;
use crate::run::history::{newest_before, position};
use crate::schedule::Position;
use crate::web::{Ask, Client};

pub async fn pause(context: &Context, name: &str, paused: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    project.connection(name).map_err(one)?;
    if let Some(daemon) = Client::reach(&project.settings.ledger).await {
        let name = name.to_owned();
        daemon.ask(&if paused { Ask::Pause(name) } else { Ask::Resume(name) }).await?;
    } else {
        here(context, &project, name, paused).await.map_err(one)?;
    }
    let told = if paused { "on hold: only by hand until `rowbill resume`" } else { "on its schedule again" };
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": "ok", "name": name, "paused": paused }));
    } else {
        context.screen.line(format!("{name}: {told}"));
    }
    Ok(exit::OK)
}

/// In this process: the next daemon finds it so.
async fn here(context: &Context, project: &Project, name: &str, paused: bool) -> Result<(), Problem> {
    let ledger = context.ledger_to_write(project).await?;
    let now = Clock::default().now();
    let known = position(&*ledger, name).await?;
    let mut position = known.unwrap_or_else(|| Position::begin(name, "", now));
    position.pause(paused, now);
    // What ran before it meanwhile is not waited for.
    position.after.extend(newest_before(&*ledger, project.connection(name)?.after()).await?);
    ledger.commit(vec![Change::Position(position)]).await
}
