//! How the files go together: names that must exist, cycles, settings that contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::Problem;

use super::act::Act;
use super::connection::{Action, Connection, OnChange};
use super::file::File;
use super::load::Project;
use super::mapping_file::elements;
use super::source::SourceKind;
use super::yaml::{At, Node};
use crate::suggest::did_you_mean;

/// What is there, though it may be wrong: nobody is to be told that it is not there.
pub struct Names<'a> {
    /// The accounts of `rowbill.yaml`.
    pub accounts: Vec<&'a str>,
    /// Whether there is a login for Google.
    pub google: bool,
    /// Mappings that could not be read.
    pub broken: &'a BTreeSet<String>,
}

/// Checks all connections against the settings and against each other.
pub fn together(project: &Project, files: &[(&str, &File, &Node)], names: &Names<'_>, problems: &mut Vec<Problem>) {
    for (name, file, node) in files {
        let mut checker = Checker { project, file, node, names, problems };
        checker.account();
        if let Some(connection) = project.connections.iter().find(|connection| connection.name == *name) {
            checker.google(connection);
            checker.settings(connection);
            checker.references(connection, files);
            checker.after(connection, files);
        }
    }
    cycles(project, files, problems);
    shared_results(project, problems);
}

struct Checker<'a> {
    project: &'a Project,
    file: &'a File,
    node: &'a Node,
    names: &'a Names<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn tell(&mut self, at: At, code: &str, message: String, advice: impl Into<String>) {
        self.problems.push(self.file.place(at, Problem::new(code, message).advise(advice)));
    }

    fn at(&self, key: &str) -> At {
        self.node.get(key).map_or(self.node.at, |node| node.at)
    }

    fn account(&mut self) {
        let name = self.node.get("account").and_then(Node::text).unwrap_or_default();
        if !name.is_empty() && !self.names.accounts.is_empty() && !self.names.accounts.contains(&name) {
            let advice = did_you_mean(name, &self.names.accounts);
            self.tell(
                self.at("account"),
                "config.unknown_account",
                format!("rowbill.yaml has no account `{name}`"),
                advice,
            );
        }
    }

    fn google(&mut self, connection: &Connection) {
        let is_sheet = matches!(connection.source.kind, SourceKind::GoogleSheets { .. });
        if is_sheet && connection.source.sure && self.node.get("source").is_some() && !self.names.google {
            let advice = "add to rowbill.yaml: google: { login: { file: secrets/service-account.json } }";
            self.tell(self.at("source"), "config.google_login", "a Google sheet needs a login".into(), advice);
        }
    }

    fn settings(&mut self, connection: &Connection) {
        let is_customer = matches!(connection.action, Action::CreateCustomer);
        let is_claim = matches!(connection.action, Action::OnInvoice(Act::RecordPayment));
        if is_claim && self.node.get("on_change").is_some() {
            let message = "`on_change` does not go with record_payment";
            let advice = "take it out: an edited row takes its claim on to `confirmed` or `cancelled`";
            self.tell(self.at("on_change"), "mapping.on_change", message.into(), advice);
        } else if connection.on_change == OnChange::Update && !is_customer && !is_claim {
            let advice = "write review or ignore: what was billed is not changed by an edit";
            self.tell(self.at("on_change"), "mapping.on_change", "`update` is for create_customer".into(), advice);
        }
        if connection.match_existing && !is_customer {
            let message = "`match_existing` is for create_customer".to_owned();
            self.tell(
                self.at("match_existing"),
                "mapping.match_existing",
                message,
                "take it out; use `customer: { by_email: … }`",
            );
        }
        if self.node.get("duplicates").is_some() && connection.action.invoice().is_some() {
            let advice = "take it out: rows of a group are its lines";
            self.tell(
                self.at("duplicates"),
                "mapping.duplicates",
                "`duplicates` is for connections with a key".into(),
                advice,
            );
        }
        if self.node.get("only_if").is_some()
            && connection.action.invoice().is_some_and(|invoice| invoice.items_from.is_some())
        {
            let advice = "put the condition into the connection that makes the items";
            self.tell(self.at("only_if"), "mapping.items", "`only_if` does not go with `items_from`".into(), advice);
        }
    }

    fn references(&mut self, connection: &Connection, files: &[(&str, &File, &Node)]) {
        let about = match &connection.action {
            Action::CreateInvoice(invoice) => Some(&invoice.customer),
            _ => connection.recipe.about.as_ref(),
        };
        let block = self.node.get(connection.action.name());
        if let Some((about, other)) = about.and_then(|about| Some((about, about.from()?))) {
            let word = about.kind.word();
            let at = block.and_then(|block| block.get(word)?.get("from")).map_or(self.node.at, |node| node.at);
            self.makes(other, about.kind.made_by(), &format!("makes no {word}s"), at, files);
            self.same_account(connection, other, at);
        }
        if let Some(other) = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref()) {
            let at = block.and_then(|block| block.get("items_from")).map_or(self.node.at, |node| node.at);
            self.makes(other, "add_invoice_item", "makes no invoice items", at, files);
            self.same_account(connection, other, at);
        }
    }

    fn makes(&mut self, other: &str, action: &str, lack: &str, at: At, files: &[(&str, &File, &Node)]) {
        let node = files.iter().find(|(name, ..)| *name == other);
        if node.is_some_and(|(_, _, node)| node.get(action).is_none()) {
            self.tell(
                at,
                "mapping.wrong_connection",
                format!("`{other}` {lack}"),
                format!("name a connection with {action}"),
            );
        }
    }

    fn same_account(&mut self, connection: &Connection, other: &str, at: At) {
        let theirs = self.project.connections.iter().find(|connection| connection.name == other);
        if let Some(theirs) = theirs.filter(|theirs| theirs.account != connection.account) {
            let message =
                format!("`{other}` bills in account `{}`, this one in `{}`", theirs.account, connection.account);
            self.tell(at, "mapping.wrong_account", message, "objects cannot be used across accounts");
        }
    }

    fn after(&mut self, connection: &Connection, files: &[(&str, &File, &Node)]) {
        let names = connection.after();
        let known: Vec<&str> = files.iter().map(|(name, ..)| *name).filter(|name| *name != connection.name).collect();
        let node = self.node.get("schedule").and_then(|schedule| schedule.get("after"));
        for (name, at) in names.iter().zip(node.map(elements).unwrap_or_default().iter().map(|node| node.at)) {
            if !known.contains(&name.as_str()) && !self.names.broken.contains(name) {
                let message = format!("there is no connection `{name}` to run after");
                self.tell(at, "config.unknown_connection", message, did_you_mean(name, &known));
            }
        }
    }
}

/// Connections that wait for each other would never run.
fn cycles(project: &Project, files: &[(&str, &File, &Node)], problems: &mut Vec<Problem>) {
    let graph: BTreeMap<&str, Vec<&str>> =
        project.connections.iter().map(|c| (c.name.as_str(), c.after().iter().map(String::as_str).collect())).collect();
    let mut told = BTreeSet::new();
    for start in graph.keys() {
        let Some(path) = path_back(start, &graph) else { continue };
        let mut members: Vec<&str> = path.clone();
        members.sort_unstable();
        if !told.insert(members) {
            continue;
        }
        let Some((_, file, node)) = files.iter().find(|(name, ..)| name == start) else { continue };
        let at = node.get("schedule").and_then(|schedule| schedule.get("after")).map_or(node.at, |node| node.at);
        let problem =
            Problem::new("config.after_cycle", format!("these run after each other: {} → {start}", path.join(" → ")));
        problems.push(file.place(at, problem.advise("give one of them another schedule")));
    }
}

fn path_back<'a>(start: &'a str, graph: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut stack = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while let Some(path) = stack.pop() {
        for next in path.last().and_then(|last| graph.get(last)).into_iter().flatten() {
            if *next == start {
                return Some(path);
            }
            if seen.insert(*next) {
                let mut longer = path.clone();
                longer.push(next);
                stack.push(longer);
            }
        }
    }
    None
}

/// A CSV file has one results file; two connections would overwrite each other's.
fn shared_results(project: &Project, problems: &mut Vec<Problem>) {
    let mut writers: BTreeMap<&std::path::Path, &str> = BTreeMap::new();
    for connection in project.connections.iter().filter(|connection| !connection.write_back.columns.is_empty()) {
        let SourceKind::Csv { path, .. } = &connection.source.kind else { continue };
        if let Some(other) = writers.insert(path, &connection.name) {
            let message = format!("`{other}` writes back to {} as well", connection.source.display);
            let problem = Problem::new("config.write_back", message).advise("let one of the two write back");
            problems.push(connection.file.place(At::default(), problem));
        }
    }
}
