//! Several connections run one after the other because a person asked for them.

use async_trait::async_trait;
use rowbill_connector::Problem;

use super::engine::{Engine, Stop};
use super::execute::{Order, plan};
use super::history::heard;
use super::report::Report;
use crate::config::{Connection, Project};
use crate::ledger::RunRecord;
use crate::mapping::object::ObjectExpr;
use crate::schedule::{Heard, Trigger};

/// A connection of an errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// It is there because it runs after another one of the errand, not because it was named.
    pub follows: bool,
}

/// What became of one connection of an errand.
pub enum Told {
    /// It ran.
    Ran(Box<Report>),
    /// It did not, because of one before it.
    NotRun {
        /// The connection.
        connection: String,
        /// `customers failed`
        why: String,
    },
    /// Nothing was sent.
    Refused {
        /// The connection.
        connection: String,
        /// Why.
        problems: Vec<Problem>,
    },
}

/// Runs one connection: here, or in a daemon.
#[async_trait]
pub trait Launch: Send + Sync {
    /// Runs it when it is free.
    async fn launch(&self, name: &str, order: &Order) -> Result<Report, Vec<Problem>>;
    /// Keeps on record that it did not run.
    async fn not_run(&self, name: &str, because_of: &str, why: &str) -> Result<(), Problem>;
}

/// The connections that were asked for; with `all`, and with those that run after them, in the order of what they need.
pub fn select(project: &Project, names: &[String], all: bool, with_after: bool) -> Result<Vec<Chosen>, Vec<Problem>> {
    let asked = |name: &String| Chosen { name: name.clone(), follows: false };
    if all {
        if project.connections.is_empty() {
            let problem = Problem::new("config.no_connections", "there is no mapping in mappings/");
            return Err(vec![problem.advise("write one: `rowbill init --from csv:FILE` makes a first one")]);
        }
        return Ok(in_order(project, project.connections.iter().map(|connection| asked(&connection.name)).collect()));
    }
    let unknown: Vec<Problem> = names.iter().filter_map(|name| project.connection(name).err()).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut wanted: Vec<Chosen> = names.iter().map(asked).collect();
    if !with_after {
        return Ok(wanted);
    }
    while let Some(more) = project.connections.iter().find(|connection| {
        let is_in = |name: &str| wanted.iter().any(|chosen| chosen.name == name);
        !is_in(&connection.name) && connection.after().iter().any(|name| is_in(name))
    }) {
        wanted.push(Chosen { name: more.name.clone(), follows: true });
    }
    Ok(in_order(project, wanted))
}

/// Sorts so that each comes behind those it depends on: by `after:`, and by what it takes from others.
fn in_order(project: &Project, mut left: Vec<Chosen>) -> Vec<Chosen> {
    let mut sorted: Vec<Chosen> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|chosen| {
            let Ok(connection) = project.connection(&chosen.name) else { return true };
            let waits = |needed: &&str| *needed != chosen.name && left.iter().any(|other| other.name == **needed);
            !needs(connection).iter().any(waits)
        });
        sorted.push(left.remove(ready.unwrap_or(0)));
    }
    sorted
}

fn needs(connection: &Connection) -> Vec<&str> {
    let mut needs: Vec<&str> = connection.after().iter().map(String::as_str).collect();
    let invoice = connection.action.invoice();
    needs.extend(invoice.and_then(|invoice| invoice.items_from.as_deref()));
    let about = invoice.map(|invoice| &invoice.customer).or(connection.recipe.about.as_ref());
    needs.extend(about.and_then(ObjectExpr::from));
    needs
}

/// Every connection is planned before the first one sends: a mistake in the last one must stop the first one too.
pub async fn preflight(engine: &Engine, chosen: &[Chosen], order: &Order) -> Result<Vec<Report>, Vec<Problem>> {
    let mut plans = Vec::new();
    for one in chosen {
        let connection = engine.project.connection(&one.name).map_err(|problem| vec![problem])?;
        let plan = plan(engine, connection, order).await?;
        if let Some(problem) = plan.stopped_by {
            return Err(vec![problem]);
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Runs them in their order, until one is refused or a person says stop.
pub async fn perform(
    project: &Project,
    chosen: &[Chosen],
    order: &Order,
    launch: &dyn Launch,
    stop: &Stop,
) -> Result<Vec<Told>, Problem> {
    let mut told = Vec::new();
    let mut newest: Vec<(String, Heard)> = Vec::new();
    for Chosen { name, follows } in chosen {
        if stop.asked() {
            told.push(Told::NotRun { connection: name.clone(), why: "stopped before its turn".to_owned() });
            continue;
        }
        let connection = project.connection(name)?;
        if let Some((because_of, why)) = obstacle(connection, &newest).filter(|_| *follows) {
            launch.not_run(name, &because_of, &why).await?;
            let heard =
                Heard { run: because_of, finished: 0, not_well: Some(format!("{name} did not run")), ran: false };
            newest.push((name.clone(), heard));
            told.push(Told::NotRun { connection: name.clone(), why });
            continue;
        }
        match launch.launch(name, order).await {
            Ok(report) => {
                newest.extend(of_report(&report).map(|heard| (name.clone(), heard)));
                told.push(Told::Ran(Box::new(report)));
            }
            Err(problems) => {
                told.push(Told::Refused { connection: name.clone(), problems });
                break;
            }
        }
    }
    Ok(told)
}

/// Why a connection does not run after those that have run, if so.
fn obstacle(connection: &Connection, newest: &[(String, Heard)]) -> Option<(String, String)> {
    let schedule = connection.schedule.as_ref()?;
    let Trigger::After { names, succeeded, .. } = &schedule.trigger else { return None };
    let before = newest.iter().filter(|(name, _)| names.contains(name)).map(|(_, heard)| heard);
    let mut bad = before.filter(|heard| *succeeded || !heard.ran);
    bad.find_map(|heard| Some((heard.run.clone(), heard.not_well.clone()?)))
}

fn of_report(report: &Report) -> Option<Heard> {
    let order = Order::default();
    let record: RunRecord = super::history::ended(report, report.run.clone()?, &order);
    heard(&record)
}
