//! `rowbill test`: the `tests:` of the mappings.

use indexmap::IndexMap;
use rowbill_connector::{Cell, Header, Param, Problem, Row};
use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bad, good, harmless};
use crate::config::{Connection, Expect, MappingTest, Project};
use crate::connectors::catalog;
use crate::mapping::binding::Binding;
use crate::mapping::object::ObjectName;
use crate::mapping::params::Surroundings;
use crate::mapping::row::Outcome;

pub fn test(context: &Context, name: Option<&str>) -> Result<u8, Problems> {
    let project = context.project()?;
    if let Some(name) = name {
        project.connection(name).map_err(|problem| vec![problem])?;
    }
    let mut results = Vec::new();
    for connection in project.connections.iter().filter(|connection| name.is_none_or(|name| name == connection.name)) {
        for test in &connection.tests {
            results.push((connection, test, run(&project, connection, test)));
        }
    }
    let failed = results.iter().filter(|(_, _, result)| result.is_err()).count();
    if context.screen.is_json() {
        let tests: Vec<_> = results
            .iter()
            .map(|(connection, test, result)| json!({ "connection": connection.name, "name": test.name, "ok": result.is_ok(), "message": result.as_ref().err() }))
            .collect();
        context.screen.json(&json!({ "v": 1, "result": if failed == 0 { "ok" } else { "failed" }, "tests": tests }));
    } else {
        for (connection, test, result) in &results {
            match result {
                Ok(()) => {
                    context.screen.line(format!("  {} {}: {}", good("✔"), connection.name, harmless(&test.name)));
                }
                Err(message) => {
                    context.screen.line(format!(
                        "  {} {}: {} (line {})",
                        bad("✘"),
                        connection.name,
                        harmless(&test.name),
                        test.line
                    ));
                    context.screen.line(format!("    {}", harmless(message)));
                }
            }
        }
        context.screen.line(format!("{} passed, {failed} failed", results.len() - failed));
    }
    Ok(if failed == 0 { exit::OK } else { exit::OTHER })
}

/// Runs one example; what differs, in words.
pub fn run(project: &Project, connection: &Connection, test: &MappingTest) -> Result<(), String> {
    let mut names: Vec<String> = connection.recipe.columns.iter().map(|column| column.header.clone()).collect();
    for (header, _) in test.rows.iter().flatten() {
        if !names.contains(header) {
            names.push(header.clone());
        }
    }
    let header = Header { names: names.clone(), zone: None, origin: connection.file.name.as_str().into(), sheet: None };
    let binding =
        Binding::new(&connection.recipe, &header, &project.settings.zone).map_err(|problems| told(&problems))?;
    let rows: Vec<Row> = test.rows.iter().map(|cells| row(&names, cells, test.line)).collect();
    let around = Surroundings { currencies: &catalog().currencies, zone: &project.settings.zone };
    let outcomes: Vec<Outcome> = rows.iter().map(|row| binding.map(&connection.recipe, row, &around).outcome).collect();
    if let Some(problem) =
        outcomes.iter().find_map(|outcome| if let Outcome::Failed(problem) = outcome { Some(problem) } else { None })
    {
        return match &test.expect {
            Expect::Problem(code) if *code == problem.code => Ok(()),
            _ => Err(format!("the row fails: {} ({})", problem.message, problem.code)),
        };
    }
    let lines: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| if let Outcome::Ready(prepared) = outcome { Some(prepared) } else { None })
        .collect();
    let Some(first) = lines.first() else {
        return if test.expect == Expect::Skipped {
            Ok(())
        } else {
            Err("the row is skipped: only_if is false".into())
        };
    };
    let Expect::Params(expected) = &test.expect else { return Err("the row would be sent".into()) };
    let (about, mut params) = match connection.action.invoice() {
        None => (first.about.clone(), first.params.clone()),
        Some(invoice) => {
            let head = binding
                .head(&invoice.customer, &invoice.block, &rows[0], &around)
                .map_err(|problem| problem.message)?;
            let mut params = head.params;
            if invoice.items_from.is_none() {
                let items = lines.iter().map(|line| Param::Map(line.params.clone())).collect();
                params.insert("items".to_owned(), Param::List(items));
            }
            (head.about, params)
        }
    };
    let word = connection.action.about();
    if let (Param::Map(map), Some(about)) = (expected, about)
        && map.contains_key(word)
    {
        params.insert(word.to_owned(), named(about));
    }
    differs("", expected, &plain(&Param::Map(params)))
}

fn row(names: &[String], cells: &[(String, String)], line: u64) -> Row {
    let cell = |name: &String| {
        cells.iter().find(|(header, _)| header == name).map_or(Cell::Empty, |(_, text)| Cell::Text(text.clone()))
    };
    Row { number: line, cells: names.iter().map(cell).collect() }
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn named(about: ObjectName) -> Param {
    let text = Param::Text;
    match about {
        ObjectName::Id(id) => text(id),
        ObjectName::ByEmail { email, .. } => Param::Map(IndexMap::from([("by_email".to_owned(), text(email))])),
        ObjectName::From { connection, key } => Param::Map(IndexMap::from([
            ("from".to_owned(), text(connection)),
            (
                "key".to_owned(),
                if let [one] = &key[..] { text(one.clone()) } else { Param::List(key.into_iter().map(text).collect()) },
            ),
        ])),
    }
}

/// Everything as the texts that a test file has.
fn plain(param: &Param) -> Param {
    match param {
        Param::Text(text) | Param::Decimal(text) => Param::Text(text.clone()),
        Param::Int(number) => Param::Text(number.to_string()),
        Param::Bool(truth) => Param::Text(truth.to_string()),
        Param::List(list) => Param::List(list.iter().map(plain).collect()),
        Param::Map(map) => Param::Map(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
    }
}

fn differs(path: &str, expected: &Param, actual: &Param) -> Result<(), String> {
    match (expected, actual) {
        (Param::Map(expected), Param::Map(actual)) => {
            let missing = expected.keys().find(|name| !actual.contains_key(*name));
            let more = actual.keys().find(|name| !expected.contains_key(*name));
            if let Some(name) = missing {
                return Err(format!("`{path}{name}` is expected, but is not sent"));
            }
            if let Some(name) = more {
                return Err(format!("`{path}{name}` is sent, but not expected: {:?}", actual[name]));
            }
            expected.iter().try_for_each(|(name, value)| differs(&format!("{path}{name}."), value, &actual[name]))
        }
        (Param::List(expected), Param::List(actual)) if expected.len() == actual.len() => expected
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(index, (a, b))| differs(&format!("{path}{index}."), a, b)),
        (Param::Text(expected), Param::Text(actual)) if expected == actual => Ok(()),
        _ => Err(format!("`{}` is {actual:?}, but {expected:?} is expected", path.trim_end_matches('.'))),
    }
}
