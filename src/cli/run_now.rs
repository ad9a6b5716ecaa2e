//! `rowbill run-now`: run connections now.

use rowbill_connector::Problem;

use super::context::{Context, Problems, progress};
use super::{exit, report_out, screen};
use crate::config::Project;
use crate::config::check::after;
use crate::connectors::catalog;
use crate::mapping::money::display;
use crate::run::{self, Engine, Order, Report};

/// What was asked for.
pub struct Asked {
    pub names: Vec<String>,
    pub all: bool,
    pub only: Option<String>,
    pub limit: Option<u64>,
    pub with_after: bool,
}

pub async fn run_now(context: &Context, asked: Asked) -> Result<u8, Problems> {
    let project = context.project()?;
    let names = selected(&project, &asked.names, asked.all, asked.with_after)?;
    let mut engine = context.engine(project, &names, progress(context))?;
    let order = Order { only: key(asked.only.as_deref())?, limit: asked.limit, trigger: "cli" };
    consent_is_possible(context, &engine, &names)?;
    engine.ledger = context.ledger_to_read(&engine.project).await.map_err(|problem| vec![problem])?;
    let asks = is_live(&engine, &names) && !context.global.yes;
    if names.len() > 1 || asks {
        let plans = preflight(&engine, &names, &order).await?;
        if asks && !consent(context, &names, &plans) {
            return Err(vec![no_consent()]);
        }
    }
    engine.ledger = None;
    let ledger = context.ledger_for_run(&engine).await.map_err(|problem| vec![problem])?;
    engine.ledger = Some(ledger);
    let mut reports = Vec::new();
    let mut codes = Vec::new();
    let mut refused = None;
    for name in &names {
        if engine.stop.asked() {
            codes.push(exit::INTERRUPTED);
            break;
        }
        let connection = engine.project.connection(name).map_err(|problem| vec![problem])?;
        match run::run(&engine, connection, &order).await {
            Ok(report) => {
                codes.push(exit::of_report(&report));
                reports.push(report);
            }
            // What ran before is reported all the same.
            Err(problems) if !reports.is_empty() => {
                if context.screen.is_json() {
                    refused = Some(report_out::refused(&connection.name, &problems));
                }
                codes.extend(problems.iter().map(exit::of_problem));
                for problem in &problems {
                    context.screen.problem(problem, &context.root());
                }
                break;
            }
            Err(problems) => return Err(problems),
        }
    }
    report_out::print(&context.screen, &mut reports, refused.as_ref()).map_err(|problem| vec![problem])?;
    Ok(exit::first(codes))
}

/// The connections that were asked for; with `--all` in the order of their `after:`.
pub fn selected(project: &Project, names: &[String], all: bool, with_after: bool) -> Result<Vec<String>, Problems> {
    if all {
        if project.connections.is_empty() {
            let problem = Problem::new("config.no_connections", "there is no mapping in mappings/");
            return Err(vec![problem.advise("write one: `rowbill init --from csv:FILE` makes a first one")]);
        }
        return Ok(in_order(project, project.connections.iter().map(|connection| connection.name.clone()).collect()));
    }
    let unknown: Problems = names.iter().filter_map(|name| project.connection(name).err()).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    if !with_after {
        return Ok(names.to_vec());
    }
    let mut wanted = names.to_vec();
    loop {
        let more = project.connections.iter().find(|connection| {
            !wanted.contains(&connection.name)
                && after(connection).iter().any(|name| wanted.iter().any(|wanted| wanted == name))
        });
        match more {
            Some(connection) => wanted.push(connection.name.clone()),
            None => return Ok(in_order(project, wanted)),
        }
    }
}

/// Sorts so that each comes behind those it depends on: by `after:`, and by what it takes from others.
fn in_order(project: &Project, mut left: Vec<String>) -> Vec<String> {
    let mut sorted: Vec<String> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|name| {
            let Ok(connection) = project.connection(name) else { return true };
            !needs(connection).iter().any(|needed| *needed != name && left.iter().any(|name| name == needed))
        });
        sorted.push(left.remove(ready.unwrap_or(0)));
    }
    sorted
}

fn needs(connection: &crate::config::Connection) -> Vec<&str> {
    use crate::mapping::recipe::CustomerExpr;
    let mut needs = after(connection);
    let invoice = connection.action.invoice();
    needs.extend(invoice.and_then(|invoice| invoice.items_from.as_deref()));
    let customer = invoice.map(|invoice| &invoice.customer).or(connection.recipe.customer.as_ref());
    if let Some(CustomerExpr::From { connection, .. }) = customer {
        needs.push(connection);
    }
    needs
}

/// A key of several columns is one CSV record.
pub fn key(text: Option<&str>) -> Result<Option<Vec<String>>, Problems> {
    let Some(text) = text else { return Ok(None) };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(Some(record.iter().map(|part| part.trim().to_owned()).collect())),
        _ => Err(vec![
            Problem::new("config.key", format!("`{text}` is not a key"))
                .advise("write it as one CSV record: a@b.example,2026-11"),
        ]),
    }
}

fn is_live(engine: &Engine, names: &[String]) -> bool {
    names.iter().filter_map(|name| engine.project.connection(name).ok()).any(|connection| engine.is_live(connection))
}

fn consent_is_possible(context: &Context, engine: &Engine, names: &[String]) -> Result<(), Problems> {
    if is_live(engine, names) && !context.global.yes && !screen::can_ask(&context.global) {
        return Err(vec![no_consent()]);
    }
    Ok(())
}

fn no_consent() -> Problem {
    Problem::new("guard.live", "this run would use a LIVE account, and nobody said yes; nothing was sent")
        .advise("look at `rowbill plan`, then add --yes, or run it in a terminal and answer")
}

/// Every connection is planned before the first one sends: a mistake in the last one must stop the first one too.
async fn preflight(engine: &Engine, names: &[String], order: &Order) -> Result<Vec<Report>, Problems> {
    let mut plans = Vec::new();
    for name in names {
        let connection = engine.project.connection(name).map_err(|problem| vec![problem])?;
        let plan = run::plan(engine, connection, order).await?;
        if let Some(problem) = plan.stopped_by {
            return Err(vec![problem]);
        }
        plans.push(plan);
    }
    Ok(plans)
}

fn consent(context: &Context, names: &[String], plans: &[Report]) -> bool {
    for plan in plans {
        let amounts: Vec<String> =
            plan.amounts.0.iter().map(|(code, minor)| display(*minor, code, &catalog().currencies)).collect();
        let (mode, rows) = (if plan.live { screen::bad("LIVE") } else { "test".into() }, plan.would.create);
        context.screen.say(format!(
            "{} → {} {mode}   {rows} rows to create   {}",
            plan.connection,
            plan.account,
            amounts.join(", ")
        ));
    }
    let word = names.first().map(String::as_str).unwrap_or_default();
    eprint!("type \"{word}\" to send: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == word
}
