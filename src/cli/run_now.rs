//! `rowbill run-now`: run connections now, here or in the daemon that owns the ledger.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rowbill_connector::Problem;
use serde_json::Value;

use super::context::{Context, Problems, progress};
use super::{exit, report_out, screen};
use crate::config::{Connection, Project};
use crate::connectors::catalog;
use crate::ledger::Change;
use crate::mapping::money::display;
use crate::run::errand::{Chosen, Launch, Told, perform, preflight, select};
use crate::run::history::{go_on, newest_before, not_run, position};
use crate::run::{self, Ending, Engine, Order, Report, report_json};
use crate::web::{Answer, Ask, Client, RunNow, unexpected};

pub async fn run_now(context: &Context, asked: RunNow) -> Result<u8, Problems> {
    let project = context.project()?;
    let chosen = select(&project, &asked.names, asked.all, asked.with_after)?;
    let asks = is_live(&project, &chosen) && !context.global.yes;
    if asks && !screen::can_ask(&context.global) {
        return Err(vec![no_consent()]);
    }
    let told = match Client::reach(&project.settings.ledger).await {
        Some(daemon) => there(context, &daemon, &chosen, asked, asks).await?,
        None => here(context, project, &chosen, &asked, asks).await?,
    };
    print(context, told)
}

/// In this process, which owns the ledger until it ends.
async fn here(
    context: &Context,
    project: Project,
    chosen: &[Chosen],
    asked: &RunNow,
    asks: bool,
) -> Result<Vec<Told>, Problems> {
    let one = |problem| vec![problem];
    let names: Vec<String> = chosen.iter().map(|chosen| chosen.name.clone()).collect();
    let mut engine = context.engine(project, &names, progress(context))?;
    let order = Order::by_hand(asked.only.clone(), asked.limit);
    engine.ledger = context.ledger_to_read(&engine.project).await.map_err(one)?;
    if chosen.len() > 1 || asks {
        let plans = preflight(&engine, chosen, &order).await?;
        if asks && !consent(context, chosen, &plans) {
            return Err(vec![no_consent()]);
        }
    }
    engine.ledger = None;
    let ledger = context.ledger_for_run(&engine).await.map_err(one)?;
    go_on(&*ledger).await.map_err(one)?;
    engine.ledger = Some(ledger);
    let project = engine.project.clone();
    let here = Here { engine };
    perform(&project, chosen, &order, &here, &context.stop).await.map_err(one)
}

/// In the daemon.
async fn there(
    context: &Context,
    daemon: &Client,
    chosen: &[Chosen],
    asked: RunNow,
    asks: bool,
) -> Result<Vec<Told>, Problems> {
    if asks {
        let told = reports(daemon.ask(&Ask::Plan(asked.clone())).await?)?;
        let plans = told.into_iter().filter_map(|told| if let Told::Ran(plan) = told { Some(*plan) } else { None });
        if !consent(context, chosen, &plans.collect::<Vec<_>>()) {
            return Err(vec![no_consent()]);
        }
    }
    context.screen.say(format!("in the daemon (process {})", daemon.running.pid));
    let ask = Ask::RunNow(asked);
    tokio::select! {
        answer = daemon.ask(&ask) => reports(answer?),
        () = context.stop.wait() => {
            context.screen.say("the daemon goes on without you; see `rowbill runs`");
            Ok(Vec::new())
        }
    }
}

/// What became of each connection, out of a daemon's answer. One that cannot be read is not left out in silence.
fn reports(answer: Answer) -> Result<Vec<Told>, Problems> {
    let Answer::Reports(values) = answer else { return Err(vec![unexpected()]) };
    values.iter().map(|value| told(value).ok_or_else(|| vec![unexpected()])).collect()
}

fn told(value: &Value) -> Option<Told> {
    let connection = value["connection"].as_str()?.to_owned();
    let problems = || serde_json::from_value::<Vec<Problem>>(value["problems"].clone()).ok();
    Some(match value["result"].as_str()? {
        "refused" => Told::Refused { connection, problems: problems()? },
        "not_run" => Told::NotRun { connection, why: value["why"].as_str()?.to_owned() },
        _ => Told::Ran(Box::new(report_json::read(value)?)),
    })
}

/// Runs connections in this process.
struct Here {
    engine: Engine,
}

#[async_trait]
impl Launch for Here {
    async fn launch(&self, name: &str, order: &Order) -> Result<Report, Problems> {
        let one = |problem| vec![problem];
        let connection = self.engine.project.connection(name).map_err(one)?;
        let taken_up =
            if order.is_partial() { BTreeMap::new() } else { self.stands_for(connection).await.map_err(one)? };
        let report = run::run(&self.engine, connection, order).await?;
        if report.ending != Ending::Stopped {
            self.takes_up(name, taken_up).await.map_err(one)?;
        }
        Ok(report)
    }

    async fn not_run(&self, name: &str, because_of: &str, why: &str) -> Result<(), Problem> {
        self.takes_up(name, self.stands_for(self.engine.project.connection(name)?).await?).await?;
        let record = not_run(name, because_of, why, self.engine.clock.now());
        self.engine.ledger()?.commit(vec![Change::Run(record)]).await
    }
}

impl Here {
    /// The runs before it that this one stands for: a daemon that comes later need not do it again.
    async fn stands_for(&self, connection: &Connection) -> Result<BTreeMap<String, String>, Problem> {
        let ledger = self.engine.ledger()?;
        let newest = newest_before(&*ledger, connection.after()).await?;
        let position = position(&*ledger, &connection.name).await?;
        let stands_for = position.map(|one| one.stands_for(connection.after(), |name| newest.get(name).cloned()));
        Ok(stands_for.unwrap_or_default())
    }

    async fn takes_up(&self, name: &str, runs: BTreeMap<String, String>) -> Result<(), Problem> {
        let ledger = self.engine.ledger()?;
        let Some(mut position) = position(&*ledger, name).await?.filter(|_| !runs.is_empty()) else { return Ok(()) };
        position.after.extend(runs);
        ledger.commit(vec![Change::Position(position)]).await
    }
}

/// Prints what became of them; a single refusal is the command's own.
fn print(context: &Context, told: Vec<Told>) -> Result<u8, Problems> {
    let (mut reports, mut others, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    let is_alone = told.len() == 1;
    for told in told {
        match told {
            Told::Ran(report) => {
                codes.push(exit::of_report(&report));
                if !context.screen.is_json() {
                    // People read what happened in its order; a JSON value comes as a whole, in the end.
                    report_out::text(&context.screen, &report);
                }
                reports.push(*report);
            }
            Told::NotRun { connection, why } => {
                if !context.screen.is_json() {
                    context.screen.line(format!("{}   not run: {why}", screen::bold(&connection)));
                }
                others.push(report_json::not_run(&connection, &why));
            }
            Told::Refused { problems, .. } if is_alone => return Err(problems),
            Told::Refused { connection, problems } => {
                codes.extend(problems.iter().map(exit::of_problem));
                for problem in &problems {
                    context.screen.problem(problem, &context.root());
                }
                others.push(report_out::refused(&connection, &problems));
            }
        }
    }
    if context.stop.asked() {
        codes.push(exit::INTERRUPTED);
    }
    if context.screen.is_json() {
        report_out::print(&context.screen, &mut reports, &others).map_err(|problem| vec![problem])?;
    }
    Ok(exit::first(codes))
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

fn is_live(project: &Project, chosen: &[Chosen]) -> bool {
    let mut connections = chosen.iter().filter_map(|chosen| project.connection(&chosen.name).ok());
    connections.any(|connection| project.is_live(connection))
}

fn no_consent() -> Problem {
    Problem::new("guard.live", "this run would use a LIVE account, and nobody said yes; nothing was sent")
        .advise("look at `rowbill plan`, then add --yes, or run it in a terminal and answer")
}

fn consent(context: &Context, chosen: &[Chosen], plans: &[Report]) -> bool {
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
    let word = chosen.first().map(|chosen| chosen.name.as_str()).unwrap_or_default();
    screen::typed(word, "to send")
}
