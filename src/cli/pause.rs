//! `rowbill pause` and `rowbill resume`: put a connection's schedule on hold, and take it up again.

use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use crate::ledger::Change;
use crate::run::Clock;
use crate::schedule::Position;
use crate::web::{Ask, Client};

pub async fn pause(context: &Context, name: &str, paused: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    project.connection(name).map_err(one)?;
    match Client::reach(&project.settings.ledger).await {
        Some(daemon) => {
            let name = name.to_owned();
            daemon.ask(&if paused { Ask::Pause(name) } else { Ask::Resume(name) }).await?;
        }
        None => {
            let ledger = context.ledger_to_write(&project).await.map_err(one)?;
            let now = Clock::default().now();
            let known = ledger.positions().await.map_err(one)?.into_iter().find(|one| one.connection == name);
            let mut position = known.unwrap_or_else(|| Position::begin(name, "", now));
            position.pause(paused, now);
            ledger.commit(vec![Change::Position(position)]).await.map_err(one)?;
        }
    }
    let told = if paused { "on hold: only by hand until `rowbill resume`" } else { "on its schedule again" };
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": "ok", "name": name, "paused": paused }));
    } else {
        context.screen.line(format!("{name}: {told}"));
    }
    Ok(exit::OK)
}
