//! The daemon: the real binary, on schedules of seconds.

mod after;
mod again;
mod downtime;
mod ends;
mod fair;
mod files;
mod full;
mod kills;
mod outages;
mod schedule;
mod secrets;
mod seen;
mod servers;
mod sheets;
mod socket;
mod together;
mod told;
mod twins;
mod waits;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Daemon, Project, samples};

/// Customers on a schedule, then items.
fn chain(schedule: &str) -> Project {
    let project = Project::new();
    project.mapping("customers", &format!("{}schedule: {{ {schedule} }}\n", samples::CUSTOMERS));
    project.mapping("items", &format!("{}schedule: {{ after: customers }}\n", samples::ITEMS));
    project.csv("customers", &samples::customers(3));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,12.50\nA-2,2,7.00\n");
    project
}

/// A connection that makes customers out of a file with its own name; without a schedule it runs by hand only.
fn customers_of(project: &Project, name: &str, schedule: Option<&str>, rows: &str) {
    let mapping = samples::CUSTOMERS.replace("data/customers.csv", &format!("data/{name}.csv"));
    let mapping = mapping.replace("write_back:", "#");
    let schedule = schedule.map(|schedule| format!("schedule: {{ {schedule} }}\n")).unwrap_or_default();
    project.mapping(name, &(mapping + &schedule));
    project.csv(name, &format!("Customer ID,E-mail,Name\n{rows}"));
}

/// A connection `beat` with nothing to do every second: its runs tell that time passes.
fn beat(project: &Project) {
    customers_of(project, "beat", Some("every: 1s"), "");
}

/// The first customers of [`samples::customers`], without the header.
fn people(count: usize) -> String {
    let customers = samples::customers(u32::try_from(count).unwrap());
    customers.split_once('\n').unwrap().1.to_owned()
}

/// The runs that the schedule has begun so far.
fn begun(daemon: &Daemon) -> Vec<Value> {
    daemon.told("run_started").into_iter().filter(|line| line["trigger"] != "cli").collect()
}

/// Waits for the next end of a run of this connection.
#[track_caller]
fn runs_on(daemon: &Daemon, connection: &str) {
    let ends = daemon.told("run_finished").iter().filter(|line| line["connection"] == connection).count();
    daemon.run(connection, ends);
}

/// What `runs` knows of a connection, from the oldest to the newest.
fn history(project: &Project, connection: &str) -> Vec<Value> {
    let runs = project.run_beside(&["runs", "--of", connection, "--limit=1000"]);
    let mut runs: Vec<Value> = runs.json["runs"].as_array().unwrap().clone();
    runs.reverse();
    runs
}

/// How `status` has a connection.
fn standing(project: &Project, connection: &str) -> Value {
    let status = project.run_beside(&["status"]);
    let found = status.json.as_array().unwrap().iter().find(|one| one["name"] == connection);
    found.unwrap_or_else(|| panic!("no {connection}: {status:#?}")).clone()
}

/// Seconds since 1970.
fn seconds(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
}

/// The instants that runs were begun for, in order.
fn ticks(history: &[Value]) -> Vec<i64> {
    history.iter().filter(|run| run["trigger"] == "schedule" && run["run"].is_string()).filter_map(tick).collect()
}

fn tick(run: &Value) -> Option<i64> {
    run["scheduled_at"].is_string().then(|| seconds(&run["scheduled_at"]))
}

/// No two runs were begun for one instant.
#[track_caller]
fn no_tick_ran_twice(history: &[Value]) {
    let ticks = ticks(history);
    assert_eq!(ticks.iter().collect::<BTreeSet<_>>().len(), ticks.len(), "{history:#?}");
}

/// How many ticks were passed over.
fn passed_over(history: &[Value]) -> i64 {
    let notes = history.iter().filter(|run| run["result"] == "skipped");
    notes.map(|note| note["ticks"]["count"].as_i64().unwrap()).sum()
}
