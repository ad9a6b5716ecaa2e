//! `rowbill undo`: takes back what a run has made.

use std::sync::Arc;

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::screen::{bad, bold, can_ask, dim, good, harmless, typed, unsure};
use super::{exit, runs};
use crate::books::undo::{self, Act, Deed, Undo};
use crate::connectors::catalog;
use crate::mapping::money::display;
use crate::run::history::go_on;
use crate::run::{Engine, Quiet};

/// So many objects are shown on a screen.
const SHOWN: usize = 20;

pub async fn undo(context: &Context, id: &str, dry_run: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let reading = context.ledger_to_read(&project).await.map_err(one)?;
    let run = runs::found(reading.as_deref(), id).await.map_err(one)?;
    let name = run.connection.clone();
    let mut engine = context.engine(project, std::slice::from_ref(&name), Arc::new(Quiet))?;
    engine.ledger = reading;
    let project = Arc::clone(&engine.project);
    let connection = project.connection(&name).map_err(one)?;
    let mut planned = undo::plan(&engine, connection, run).await.map_err(one)?;
    let is_live = engine.is_live(connection);
    if dry_run || planned.to_do() == 0 {
        print(context, &planned, None, is_live);
        return Ok(if dry_run { exit::OK } else { code(&planned) });
    }
    if !context.global.yes {
        if !can_ask(&context.global) {
            return Err(one(no_consent()));
        }
        for line in shown(context, &planned, is_live) {
            context.screen.say(line);
        }
        if !typed(&name, "to take this back") {
            return Err(one(no_consent()));
        }
    }
    engine.ledger = None;
    let done = carry_out(context, engine, &mut planned).await.map_err(one)?;
    print(context, &planned, Some(&done), is_live);
    Ok(code(&planned))
}

/// The plan is made once more with the ledger in our hands: it may have changed while a person was thinking.
async fn carry_out(context: &Context, mut engine: Engine, planned: &mut Undo) -> Result<String, Problem> {
    let ledger = context.ledger_to_write(&engine.project).await?;
    go_on(&*ledger).await?;
    engine.ledger = Some(ledger);
    let project = Arc::clone(&engine.project);
    let connection = project.connection(&planned.run.connection)?;
    *planned = undo::plan(&engine, connection, planned.run.clone()).await?;
    undo::undo(&engine, connection, planned).await
}

fn code(undo: &Undo) -> u8 {
    if undo.deeds.iter().any(|deed| deed.act == Act::Leave) { exit::NEEDS_PERSON } else { exit::OK }
}

fn print(context: &Context, undo: &Undo, done: Option<&str>, is_live: bool) {
    if !context.screen.is_json() {
        for line in shown(context, undo, is_live) {
            context.screen.line(line);
        }
        return;
    }
    let result = match (done, code(undo)) {
        (None, _) => "plan",
        (_, exit::OK) => "ok",
        _ => "needs_person",
    };
    let rows: Vec<Value> = undo.deeds.iter().map(value).collect();
    context.screen.json(&json!({
        "v": 1, "result": result, "run": done, "undo_of": undo.run.id, "connection": undo.run.connection,
        "livemode": is_live, "rows": rows,
    }));
}

fn value(deed: &Deed) -> Value {
    let amount = deed.amount.as_ref().map(|minor| json!({ "currency": minor.currency, "minor": minor.amount }));
    json!({ "key": deed.key, "object": deed.object, "act": deed.act, "why": deed.why, "amount": amount })
}

fn shown(context: &Context, undo: &Undo, is_live: bool) -> Vec<String> {
    let mode = if is_live { bad("LIVE") } else { dim("test") };
    let mut lines = vec![format!("{} {mode}   run {}", bold(&undo.run.connection), undo.run.id)];
    let most = if context.global.verbose > 0 { usize::MAX } else { SHOWN };
    lines.extend(undo.deeds.iter().take(most).map(line));
    if undo.deeds.len() > most {
        lines.push(format!("    and {} more: --verbose shows all of them", undo.deeds.len() - most));
    }
    lines.push(format!("  {} of {} can be taken back", undo.to_do(), undo.deeds.len()));
    lines
}

fn line(deed: &Deed) -> String {
    let (sign, word) = match deed.act {
        Act::Delete => (good("-"), "delete"),
        Act::Void => (good("-"), "void"),
        Act::Forget => (dim("="), "let go"),
        Act::Leave => (unsure("!"), "leave"),
    };
    let amount = deed.amount.as_ref().map(|minor| display(minor.amount, &minor.currency, &catalog().currencies));
    let why = deed.why.as_ref().map(|why| format!("   {}", harmless(why))).unwrap_or_default();
    let key = bold(&harmless(&deed.key.join(",")));
    format!("  {sign} {word:6}  {key}  {}  {}{why}", deed.object, amount.unwrap_or_default())
}

fn no_consent() -> Problem {
    Problem::new("guard.undo", "this would delete or void objects in Stripe, and nobody said yes; nothing was changed")
        .advise("look at it with --dry-run, then add --yes, or run it in a terminal and answer")
}
