//! `rowbill doctor`: all that a run needs; every fix is printed as a command.

use secrecy::ExposeSecret;
use serde_json::json;

use rowbill_connector::Problem;

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bad, dim, good, harmless, unsure};
use crate::config::Project;
use crate::connectors;
use crate::run::Clock;
use crate::web::Client;

/// One thing that was looked at.
struct Finding {
    what: String,
    good: Option<String>,
    problem: Option<Problem>,
    is_warning: bool,
}

impl Finding {
    fn fine(what: impl Into<String>, good: impl Into<String>) -> Self {
        Self { what: what.into(), good: Some(good.into()), problem: None, is_warning: false }
    }

    fn wrong(what: impl Into<String>, problem: Problem) -> Self {
        Self { what: what.into(), good: None, problem: Some(problem), is_warning: false }
    }

    fn warning(what: impl Into<String>, problem: Problem) -> Self {
        Self { is_warning: true, ..Self::wrong(what, problem) }
    }
}

pub async fn doctor(context: &Context) -> Result<u8, Problems> {
    let project = context.project()?;
    let count = project.connections.len();
    let mut findings = vec![Finding::fine(
        "rowbill.yaml",
        format!("connections: {count}, accounts: {}", project.settings.accounts.len()),
    )];
    findings.push(ledger(context, &project).await);
    findings.extend(daemon(&project).await);
    for connection in &project.connections {
        findings.push(source(&project, connection).await);
    }
    for account in project.settings.accounts.values() {
        findings.extend(account_works(account).await);
    }
    let problems: Problems =
        findings.iter().filter(|finding| !finding.is_warning).filter_map(|finding| finding.problem.clone()).collect();
    print(context, &findings);
    Ok(exit::first(problems.iter().map(exit::of_problem)))
}

/// Whether somebody looks after the schedules, and can tell people.
async fn daemon(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    if project.connections.iter().any(|connection| connection.schedule.is_some()) {
        findings.push(match Client::reach(&project.settings.ledger).await {
            Some(client) => Finding::fine("daemon", format!("process {}", client.running.pid)),
            None => Finding::fine("daemon", "none runs: schedules begin nothing until `rowbill daemon` is started"),
        });
    }
    let broken = connectors::notify(&project.settings.notify).err().unwrap_or_default();
    findings.extend(broken.into_iter().map(|problem| Finding::wrong("notify", problem)));
    findings
}

fn print(context: &Context, findings: &[Finding]) {
    if context.screen.is_json() {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| {
                let state = if finding.problem.is_none() {
                    "ok"
                } else if finding.is_warning {
                    "warning"
                } else {
                    "problem"
                };
                json!({ "what": finding.what, "state": state, "detail": finding.good, "problem": finding.problem })
            })
            .collect();
        let is_ok = findings.iter().all(|finding| finding.problem.is_none() || finding.is_warning);
        context.screen.json(&json!({ "v": 1, "result": if is_ok { "ok" } else { "refused" }, "findings": list }));
        return;
    }
    for finding in findings {
        match (&finding.good, &finding.problem) {
            (Some(detail), _) => {
                context.screen.line(format!("  {} {:20} {}", good("✔"), finding.what, harmless(detail)));
            }
            (None, Some(problem)) => {
                let sign = if finding.is_warning { unsure("!") } else { bad("✘") };
                context.screen.line(format!("  {sign} {:20} {}", finding.what, harmless(&problem.message)));
                if let Some(advice) = &problem.advice {
                    context.screen.line(format!("    {:20} {} {}", "", dim("→"), harmless(advice)));
                }
            }
            (None, None) => {}
        }
    }
}

async fn ledger(context: &Context, project: &Project) -> Finding {
    let path = project.settings.ledger.display().to_string();
    match context.ledger_to_read(project).await {
        Ok(Some(ledger)) => match ledger.verify().await {
            Ok(records) => Finding::fine("ledger", format!("{path}, {records} records, verified")),
            Err(mut problems) => Finding::wrong("ledger", problems.swap_remove(0)),
        },
        Ok(None) => {
            let problem = Problem::new("ledger.missing", format!("there is none at {path} yet"));
            Finding::warning("ledger", problem.advise("the first run makes it; or: rowbill ledger create"))
        }
        Err(problem) => Finding::wrong("ledger", problem),
    }
}

async fn source(project: &Project, connection: &crate::config::Connection) -> Finding {
    let info = match connectors::source(connection, project.settings.google.as_ref(), std::time::Duration::ZERO) {
        Ok(source) => source.check().await,
        Err(problem) => Err(problem),
    };
    match info {
        Ok(info) => Finding::fine(&connection.name, info.description),
        Err(problem) => Finding::wrong(&connection.name, problem),
    }
}

async fn account_works(account: &crate::config::Account) -> Vec<Finding> {
    let mode = if account.live { "LIVE" } else { "test" };
    let target = match connectors::target(account) {
        Ok(target) => target,
        Err(problem) => return vec![Finding::wrong(&account.name, problem)],
    };
    let mut findings = match target.check().await {
        Ok(info) => {
            vec![Finding::fine(&account.name, format!("the key works, {mode}, {}", info.account.unwrap_or_default()))]
        }
        Err(error) => vec![Finding::wrong(&account.name, error.problem().clone())],
    };
    let is_full = account.key.read().is_ok_and(|key| key.expose_secret().starts_with("sk_live_"));
    if is_full {
        let problem = Problem::new("account.full_key", "the key is a full secret key");
        let advice = "make a restricted key in Stripe with Customers: write and Invoices: write, and use that";
        findings.push(Finding::warning(&account.name, problem.advise(advice)));
    }
    if let Some(skew) = target.clock().map(skew).filter(|skew| *skew > 60) {
        let problem = Problem::new("clock.skew", format!("this machine's clock is {skew} s away from Stripe's"));
        findings.push(Finding::warning(
            "clock",
            problem.advise("switch on time synchronisation: timedatectl set-ntp true"),
        ));
    }
    findings
}

fn skew(theirs: std::time::SystemTime) -> u64 {
    let ours = Clock::default().now();
    let theirs = theirs.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    u64::try_from(ours).unwrap_or(0).abs_diff(theirs)
}
