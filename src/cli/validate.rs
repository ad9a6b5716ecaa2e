//! `rowbill validate`: every mapping, offline; with `--online` the headers and the keys as well.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use super::screen::{dim, good, harmless};
use crate::config::Connection;
use crate::connectors;
use crate::mapping::binding::Binding;
use crate::run;
use crate::schedule::{Clock, Schedule, Trigger};

/// So many of the next times are shown.
const TIMES: usize = 3;

pub async fn validate(context: &Context, online: bool) -> Result<u8, Problems> {
    let project = context.project()?;
    let mut problems = Vec::new();
    if online {
        for connection in &project.connections {
            match connectors::source(connection, project.settings.google.as_ref(), std::time::Duration::ZERO) {
                Ok(source) => match source.check().await {
                    Ok(info) => problems.extend(headers(connection, &info.headers, &project.settings.zone)),
                    Err(problem) => problems.push(problem),
                },
                Err(problem) => problems.push(problem),
            }
        }
        for account in project.settings.accounts.values() {
            match connectors::target(account) {
                Ok(target) => problems.extend(target.check().await.err().map(|error| error.problem().clone())),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": "ok", "problems": [] }));
    } else {
        for connection in &project.connections {
            let account = &connection.account;
            let title = connection.title.as_deref().unwrap_or_default();
            let line = format!("{}  {} → {account}  {title}", connection.name, connection.source.display);
            context.screen.line(format!("  {} {}", good("✔"), harmless(line.trim_end())));
            if let Some(schedule) = &connection.schedule {
                context
                    .screen
                    .line(dim(&format!("      {}", told(schedule, &times(connection, &project.settings.zone)))));
            }
        }
        let count = project.connections.len();
        context.screen.line(format!("{count} {}, no problems", if count == 1 { "connection" } else { "connections" }));
    }
    Ok(exit::OK)
}

/// The next times of a schedule that has clock times.
fn times(connection: &Connection, zone: &TimeZone) -> Vec<Zoned> {
    let Some(schedule) = &connection.schedule else { return Vec::new() };
    if !matches!(schedule.trigger, Trigger::At { .. } | Trigger::Cron(_)) {
        return Vec::new();
    }
    let clock = Clock { schedule, zone, name: &connection.name, since: 0 };
    let ticks = std::iter::successors(clock.next(run::Clock::default().now()), |tick| clock.next(*tick));
    let zone = schedule.zone.as_ref().unwrap_or(zone);
    ticks.take(TIMES).filter_map(|tick| Some(Timestamp::from_second(tick).ok()?.to_zoned(zone.clone()))).collect()
}

fn told(schedule: &Schedule, times: &[Zoned]) -> String {
    let times: Vec<String> = times.iter().map(|at| at.strftime("%a %d %b %H:%M").to_string()).collect();
    if times.is_empty() { schedule.written.clone() } else { format!("{}: {}", schedule.written, times.join(", ")) }
}

fn headers(connection: &Connection, names: &[String], zone: &TimeZone) -> Problems {
    let header = rowbill_connector::Header {
        names: names.to_vec(),
        zone: None,
        origin: connection.source.display.as_str().into(),
        sheet: None,
    };
    Binding::new(&connection.recipe, &header, zone).err().unwrap_or_default()
}
