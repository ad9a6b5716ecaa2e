//! Secrets: where they are, and that they are never in the files themselves.

use std::path::{Path, PathBuf};

use rowbill_connector::{Place, Problem};
use secrecy::SecretString;

use super::file::File;
use super::yaml::{At, Node};

/// Where a secret is, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    way: Way,
    /// The place in `rowbill.yaml`.
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// In this environment variable.
    Env(String),
    /// In this file, alone.
    File(PathBuf),
    /// In systemd's credential of this name.
    Credential(String),
}

impl SecretRef {
    /// Reads a checked node; paths are relative to `root`.
    pub fn of(node: &Node, file: &File, root: &Path) -> Option<Self> {
        let (key, value) = node.entries().first()?;
        let text = value.text()?.to_owned();
        let way = match key.text.as_str() {
            "env" => Way::Env(text),
            "file" => Way::File(root.join(text)),
            _ => Way::Credential(text),
        };
        Some(Self { way, place: file.place_of(node.at) })
    }

    /// The file that holds it, for logins that are files.
    pub fn path(&self) -> Result<PathBuf, Problem> {
        self.file_path().map_err(|problem| self.placed(problem))
    }

    fn file_path(&self) -> Result<PathBuf, Problem> {
        match &self.way {
            Way::File(path) => Ok(path.clone()),
            Way::Env(name) => std::env::var(name).map(PathBuf::from).map_err(|_| unset(name)),
            Way::Credential(name) => credential(name),
        }
    }

    /// Reads the secret.
    pub fn read(&self) -> Result<SecretString, Problem> {
        self.text().map_err(|problem| self.placed(problem))
    }

    /// Puts the place of this reference on a problem that has none, or one outside of the project's files.
    pub fn placed(&self, problem: Problem) -> Problem {
        let is_placed = problem.place.as_ref().is_some_and(|place| place.line.is_some() || place.source.is_some());
        if is_placed { problem } else { problem.at(self.place.clone()) }
    }

    fn text(&self) -> Result<SecretString, Problem> {
        let text = match &self.way {
            Way::Env(name) => std::env::var(name).map_err(|_| unset(name))?,
            Way::File(path) => read_file(path)?,
            Way::Credential(name) => read_file(&credential(name)?)?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::new("config.secret_empty", format!("{} is empty", self.describe()))
                .advise("put the key there"));
        }
        Ok(SecretString::from(text.to_owned()))
    }

    /// For people: where the secret is, never what it is.
    pub fn describe(&self) -> String {
        match &self.way {
            Way::Env(name) => format!("the environment variable {name}"),
            Way::File(path) => format!("the file {}", path.display()),
            Way::Credential(name) => format!("the systemd credential {name}"),
        }
    }
}

fn unset(name: &str) -> Problem {
    Problem::new("config.env_unset", format!("the environment variable {name} is not set"))
        .advise(format!("set it: export {name}=…, or name a file with `{{ file: PATH }}`"))
}

fn read_file(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        Problem::new("config.secret_unreadable", format!("{} cannot be read: {error}", path.display()))
            .advise("check the path and its permissions")
    })
}

fn credential(name: &str) -> Result<PathBuf, Problem> {
    std::env::var("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(name)).map_err(|_| {
        Problem::new("config.credential_missing", format!("systemd gave no credential {name}"))
            .advise(format!("add LoadCredential={name}:PATH to the unit, or use {{ file: PATH }}"))
    })
}

/// A private key goes on until its end, over many lines.
const PEM: &str = "-----BEGIN ";
const STARTS: &[&str] = &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_", PEM];

/// Finds keys that are written into a file.
pub fn find(file: &File) -> Vec<Problem> {
    spans(&file.text)
        .into_iter()
        .map(|(start, end)| {
            let shown = mask(&file.text[start..end]);
            let problem = Problem::new("config.secret_in_file", format!("a secret is written in this file: {shown}")).advise(
                "write { env: NAME } or { file: PATH } and put it there; then roll this key in Stripe, since it may be in backups or in git already",
            );
            file.place(At { start, end }, problem)
        })
        .collect()
}

/// The same text without secrets: for anything that quotes what people wrote. Keys are known by their form; of an
/// address only the server is left, and of a line with a password nothing behind that word.
pub fn masked(text: &str) -> String {
    masked_keys(text).split_inclusive('\n').map(|line| hide_password(&hide_path(line))).collect()
}

/// An incoming webhook is opened by its path, and `user:password@` stands before a server's name.
fn hide_path(line: &str) -> String {
    let Some(start) = line.find("//").map(|at| at + 2) else { return line.to_owned() };
    let address = &line[start..];
    let end = address.find(|c: char| c.is_whitespace() || "\"'`}],".contains(c)).unwrap_or(address.len());
    let host = address[..end].find(['/', '?', '#']).map_or(end, |at| at + 1);
    let host = if address[..end].contains('@') { 0 } else { host };
    let rest = hide_path(&address[end..]);
    format!("{}{}{rest}", &line[..start + host], dots(&address[host..end]))
}

fn hide_password(line: &str) -> String {
    let Some(start) = line.find("password:").map(|at| at + "password:".len()) else { return line.to_owned() };
    let value = line[start..].trim_start();
    if value.starts_with('{') { line.to_owned() } else { format!("{}{}", &line[..start], dots(&line[start..])) }
}

/// The same text with every key made unreadable.
pub fn masked_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in spans(text) {
        out.push_str(&text[done..start]);
        out.push_str(&mask(&text[start..end]));
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    for start in STARTS {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            let length = match rest.find("-----END") {
                Some(end) if *start == PEM => end,
                None if *start == PEM => rest.len(),
                _ => rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len()),
            };
            let is_word_start = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            if is_word_start && length >= 8 || *start == PEM && rest.starts_with(|c: char| c.is_ascii_uppercase()) {
                spans.push((at, at + start.len() + length));
            }
        }
    }
    spans.sort_unstable();
    spans
}

/// Dots in place of everything but white space.
fn dots(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { c } else { '•' }).collect()
}

/// The kind of key stays readable, the rest does not. Lines and columns stay where they are.
fn mask(secret: &str) -> String {
    let kept = STARTS.iter().find(|start| secret.starts_with(**start)).map_or(0, |start| start.len());
    let rest = secret[kept..].chars().map(|c| if c == '\n' { '\n' } else { '•' });
    secret[..kept].chars().chain(rest).collect()
}
