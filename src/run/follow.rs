//! Follows the payments of an account: what has happened since the last look, and what became of its invoices.

use std::sync::Arc;

use rowbill_connector::Problem;

use super::engine::Engine;
use super::execute::refresh;
use crate::config::Connection;
use crate::payments::{Applied, Applying, poll};

/// What following an account came to.
#[derive(Debug, Default)]
pub struct Followed {
    /// Events that were not known before.
    pub new: usize,
    /// What became of all that waited.
    pub applied: Applied,
}

/// Reads the list of events first where `polls`, and then all invoices that events are about, at most so many.
pub async fn follow(engine: &Engine, account: &str, polls: bool, most: usize) -> Result<Followed, Problem> {
    let unknown = || Problem::new("config.unknown_account", format!("there is no account `{account}`"));
    let line = Arc::clone(engine.accounts.get(account).ok_or_else(unknown)?);
    let target = line.target.payments().ok_or_else(|| {
        Problem::new("payments.none", format!("the account `{account}` does not tell what became of its invoices"))
    })?;
    let ledger = engine.ledger()?;
    let new = if polls {
        line.listen().await?;
        poll(&*ledger, target, account, engine.clock.now_for(line.target.as_ref())).await?
    } else {
        0
    };
    let connections = engine.project.connections.iter().filter(|connection| connection.account == account);
    let tags: Vec<(String, String)> =
        connections.map(|connection| (engine.owner(connection).tag(), connection.name.clone())).collect();
    let applying = Applying { ledger: &*ledger, target, account, tags: &tags, now: engine.clock.now(), most };
    Ok(Followed { new, applied: applying.run().await? })
}

/// The connections whose sources show what has changed: the one that made an invoice, and those that made its items.
pub fn showing<'a>(engine: &'a Engine, applied: &Applied) -> Vec<&'a Connection> {
    let made: Vec<&str> = applied.changed.iter().map(|payment| payment.connection.as_str()).collect();
    let items = |connection: &Connection| connection.action.invoice().and_then(|invoice| invoice.items_from.clone());
    let with_items: Vec<String> =
        engine.project.connections.iter().filter(|other| made.contains(&&*other.name)).filter_map(items).collect();
    let shows = |connection: &&Connection| {
        let is_told = made.contains(&&*connection.name) || with_items.contains(&connection.name);
        is_told && connection.write_back.columns.iter().any(|(field, _)| field.is_payment())
    };
    engine.project.connections.iter().filter(shows).collect()
}

/// Writes into the sources of these connections what became of their payments.
pub async fn show(engine: &Engine, connections: &[&Connection]) -> Result<(), Vec<Problem>> {
    for connection in connections {
        refresh(engine, connection).await?;
    }
    Ok(())
}
