//! Reads a project: `rowbill.yaml` and everything in `mappings/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rowbill_connector::{Catalog, Problem};

use super::connection::Connection;
use super::file::File;
use super::mapping_file::{self, Around, texts};
use super::settings::{self, Settings};
use super::shape;
use super::shapes::MAPPING;
use super::source::{self, SourceConfig};
use super::yaml::{self, Node};
use super::{check, secret};
use crate::suggest::did_you_mean;

/// A project whose files are all right.
#[derive(Debug)]
pub struct Project {
    /// The folder of `rowbill.yaml`.
    pub root: PathBuf,
    /// `rowbill.yaml`.
    pub settings: Settings,
    /// The mappings, by name.
    pub connections: Vec<Connection>,
}

impl Project {
    /// A connection by name, or the problem that there is none.
    pub fn connection(&self, name: &str) -> Result<&Connection, Problem> {
        self.connections.iter().find(|connection| connection.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.connections.iter().map(|connection| connection.name.as_str()).collect();
            Problem::new("config.unknown_connection", format!("there is no connection `{name}`"))
                .advise(did_you_mean(name, &names))
        })
    }
}

/// Reads the short names of a source's columns, where that needs no network.
pub type ColumnNames<'a> = &'a dyn Fn(&SourceConfig) -> Option<Vec<String>>;

/// Reads and checks all files of a project. `column_names` looks at headers that can be seen offline.
pub fn load(path: &Path, catalog: &Catalog, column_names: ColumnNames<'_>) -> Result<Project, Vec<Problem>> {
    let mut problems = Vec::new();
    let project = read_all(path, catalog, column_names, &mut problems);
    for problem in &mut problems {
        problem.message = secret::masked(&problem.message);
        problem.advice = problem.advice.take().map(|advice| secret::masked(&advice));
    }
    match project {
        Some(project) if problems.is_empty() => Ok(project),
        _ => Err(problems),
    }
}

struct Raw {
    name: String,
    file: File,
    node: Node,
}

fn read_all(
    path: &Path,
    catalog: &Catalog,
    column_names: ColumnNames<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Project> {
    let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let file = read_file(path, &root, problems)?;
    let read = settings::read(&file, &root, problems);
    let raws = read_mappings(&root, problems);
    let (settings, node) = read?;
    let mut shared = BTreeMap::new();
    for (key, node) in node.get("sources").map(Node::entries).unwrap_or_default() {
        shared.extend(
            source::read(&file, node, &root, &catalog.currencies, problems).map(|source| (key.text.clone(), source)),
        );
    }
    let sources = read_sources(&raws, &shared, &root, catalog, problems);
    let keys: BTreeMap<String, Vec<String>> = raws.iter().map(|raw| (raw.name.clone(), key_of(&raw.node))).collect();
    let mut connections = Vec::new();
    for raw in &raws {
        let Some(source) = sources.get(&raw.name) else { continue };
        let around = Around { catalog, keys: &keys, known: column_names(source) };
        let connection = mapping_file::read(&raw.name, &raw.file, &raw.node, source.clone(), &around, problems);
        connections.extend(connection);
    }
    let project = Project { root, settings, connections };
    check::together(
        &project,
        &raws.iter().map(|raw| (raw.name.as_str(), &raw.file, &raw.node)).collect::<Vec<_>>(),
        problems,
    );
    Some(project)
}

fn read_file(path: &Path, root: &Path, problems: &mut Vec<Problem>) -> Option<File> {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Problem::new("config.encoding", format!("{name} is not UTF-8: byte {at}")).advise("save the file as UTF-8")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Problem::new("config.missing", format!("there is no {}", path.display()))
                .advise("start with `rowbill init`, or name the file with --config PATH"))
        }
        Err(error) => Err(Problem::new("config.unreadable", format!("{name} cannot be read: {error}"))),
    };
    match text {
        Ok(text) => {
            let file = File::new(name, text.strip_prefix('\u{feff}').unwrap_or(&text));
            problems.extend(secret::find(&file));
            Some(file)
        }
        Err(problem) => {
            let place = rowbill_connector::Place { file: Some(name), ..Default::default() };
            problems.push(problem.at(place));
            None
        }
    }
}

fn read_mappings(root: &Path, problems: &mut Vec<Problem>) -> Vec<Raw> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root.join("mappings"))
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    let mut raws: Vec<Raw> = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some(file) = read_file(&path, root, problems) else { continue };
        name_is_good(&name, &file, &raws, problems);
        let Some(node) = yaml::parse(&file, problems) else { continue };
        // What is wrong in shape is told, and the rest of the file is looked at all the same.
        shape::check(&file, &node, MAPPING, problems);
        raws.push(Raw { name, file, node });
    }
    raws
}

fn name_is_good(name: &str, file: &File, raws: &[Raw], problems: &mut Vec<Problem>) {
    let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if !good {
        let problem = Problem::new("config.connection_name", format!("`{name}` cannot be a connection's name"));
        let problem = problem.advise("name the file with letters, digits, - and _");
        problems.push(file.place(yaml::At::default(), problem));
    }
    if raws.iter().any(|raw| raw.name == name) {
        let problem = Problem::new("config.connection_name", format!("two files are called `{name}`"));
        problems.push(file.place(yaml::At::default(), problem.advise("keep .yaml or .yml, not both")));
    }
}

fn key_of(node: &Node) -> Vec<String> {
    texts(node.get("group_by").or_else(|| node.get("key")))
}

fn read_sources(
    raws: &[Raw],
    shared: &BTreeMap<String, SourceConfig>,
    root: &Path,
    catalog: &Catalog,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, SourceConfig> {
    let mut sources = BTreeMap::new();
    for raw in raws {
        let from = items_from(&raw.node);
        match raw.node.get("source") {
            Some(node) => {
                if from.is_some() {
                    let problem =
                        Problem::new("mapping.items", "an invoice with `items_from` has no source of its own");
                    let problem = problem.advise("take `source:` out: its rows are those of the items");
                    problems.push(raw.file.place(node.at, problem));
                }
                let source = match node.text() {
                    Some(name) => named_source(name, node, raw, shared, problems),
                    None => source::read(&raw.file, node, root, &catalog.currencies, problems),
                };
                sources.extend(source.map(|source| (raw.name.clone(), source)));
            }
            None if from.is_none() => {
                let problem = Problem::new("config.missing_key", "`source` is missing in a mapping");
                let problem =
                    problem.advise("add `source:` with csv: or google_sheets:, or the name of one in rowbill.yaml");
                problems.push(raw.file.place(raw.node.at, problem));
            }
            None => {}
        }
    }
    for raw in raws {
        let from = items_from(&raw.node).and_then(|name| sources.get(&name)).cloned();
        if let (Some(source), false) = (from, sources.contains_key(&raw.name)) {
            sources.insert(raw.name.clone(), source);
        } else if let (Some(name), None) = (items_from(&raw.node), raw.node.get("source"))
            && !sources.contains_key(&raw.name)
            && !raws.iter().any(|other| other.name == name)
        {
            let names: Vec<&str> =
                raws.iter().map(|raw| raw.name.as_str()).filter(|other| *other != raw.name).collect();
            let at = raw
                .node
                .get("create_invoice")
                .and_then(|block| block.get("items_from"))
                .map_or(raw.node.at, |node| node.at);
            let problem = Problem::new(
                "config.unknown_connection",
                format!("there is no connection `{name}` to take items from"),
            );
            problems.push(raw.file.place(at, problem.advise(did_you_mean(&name, &names))));
        }
    }
    sources
}

fn named_source(
    name: &str,
    node: &Node,
    raw: &Raw,
    shared: &BTreeMap<String, SourceConfig>,
    problems: &mut Vec<Problem>,
) -> Option<SourceConfig> {
    let found = shared.get(name);
    if found.is_none() {
        let names: Vec<&str> = shared.keys().map(String::as_str).collect();
        let problem = Problem::new("config.unknown_source", format!("rowbill.yaml has no source `{name}`"));
        problems.push(raw.file.place(node.at, problem.advise(did_you_mean(name, &names))));
    }
    found.cloned()
}

fn items_from(node: &Node) -> Option<String> {
    node.get("create_invoice")?.get("items_from")?.text().map(str::to_owned)
}
