//! Follows the payments of an account: what has happened since the last look, and what became of its invoices.

use rowbill_connector::{Payments, Problem, Target};

use super::act::Named;
use super::engine::Engine;
use crate::config::Connection;
use crate::ledger::{Change, Ledger};
use crate::payments::{Applied, Applying, PaymentRecord, poll, replay};
use crate::protocol::Time;

/// What following an account came to.
#[derive(Debug, Default)]
pub struct Followed {
    /// Events that were not known before.
    pub new: usize,
    /// What became of all that waited.
    pub applied: Applied,
}

/// Where to look for what has happened.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// Only at what the ledger has and was not applied.
    Ledger,
    /// At the target's list of events, from where it was read before.
    List,
    /// At this event once more, whatever became of it before.
    Event(&'a str),
}

/// What a target tells of payments, or the problem that it tells nothing.
pub fn money_of(target: &dyn Target) -> Result<&dyn Payments, Problem> {
    target
        .payments()
        .ok_or_else(|| Problem::new("payments.none", "this account does not tell what became of its invoices"))
}

/// Looks at what has happened, and then reads all invoices that it is about, at most so many.
pub async fn follow(engine: &Engine, account: &str, look: Look<'_>, most: usize) -> Result<Followed, Problem> {
    let line = engine.line_named(account)?;
    let target = money_of(line.target.as_ref())?;
    let ledger = engine.ledger()?;
    let mut new = 0;
    match look {
        Look::Ledger => {}
        Look::List => {
            line.listen().await?;
            new = poll(&*ledger, target, account, engine.clock.now_for(line.target.as_ref())).await?;
        }
        Look::Event(id) => {
            let event = target.event(id).await.map_err(|error| error.problem().clone())?;
            replay(&*ledger, account, &event, engine.clock.now()).await?;
        }
    }
    let connections = engine.project.connections.iter().filter(|connection| connection.account == account);
    let tags: Vec<(String, String)> =
        connections.map(|connection| (engine.owner(connection).tag(), connection.name.clone())).collect();
    let applying = Applying { ledger: &*ledger, target, account, tags: &tags, now: engine.clock.now(), most };
    Ok(Followed { new, applied: applying.run().await? })
}

/// Reads an invoice's payment again, after something was done to it, and writes it down. What cannot be read now is read
/// after the next event, or by the next poll.
pub async fn learn(
    ledger: &dyn Ledger,
    target: &dyn Payments,
    named: &Named,
    now: Time,
    why: &str,
) -> Result<(), Problem> {
    let Ok(bill) = target.bill(&named.invoice).await else { return Ok(()) };
    let before = PaymentRecord::find(ledger, &named.invoice).await?;
    let known = before.as_ref().map(|before| (before.connection.clone(), before.key.clone()));
    let Some((connection, key)) = named.made_by.clone().or(known) else { return Ok(()) };
    let record = PaymentRecord::of(&bill, before, connection, key, now, why);
    ledger.commit(vec![Change::Document(record.document())]).await
}

/// The connections whose sources show what has changed: the one that made an invoice, and those that made its items.
pub fn showing<'a>(engine: &'a Engine, applied: &Applied) -> Vec<&'a Connection> {
    let made: Vec<&str> = applied.changed.iter().map(|payment| payment.connection.as_str()).collect();
    showing_of(engine, &made)
}

/// The connections whose sources show payments of what these have made.
pub fn showing_of<'a>(engine: &'a Engine, made: &[&str]) -> Vec<&'a Connection> {
    let items = |connection: &Connection| connection.action.invoice().and_then(|invoice| invoice.items_from.clone());
    let with_items: Vec<String> =
        engine.project.connections.iter().filter(|other| made.contains(&&*other.name)).filter_map(items).collect();
    let shows = |connection: &&Connection| {
        let is_told = made.contains(&&*connection.name) || with_items.contains(&connection.name);
        is_told && connection.write_back.shows_payments()
    };
    engine.project.connections.iter().filter(shows).collect()
}
