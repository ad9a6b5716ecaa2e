//! A secret in every place where it may get by mistake: it comes out nowhere.

mod elsewhere;
mod files;
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use super::told::run;
use crate::support::{Project, samples};

/// What is looked for. The four letters at the end of a key may be shown.
const CANARY: &str = "CaNaRy77";

/// A key that holds it.
fn key(prefix: &str) -> String {
    format!("{prefix}{CANARY}{CANARY}wxyz")
}

/// Whether some bytes hold the canary.
fn holds(bytes: &[u8]) -> bool {
    bytes.to_ascii_lowercase().windows(CANARY.len()).any(|window| window == CANARY.to_ascii_lowercase().as_bytes())
}

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The files of a project that hold the canary.
fn infected(project: &Project) -> Vec<PathBuf> {
    files_below(project.root()).into_iter().filter(|path| fs::read(path).is_ok_and(|bytes| holds(&bytes))).collect()
}

/// Every command that opens the project, as a person would see it or a program.
const COMMANDS: &[&[&str]] = &[
    &["validate", "-vv"],
    &["validate", "--online", "-vv", "-o", "json"],
    &["doctor", "-vv"],
    &["test", "-vv", "-o", "json"],
    &["preview", "customers", "-vv"],
    &["plan", "--all", "-vv", "-o", "json"],
    &["send-test", "customers", "-vv"],
    &["run-now", "--all", "-vv", "-o", "json"],
    &["run-now", "customers", "--only", "1", "-vv"],
    &["status", "-vv", "-o", "json"],
    &["runs", "-vv"],
    &["rows", "customers", "-vv", "-o", "json"],
    &["rows", "retry", "customers", "1", "-vv"],
    &["ledger", "verify", "-vv", "-o", "json"],
    &["pause", "customers", "-vv"],
    &["daemon", "--unit", "-vv", "-o", "json"],
];

/// What reads the files, asks Stripe and runs.
const FEW: &[&[&str]] = &[
    &["validate", "--color=always"],
    &["validate", "--online", "-vv", "--color=always"],
    &["doctor", "-o", "json"],
    &["run-now", "--all", "-vv"],
];

/// Nothing that these commands print and no file that they make holds the canary.
#[track_caller]
fn comes_out_nowhere(what: &str, project: &Project, commands: &[&[&str]], environment: &[(&str, &str)]) {
    let before = infected(project);
    for args in commands {
        let mut command = project.command(args);
        command.envs(environment.iter().copied());
        let told = run(command).all();
        assert!(!holds(told.as_bytes()), "{what}: {args:?}: {told}");
    }
    assert_eq!(infected(project), before, "{what}");
}

/// The commands that stop at a mistake in a file.
#[track_caller]
fn few(what: &str, project: &Project) {
    comes_out_nowhere(what, project, &[FEW[0], FEW[2], FEW[3]], &[]);
}

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(2));
    project
}
