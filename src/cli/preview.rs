//! `rowbill preview`: the first rows as they would be sent.

use futures::StreamExt;
use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::screen::{bad, bold, dim, harmless};
use super::{exit, run_now};
use crate::config::Connection;
use crate::connectors;
use crate::mapping::binding::Binding;
use crate::mapping::object::ObjectName;
use crate::mapping::params::Surroundings;
use crate::mapping::row::{Mapped, Outcome};

pub async fn preview(context: &Context, name: &str, row: Option<&str>, count: usize) -> Result<u8, Problems> {
    let one = |problem: Problem| vec![problem];
    let project = context.project()?;
    let connection = project.connection(name).map_err(one)?;
    let source =
        connectors::source(connection, project.settings.google.as_ref(), std::time::Duration::ZERO).map_err(one)?;
    let mut reading = source.read().await.map_err(one)?;
    let binding = Binding::new(&connection.recipe, &reading.header, &project.settings.zone)?;
    let around = Surroundings { currencies: &connectors::catalog().currencies, zone: &project.settings.zone };
    let wanted = run_now::key(row)?.map(|key| binding.typed_key(&key));
    let mut shown = Vec::new();
    'rows: while let Some(batch) = reading.batches.next().await {
        for row in batch.map_err(one)? {
            let mapped = binding.map(&connection.recipe, &row, &around);
            if wanted.as_ref().is_some_and(|wanted| *wanted != mapped.key) {
                continue;
            }
            let head = connection
                .action
                .invoice()
                .map(|invoice| binding.head(&invoice.customer, &invoice.block, &row, &around));
            shown.push(value(connection, &mapped, head));
            if shown.len() >= count {
                break 'rows;
            }
        }
    }
    if shown.is_empty() && wanted.is_some() {
        return Err(one(
            Problem::new("config.key", "no row has this key").advise("look at the key columns of the source")
        ));
    }
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "connection": connection.name, "rows": shown }));
    } else {
        for row in &shown {
            text(context, connection, row);
        }
    }
    Ok(exit::OK)
}

fn value(connection: &Connection, mapped: &Mapped, head: Option<Result<crate::mapping::Prepared, Problem>>) -> Value {
    let mut value = json!({ "key": mapped.key, "row": mapped.number });
    match &mapped.outcome {
        Outcome::Skipped => value["state"] = json!("skipped"),
        Outcome::Failed(problem) => {
            value["state"] = json!("failed");
            value["problem"] = json!(problem);
        }
        Outcome::Ready(prepared) => {
            value["state"] = json!("ready");
            value["action"] = json!(connection.action.name());
            value[connection.action.about()] = prepared.about.as_ref().map_or(Value::Null, named);
            value["params"] = params(&prepared.params);
            match head {
                Some(Ok(head)) => {
                    value["invoice"] =
                        json!({ "customer": head.about.as_ref().map(named), "params": params(&head.params) });
                }
                Some(Err(problem)) => value["problem"] = json!(problem),
                None => {}
            }
        }
    }
    value
}

/// A customer or an invoice in the mapping's own words.
fn named(name: &ObjectName) -> Value {
    match name {
        ObjectName::Id(id) => json!({ "id": id }),
        ObjectName::From { connection, key } => json!({ "from": connection, "key": key }),
        ObjectName::ByEmail { email, create } => {
            json!({ "by_email": email, "if_missing": if *create { "create" } else { "fail" } })
        }
    }
}

/// Parameters as plain JSON.
pub fn params(params: &indexmap::IndexMap<String, rowbill_connector::Param>) -> Value {
    use rowbill_connector::Param;
    fn plain(param: &Param) -> Value {
        match param {
            Param::Text(text) | Param::Decimal(text) => json!(text),
            Param::Int(number) => json!(number),
            Param::Bool(truth) => json!(truth),
            Param::List(list) => list.iter().map(plain).collect(),
            Param::Map(map) => Value::Object(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        }
    }
    Value::Object(params.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
}

fn text(context: &Context, connection: &Connection, row: &Value) {
    let key: Vec<&str> = row["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let state = row["state"].as_str().unwrap_or_default();
    context.screen.line(format!(
        "{}  {}",
        bold(&harmless(&key.join(","))),
        dim(&format!("row {}  {state}", row["row"]))
    ));
    if let Some(problem) = row["problem"]["message"].as_str() {
        context.screen.line(format!("  {} {}", bad("✘"), harmless(problem)));
    }
    let is_invoice = connection.action.invoice().is_some();
    let own = if is_invoice { "item" } else { connection.action.name() };
    for (name, params) in [("create_invoice", &row["invoice"]["params"]), (own, &row["params"])] {
        let Some(params) = params.as_object().filter(|params| !params.is_empty()) else { continue };
        context.screen.line(format!("  {name}"));
        for (name, value) in params {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            context.screen.line(format!("    {name:14} {}", harmless(&value)));
        }
    }
    let about = connection.action.about();
    let abouts = [(about, &row[about]), ("customer", &row["invoice"]["customer"])];
    for (word, about) in abouts.into_iter().filter(|(_, about)| !about.is_null()) {
        let parts = about.as_object().into_iter().flatten().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}: {value}")
        });
        context.screen.line(format!("    {word:14} {}", harmless(&parts.collect::<Vec<_>>().join(", "))));
    }
}
