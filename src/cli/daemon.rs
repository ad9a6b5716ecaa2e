//! `rowbill daemon`: every connection when it is due, until it is asked to stop.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rowbill_connector::Problem;

use super::context::{Context, Problems};
use super::exit;
use crate::config::files::Files;
use crate::config::watch::parse_dashboard;
use crate::config::{Project, load_files};
use crate::connectors;
use crate::daemon::{self, Start};
use crate::run::Quiet;

pub async fn daemon(context: &Context, dashboard: Option<&str>, unit: bool) -> Result<u8, Problems> {
    let began = Instant::now();
    let one = |problem| vec![problem];
    let dashboard = dashboard.map(parse_dashboard).transpose().map_err(one)?;
    let config = context.global.config.clone();
    let files = Files::read(&config);
    let project = load_files(&config, &files, connectors::catalog(), &connectors::column_names)?;
    if unit {
        return write_unit(context, project).map_err(one);
    }
    connectors::notify(&project.settings.notify)?;
    // The engine checks the keys, and finds out whether a missing ledger may be made.
    let names: Vec<String> = project.connections.iter().map(|connection| connection.name.clone()).collect();
    let engine = context.engine(project, &names, Arc::new(Quiet))?;
    let ledger = context.ledger_for_run(&engine).await.map_err(one)?;
    let (project, clock, stop) = (engine.project, engine.clock, Arc::clone(&context.stop));
    daemon::serve(Start { config, files, project, ledger, clock, stop, dashboard, began }).await.map_err(one)?;
    Ok(exit::INTERRUPTED)
}

fn write_unit(context: &Context, mut project: Project) -> Result<u8, Problem> {
    let absolute = |path: PathBuf| {
        path.canonicalize().map_err(|error| Problem::new("output.failed", format!("{}: {error}", path.display())))
    };
    let config = absolute(context.global.config.clone())?;
    let binary = std::env::current_exe().map_err(|error| Problem::new("output.failed", error.to_string()))?;
    if let (Some(folder), Some(name)) = (project.settings.ledger.parent(), project.settings.ledger.file_name()) {
        // A ledger that is not made yet lies in the project, unless the settings say otherwise.
        let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder));
        project.settings.ledger = folder.unwrap_or_default().join(name);
    }
    let user = owner(&config).unwrap_or_else(|| "rowbill".to_owned());
    context.screen.line(daemon::unit(&project, &binary, &config, &user).trim_end());
    Ok(exit::OK)
}

/// The user that the project belongs to: a number, if it has no name here.
fn owner(path: &std::path::Path) -> Option<String> {
    let uid = std::fs::metadata(path).ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| uid.to_string()))
}
