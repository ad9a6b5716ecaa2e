//! `rowbill validate`: every mapping, offline; with `--online` the headers and the keys as well.

use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use super::screen::good;
use crate::connectors;
use crate::mapping::binding::Binding;

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
            let line =
                format!("  {} {}  {} → {account}  {title}", good("✔"), connection.name, connection.source.display);
            context.screen.line(line.trim_end());
        }
        let count = project.connections.len();
        context.screen.line(format!("{count} {}, no problems", if count == 1 { "connection" } else { "connections" }));
    }
    Ok(exit::OK)
}

fn headers(connection: &crate::config::Connection, names: &[String], zone: &jiff::tz::TimeZone) -> Problems {
    let header = rowbill_connector::Header {
        names: names.to_vec(),
        zone: None,
        origin: connection.source.display.as_str().into(),
        sheet: None,
    };
    Binding::new(&connection.recipe, &header, zone).err().unwrap_or_default()
}
