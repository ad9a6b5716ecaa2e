//! Reads a project: `rowbill.yaml` and everything in `mappings/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rowbill_connector::{Catalog, Place, Problem};

use super::connection::Connection;
use super::file::File;
use super::files::{Bytes, Files, root_of};
use super::mapping_file::{self, Around, texts};
use super::settings::{self, Account, Settings};
use super::shape;
use super::shapes::MAPPING;
use super::source::{self, SourceConfig};
use super::yaml::{self, Node};
use super::{check, secret};
use crate::mapping::identity::Owner;
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

impl Project {
    /// The account that a connection bills in.
    pub fn account(&self, connection: &Connection) -> Result<&Account, Problem> {
        self.account_named(&connection.account)
    }

    /// An account by name, or the problem that there is none.
    pub fn account_named(&self, name: &str) -> Result<&Account, Problem> {
        self.settings.accounts.get(name).ok_or_else(|| {
            Problem::new("config.unknown_account", format!("there is no account `{name}`"))
                .advise("name one of rowbill.yaml")
        })
    }

    /// Whom the operations of a connection belong to.
    pub fn owner(&self, connection: &Connection) -> Owner {
        Owner {
            account: connection.account.clone(),
            live: self.is_live(connection),
            connection: connection.name.clone(),
            action: connection.action.name(),
        }
    }

    /// Whether a connection bills real money.
    pub fn is_live(&self, connection: &Connection) -> bool {
        self.account(connection).is_ok_and(|account| account.live)
    }
}

/// Reads the short names of a source's columns, where that needs no network; a problem is one of the declaration.
pub type ColumnNames<'a> = &'a dyn Fn(&SourceConfig) -> Result<Option<Vec<String>>, Problem>;

/// Reads and checks all files of a project. `column_names` looks at headers that can be seen offline.
pub fn load(path: &Path, catalog: &Catalog, column_names: ColumnNames<'_>) -> Result<Project, Vec<Problem>> {
    load_files(path, &Files::read(path), catalog, column_names)
}

/// What `rowbill.yaml` alone says, if it is right: a mapping with mistakes is no matter.
pub fn settings_alone(path: &Path, catalog: &Catalog) -> Option<Settings> {
    let files = Files { mappings: BTreeMap::new(), folder: Ok(()), ..Files::read(path) };
    load_files(path, &files, catalog, &|_| Ok(None)).ok().map(|project| project.settings)
}

/// Checks all files of a project as they were read.
pub fn load_files(
    path: &Path,
    files: &Files,
    catalog: &Catalog,
    column_names: ColumnNames<'_>,
) -> Result<Project, Vec<Problem>> {
    let mut problems = Vec::new();
    let project = read_all(path, files, catalog, column_names, &mut problems);
    for problem in &mut problems {
        problem.message = secret::masked(&problem.message);
        problem.advice = problem.advice.take().map(|advice| secret::masked_keys(&advice));
    }
    // People mend a file from its top to its end.
    problems.sort_by_cached_key(|problem| {
        let place = problem.place.clone().unwrap_or_default();
        (place.file.as_deref() != path.file_name().and_then(|name| name.to_str()), place.file, place.line, place.column)
    });
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
    files: &Files,
    catalog: &Catalog,
    column_names: ColumnNames<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Project> {
    let root = root_of(path);
    let file = read_file(path, &files.settings, &root, problems)?;
    let read = settings::read(&file, &root, problems);
    if let Err((kind, error)) = &files.folder
        && *kind != std::io::ErrorKind::NotFound
    {
        let problem = whole("mappings", "config.unreadable", format!("mappings cannot be read: {error}"));
        problems.push(problem.advise("give the user that runs rowbill the right to read that folder"));
    }
    let (raws, broken) = read_mappings(&files.mappings, &root, problems);
    let (settings, node) = read?;
    let mut shared = BTreeMap::new();
    for (key, node) in node.get("sources").map(Node::entries).unwrap_or_default() {
        let source = source::read(&file, node, &root, &catalog.currencies, problems);
        shared.insert(key.text.clone(), looked_at(source, &file, node, column_names, problems));
    }
    let sources = read_sources(
        &raws,
        &shared,
        |raw, node, problems| {
            let source = source::read(&raw.file, node, &root, &catalog.currencies, problems);
            looked_at(source, &raw.file, node, column_names, problems)
        },
        problems,
    );
    let keys: BTreeMap<String, Vec<String>> = raws.iter().map(|raw| (raw.name.clone(), key_of(&raw.node))).collect();
    let mut connections = Vec::new();
    for raw in &raws {
        let Some((source, known)) = sources.get(&raw.name).cloned() else { continue };
        let around = Around { catalog, keys: &keys, broken: &broken, known };
        let connection = mapping_file::read(&raw.name, &raw.file, &raw.node, source, &around, problems);
        connections.extend(connection);
    }
    let project = Project { root, settings, connections };
    let files: Vec<_> = raws.iter().map(|raw| (raw.name.as_str(), &raw.file, &raw.node)).collect();
    let accounts: Vec<&str> =
        node.get("accounts").map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.text.as_str()).collect();
    check::together(
        &project,
        &files,
        &check::Names { accounts, google: node.get("google").is_some(), broken: &broken },
        problems,
    );
    Some(project)
}

/// A source, and the short names of its columns where its header can be seen.
type Looked = (SourceConfig, Option<Vec<String>>);

fn looked_at(
    mut source: SourceConfig,
    file: &File,
    node: &Node,
    look: ColumnNames<'_>,
    problems: &mut Vec<Problem>,
) -> Looked {
    let known = look(&source).unwrap_or_else(|problem| {
        let settings = node.entries().first().map(|(_, settings)| settings);
        let at = settings.and_then(|settings| settings.get("encoding")).map_or(node.at, |node| node.at);
        problems.push(file.place(at, problem));
        source.sure = false;
        None
    });
    (source, known)
}

fn read_file(path: &Path, bytes: &Bytes, root: &Path, problems: &mut Vec<Problem>) -> Option<File> {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let text = match bytes {
        Ok(bytes) => String::from_utf8(bytes.clone()).map_err(|error| not_utf8(&name, &error)),
        Err((std::io::ErrorKind::NotFound, _)) => {
            Err(whole(&name, "config.missing", format!("there is no {}", path.display()))
                .advise("start with `rowbill init`, or name the file with --config PATH"))
        }
        Err((_, error)) => Err(whole(&name, "config.unreadable", format!("{name} cannot be read: {error}"))
            .advise("give the user that runs rowbill the right to read it; a file is wanted, no folder")),
    };
    match text {
        Ok(text) => {
            let file = File::new(name, text.strip_prefix('\u{feff}').unwrap_or(&text));
            problems.extend(secret::find(&file));
            Some(file)
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn whole(name: &str, code: &str, message: String) -> Problem {
    Problem::new(code, message).at(Place { file: Some(name.to_owned()), ..Place::default() })
}

/// The place is known all the same: everything before the first bad byte is text.
fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Problem {
    let start = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..start]).into_owned();
    let problem = Problem::new("config.encoding", format!("{name} is not UTF-8: byte {start} cannot be read"))
        .advise("save the file as UTF-8; most editors ask for the encoding under \"Save as\"");
    File::new(name, before).place(yaml::At { start, end: start }, problem)
}

/// The mappings, and the names of those that could not be read: nobody is to be told that they are not there.
fn read_mappings(
    files: &BTreeMap<PathBuf, Bytes>,
    root: &Path,
    problems: &mut Vec<Problem>,
) -> (Vec<Raw>, BTreeSet<String>) {
    let (mut raws, mut broken): (Vec<Raw>, BTreeSet<String>) = Default::default();
    for (path, bytes) in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let file = read_file(path, bytes, root, problems);
        if let Some(file) = &file {
            name_is_good(&name, file, &raws, problems);
        }
        let node = file.as_ref().and_then(|file| yaml::parse(file, problems));
        let (Some(file), Some(node)) = (file, node) else {
            broken.insert(name);
            continue;
        };
        // What is wrong in shape is told, and the rest of the file is looked at all the same.
        shape::check(&file, &node, MAPPING, problems);
        if node.entries().is_empty() {
            broken.insert(name);
        } else {
            raws.push(Raw { name, file, node });
        }
    }
    (raws, broken)
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
    shared: &BTreeMap<String, Looked>,
    own: impl Fn(&Raw, &Node, &mut Vec<Problem>) -> Looked,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Looked> {
    let mut sources = BTreeMap::new();
    for raw in raws {
        // With `items:` beside it, which of the two is meant is told elsewhere.
        let makes = raw.node.get("create_invoice").is_some_and(|block| block.get("items").is_some());
        let from = items_from(&raw.node).filter(|_| !makes);
        match (raw.node.get("source"), &from) {
            (Some(node), Some(_)) => {
                let problem = Problem::new("mapping.items", "an invoice with `items_from` has no source of its own")
                    .advise("take `source:` out: its rows are those of the items");
                problems.push(raw.file.place(node.at, problem));
            }
            (Some(node), None) => {
                let source = match node.text() {
                    Some(name) => named_source(name, node, raw, shared, problems),
                    None => own(raw, node, problems),
                };
                sources.insert(raw.name.clone(), source);
            }
            (None, None) => {
                let problem = Problem::new("config.missing_key", "`source` is missing in a mapping")
                    .advise("add `source:` with csv: or google_sheets:, or the name of one in rowbill.yaml");
                problems.push(raw.file.place(raw.node.at, problem));
            }
            (None, Some(_)) => {}
        }
    }
    for raw in raws {
        let from = items_from(&raw.node).and_then(|name| sources.get(&name).cloned());
        sources.entry(raw.name.clone()).or_insert_with(|| from.unwrap_or_else(|| (SourceConfig::unknown(), None)));
    }
    sources
}

fn named_source(
    name: &str,
    node: &Node,
    raw: &Raw,
    shared: &BTreeMap<String, Looked>,
    problems: &mut Vec<Problem>,
) -> Looked {
    shared.get(name).cloned().unwrap_or_else(|| {
        let names: Vec<&str> = shared.keys().map(String::as_str).collect();
        let problem = Problem::new("config.unknown_source", format!("rowbill.yaml has no source `{name}`"));
        problems.push(raw.file.place(node.at, problem.advise(did_you_mean(name, &names))));
        (SourceConfig::unknown(), None)
    })
}

fn items_from(node: &Node) -> Option<String> {
    node.get("create_invoice")?.get("items_from")?.text().map(str::to_owned)
}
