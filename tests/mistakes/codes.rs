//! Every code that the product can say has its section in `docs/problems.md`, and no section is without a use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What stands before the dot of a code.
const AREAS: &[&str] = &[
    "account", "clock", "config", "daemon", "demo", "guard", "init", "ledger", "mapping", "notify", "output", "plan",
    "row", "rows", "run", "sandbox", "source", "stripe",
];
/// Texts of that form that are no codes: names of files, and the beginning of several codes.
const NO_CODES: &[&str] = &["config.credential_", "config.secret_", "demo.key", "ledger.db", "row.check"];

#[test]
fn every_code_is_explained() {
    let (used, explained) = (used(), sections().into_keys().collect::<BTreeSet<_>>());
    let missing: Vec<&String> = used.difference(&explained).collect();
    let stale: Vec<&String> = explained.difference(&used).collect();
    assert!(missing.is_empty() && stale.is_empty(), "without a section: {missing:?}; without a use: {stale:?}");
}

#[test]
fn explanations_are_short_and_full() {
    for (code, text) in sections() {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert!((2..=9).contains(&lines), "{code}: {lines} lines");
    }
}

#[test]
fn every_code_of_the_tables_is_a_code() {
    let used = used();
    for case in super::TABLES.iter().flat_map(|text| super::table::parse(text)) {
        for expected in case.expected {
            assert!(
                used.contains(&expected.code) || expected.code.starts_with("stripe."),
                "{}: {}",
                case.name,
                expected.code
            );
        }
    }
}

fn sections() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("docs/problems.md")).expect("docs/problems.md");
    let sections = text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.map(|(code, text)| (code.trim().to_owned(), text.trim().to_owned())).collect()
}

/// All texts of the sources that have the form of a code.
fn used() -> BTreeSet<String> {
    let mut files = Vec::new();
    walk(&root().join("src"), &mut files);
    walk(&root().join("connectors"), &mut files);
    let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    texts.flat_map(|text| codes(text.split("#[cfg(test)]").next().unwrap_or_default())).collect()
}

fn codes(text: &str) -> Vec<String> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let quoted = text.split('"').filter(|piece| !NO_CODES.contains(piece));
    let split = quoted.filter_map(|piece| piece.split_once('.').map(|(area, what)| (piece, area, what)));
    let known = split.filter(|(_, area, what)| AREAS.contains(area) && is_word(what)).map(|(piece, ..)| piece);
    // Whatever a problem is made of is a code, in areas that nobody has named here as well.
    let made =
        text.split("Problem::new(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    known.chain(made).map(str::to_owned).collect()
}

/// Rust files of the product: no tests, no suites, no examples.
fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "tests" | "suite" | "examples" | "fake" | "stripe_sandbox" | "target") {
                walk(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !matches!(name.as_str(), "suite.rs" | "tests.rs")
        {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
