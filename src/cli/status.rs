//! `rowbill status`: every connection, its last run, the next one, and what needs you.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bold, dim, unsure};
use crate::config::settings_alone;
use crate::connectors::catalog;
use crate::daemon::{entries, length};
use crate::protocol::Time;
use crate::run::Clock;
use crate::web::{Answer, Ask, Client, Running};

pub async fn status(context: &Context) -> Result<u8, Problems> {
    let (list, daemon) = look(context).await?;
    if context.screen.is_json() {
        context.screen.json(&json!(list));
        return Ok(exit::OK);
    }
    Graph { context, list: &list, now: Clock::default().now() }.show();
    match &daemon {
        Some(running) => {
            context.screen.line(dim(&format!("  daemon: process {}", running.pid)));
            for problem in &running.problems {
                context.screen.problem(problem, &context.root());
            }
        }
        None => context.screen.say("  no daemon runs: nothing starts by itself; `rowbill daemon` starts one"),
    }
    Ok(exit::OK)
}

/// The daemon knows best; a file with mistakes, of which it uses the old version, does not keep it from answering.
async fn look(context: &Context) -> Result<(Vec<Value>, Option<Running>), Problems> {
    let one = |problem| vec![problem];
    if let Some(settings) = settings_alone(&context.global.config, catalog())
        && let Some(client) = Client::reach(&settings.ledger).await
        && let Answer::Reports(list) = client.ask(&Ask::Status).await?
    {
        return Ok((list, Some(client.running)));
    }
    let project = context.project()?;
    let ledger = context.ledger_to_read(&project).await.map_err(one)?;
    Ok((entries(&project, ledger.as_deref(), &[]).await.map_err(one)?, None))
}

/// Connections as they run after each other.
struct Graph<'a> {
    context: &'a Context,
    list: &'a [Value],
    now: Time,
}

impl Graph<'_> {
    fn show(&self) {
        let mut shown = BTreeSet::new();
        for entry in self.list.iter().filter(|entry| entry["after"].as_array().is_none_or(Vec::is_empty)) {
            self.branch(entry, 0, &mut shown);
        }
    }

    /// A connection, and below it those that run after it; each stands once, below the first of those before it.
    fn branch<'b>(&'b self, entry: &'b Value, depth: usize, shown: &mut BTreeSet<&'b str>) {
        if !shown.insert(entry["name"].as_str().unwrap_or_default()) {
            return;
        }
        self.line(entry, depth);
        for next in self.list.iter().filter(|next| next["after"][0] == entry["name"]) {
            self.branch(next, depth + 1, shown);
        }
    }

    fn line(&self, entry: &Value, depth: usize) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = &entry["last_run"]["rows"];
        let need = |name: &str| {
            rows[name].as_u64().filter(|count| *count > 0).map(|count| format!("{count} {}", name.replace('_', " ")))
        };
        let needs: Vec<String> = ["failed", "needs_review", "deferred"].iter().filter_map(|name| need(name)).collect();
        let name = format!(
            "{}{}",
            if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) },
            text(&entry["name"])
        );
        let state = text(&entry["state"]).replace('_', " ");
        let late = entry["last_run"]["late_seconds"].as_i64().filter(|late| *late >= 60);
        let parts = [
            format!("{state:18}"),
            needs.join(", "),
            if entry["paused"] == true { unsure("on hold") } else { String::new() },
            text(&entry["last_run"]["started_at"]),
            late.map(|late| format!("late by {}", length(late))).unwrap_or_default(),
            text(&entry["schedule"]),
            self.next(entry),
            text(&entry["not_run"]),
        ];
        let rest: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.context.screen.line(format!("  {} {}", bold(&format!("{name:24}")), rest.join("  ").trim_end()));
    }

    fn next(&self, entry: &Value) -> String {
        let at = entry["next_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.map_or_else(String::new, |at| format!("next in {}", length((at.as_second() - self.now).max(0))))
    }
}
