//! `rowbill payments refund`: money goes back, with a plan and a yes first.

use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::claims::take;
use super::context::{Context, Problems};
use super::screen::{bad, bold, can_ask, dim, good, harmless, typed};
use super::{exit, run_now};
use crate::connectors::catalog;
use crate::mapping::money::{display, from_minor};
use crate::run::{ByHand, RefundAsk, decimal};

/// What was typed.
pub struct Wanted {
    /// The connection that made the invoice.
    pub name: String,
    /// The key of its row.
    pub key: String,
    /// How much; all that is left if none.
    pub amount: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Only show what it would be.
    pub dry_run: bool,
}

pub async fn refund(context: &Context, wanted: Wanted) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let name = project.connection(&wanted.name).map_err(one)?.name.clone();
    let key = run_now::key(Some(&wanted.key))?.unwrap_or_default();
    let ask = RefundAsk { key, amount: wanted.amount, reason: wanted.reason, dry_run: true, number: None };
    let planned = take(context, project, &name, ByHand::Refund(ask.clone())).await?;
    if wanted.dry_run {
        print(context, &planned, "plan");
        return Ok(exit::OK);
    }
    let amount = planned["amount"].as_i64().zip(planned["currency"].as_str());
    let amount = amount.map(|(minor, code)| from_minor(minor, code, &catalog().currencies)).unwrap_or_default();
    if planned["is_earlier"] == true && ask.amount.as_ref().is_some_and(|wanted| !is_same(wanted, &amount)) {
        return Err(one(earlier(&amount)));
    }
    if !context.global.yes {
        if !can_ask(&context.global) {
            return Err(one(no_consent()));
        }
        context.screen.say(line(&planned));
        if !typed(&wanted.key, "to pay this back") {
            return Err(one(no_consent()));
        }
    }
    // What was agreed to is what is sent, and no other: had more gone back meanwhile, it would be refused.
    let number = planned["number"].as_u64().and_then(|number| u32::try_from(number).ok());
    let ask = RefundAsk { dry_run: false, amount: Some(amount), number, ..ask };
    let done = take(context, context.project()?, &name, ByHand::Refund(ask)).await?;
    print(context, &done, "ok");
    for note in done["notes"].as_array().into_iter().flatten().filter_map(|note| note["message"].as_str()) {
        context.screen.say(format!("it is done, but: {}", harmless(note)));
    }
    Ok(exit::OK)
}

/// `30` and `30.00` are the same amount.
fn is_same(one: &str, other: &str) -> bool {
    match (decimal(one), decimal(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn earlier(amount: &str) -> Problem {
    Problem::new("payments.earlier", format!("an earlier refund, of {amount}, has no answer yet; nothing was sent"))
        .advise(format!("ask for that one first: --amount {amount}, which never pays it back twice"))
}

fn print(context: &Context, refund: &Value, result: &str) {
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": result, "refund": refund }));
    } else {
        context.screen.line(line(refund));
    }
}

fn line(refund: &Value) -> String {
    let text = |name: &str| refund[name].as_str().unwrap_or_default();
    let key: Vec<&str> = refund["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let money =
        |name: &str| display(refund[name].as_i64().unwrap_or_default(), text("currency"), &catalog().currencies);
    let mode = if refund["livemode"] == true { bad("LIVE") } else { dim("test") };
    let done = refund["refund"].as_str().map_or_else(|| dim("not yet"), |id| good(&harmless(id)));
    let earlier = if refund["is_earlier"] == true { "  (asked for earlier; its answer was missing)" } else { "" };
    format!(
        "  {} {mode}  {}  {}  {} goes back of {}, {} went back before  {done}{earlier}",
        bold(&harmless(text("connection"))),
        harmless(&key.join(",")),
        harmless(text("invoice")),
        money("amount"),
        money("paid"),
        money("refunded_before"),
    )
}

fn no_consent() -> Problem {
    Problem::new("guard.refund", "this would pay money back, and nobody said yes; nothing was sent")
        .advise("look at it with --dry-run, then add --yes, or run it in a terminal and answer")
}
