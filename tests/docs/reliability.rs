//! The failure matrix names tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::blocks::{read, root};

/// The names of all test functions and modules of the workspace.
fn there() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests", "connectors"] {
        take(&root().join(folder), &mut names);
    }
    names
}

fn take(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            take(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let words = text.split("fn ").skip(1);
            names.extend(words.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
            names.insert(format!("{}::", path.file_stem().unwrap().to_string_lossy()));
        }
    }
}

/// What the last cell of each row of the tables names in backticks.
fn named(page: &str) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2);
    let cells = rows.filter_map(|row| row.rsplit(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_test_of_the_matrix_is_there() {
    let page = read("docs/reliability.md");
    let matrix = page.split("## The failure matrix").nth(1).unwrap();
    let (there, named) = (there(), named(matrix));
    assert!(named.len() > 80, "{}", named.len());
    let is_there = |name: &str| {
        let last = name.rsplit("::").next().unwrap_or_default();
        there.contains(name) || there.contains(last) || there.contains(&format!("{last}::"))
    };
    let gone: Vec<&String> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(gone.is_empty(), "{gone:#?}");
}

/// Each row of the list of bugs is a patch, and each patch has a row.
#[test]
fn every_bug_is_a_patch() {
    let page = read("docs/reliability.md");
    let bugs = page.split("| Bug | Patch |").nth(1).unwrap();
    let listed: BTreeSet<String> = bugs.lines().filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect();
    let files = fs::read_dir(root().join("tests/proof/bugs")).unwrap();
    let patches =
        files.filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".patch")?.to_owned()));
    assert_eq!(listed, patches.collect());
}
