//! The layers of `src/` and `connectors/`, read from their imports: an arrow that is not in the table fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module of `src/` may use of the others. `main` and `cli` are at the top and may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("suggest", &[]),
    ("protocol", &[]),
    ("schedule", &["protocol"]),
    ("mapping", &["suggest"]),
    ("ledger", &["protocol", "schedule::Position"]),
    ("config", &["mapping", "protocol", "report::By", "schedule", "suggest"]),
    ("payments", &["ledger", "protocol"]),
    ("report", &["mapping"]),
    ("run", &["config", "ledger", "mapping", "payments", "protocol", "schedule"]),
    ("connectors", &["config", "mapping"]),
    ("web", &["payments", "protocol", "run"]),
    ("books", &["config", "ledger", "mapping", "protocol", "run"]),
    ("reporting", &["config", "connectors", "mapping", "protocol", "report"]),
    (
        "daemon",
        &["config", "connectors", "ledger", "mapping", "payments", "protocol", "reporting", "run", "schedule", "web"],
    ),
];
/// No clock, no input and output, nothing asynchronous.
const PURE: &[&str] = &["mapping", "report", "schedule", "protocol", "suggest"];
const IMPURE: &[&str] = &[
    "async fn",
    ".await",
    "async move",
    "async {",
    "tokio",
    "futures::",
    "SystemTime",
    "std::time::Instant",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "File::open",
    "reqwest",
    "sqlx",
    "Timestamp::now",
    "Zoned::now",
];
/// The only files that name a system at either end.
const NAME_CONNECTORS: &[&str] = &["connectors.rs", "cli/demo.rs", "cli/sandbox.rs", "cli/init.rs"];
const CONNECTORS: &[&str] = &["rowbill_stripe", "rowbill_google_sheets", "rowbill_csv", "rowbill_notify"];
const SAY_NOTHING: &[&str] = &["utils", "util", "common", "helpers", "helper", "types", "misc"];
const MOST_LINES: usize = 400;

struct Source {
    /// Relative to the folder that was read.
    path: String,
    /// Without comments and strings, so that words in prose are no imports.
    code: String,
    lines: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                let name = entry.file_name().unwrap();
                if name != "target" && name != "node_modules" {
                    left.push(entry);
                }
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                let path = entry.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, code: code(&text), lines: text.lines().count() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no sources in {}", folder.display());
    found
}

/// The lines without their comments.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| match line.find("//") {
        Some(at) if line[..at].matches('"').count() % 2 == 0 => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The module of a file of `src/`: `run` for `run/survey.rs`.
fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// The modules that `crate::…` paths name, with one level more for `ledger`'s sake: `mapping::identity`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split('}').next().unwrap_or_default();
            found.extend(list.split(',').map(|name| word(name.trim())).filter(|name| !name.is_empty()));
            continue;
        }
        let first = word(rest);
        let second = rest[first.len()..].strip_prefix("::").map(word).unwrap_or_default();
        found.insert(format!("{first}::{second}"));
    }
    found
}

fn allowed(module: &str, used: &str) -> bool {
    let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        return matches!(module, "main" | "lib" | "cli");
    };
    let is_own = used == module || used.starts_with(&format!("{module}::"));
    is_own || may.iter().any(|name| used == *name || used.starts_with(&format!("{name}::")))
}

fn is_clean(broken: &[String]) {
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn arrows_point_down() {
    let mut broken = Vec::new();
    for source in sources(&root().join("src")) {
        let module = module(&source.path);
        for used in uses(&source.code) {
            if !allowed(module, &used) {
                broken.push(format!("src/{}: `{module}` must not use `{used}`", source.path));
            }
        }
    }
    is_clean(&broken);
}

#[test]
fn the_readme_has_the_same_table() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows = readme.lines().skip_while(|line| !line.starts_with("| Layer |")).skip(2);
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut table = BTreeSet::new();
    for (layers, may) in rows.map_while(|row| row.strip_prefix("| ")?.split_once(" | ")) {
        let may: BTreeSet<String> = words(may).into_iter().filter(|name| !name.contains('/')).collect();
        table.extend(words(layers).into_iter().map(|layer| (layer, may.clone())));
    }
    table.retain(|(layer, _)| !matches!(layer.as_str(), "main" | "cli" | "connectors/*"));
    // What finds the name that was meant is everybody's.
    let known = MAY_USE.iter().filter(|(layer, _)| *layer != "suggest").map(|(layer, may)| {
        let may = may.iter().filter(|name| **name != "suggest").map(|name| (*name).to_owned());
        ((*layer).to_owned(), may.collect())
    });
    assert_eq!(known.collect::<BTreeSet<_>>(), table, "README.md (right)");
}

#[test]
fn only_one_place_names_the_connectors() {
    let mut broken = Vec::new();
    for source in sources(&root().join("src")) {
        let is_allowed = NAME_CONNECTORS.contains(&source.path.as_str());
        // Unit tests at a file's end may use Stripe's data as an example.
        let code = source.code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for name in CONNECTORS.iter().filter(|_| !is_allowed) {
            // `rowbill_stripe` is also how `rowbill_stripe_spec` begins: all of them are meant.
            if code.contains(&format!("{name}::")) || code.contains(&format!("{name}_")) {
                broken.push(format!("src/{} names {name}", source.path));
            }
        }
    }
    is_clean(&broken);
}

#[test]
fn pure_modules_do_nothing_to_the_world() {
    let mut broken = Vec::new();
    for source in sources(&root().join("src")).iter().filter(|source| PURE.contains(&module(&source.path))) {
        for word in IMPURE.iter().filter(|word| source.code.contains(**word)) {
            broken.push(format!("src/{}: `{word}` in a pure module", source.path));
        }
    }
    is_clean(&broken);
}

#[test]
fn connectors_do_not_know_rowbill() {
    let mut broken = Vec::new();
    for source in sources(&root().join("connectors")) {
        if source.code.contains("rowbill::") {
            broken.push(format!("connectors/{} uses rowbill", source.path));
        }
    }
    for entry in fs::read_dir(root().join("connectors")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        if text
            .lines()
            .any(|line| line.starts_with("rowbill ") || line.starts_with("rowbill.") || line.starts_with("rowbill="))
        {
            broken.push(format!("{} depends on rowbill", manifest.display()));
        }
    }
    is_clean(&broken);
}

#[test]
fn files_are_small_and_their_names_say_something() {
    let mut broken = Vec::new();
    for folder in ["src", "connectors", "tests"] {
        for source in sources(&root().join(folder)) {
            if source.lines > MOST_LINES {
                broken.push(format!("{folder}/{} has {} lines; at most {MOST_LINES}", source.path, source.lines));
            }
            let parts = source.path.trim_end_matches(".rs").split('/');
            if let Some(part) = parts.into_iter().find(|part| SAY_NOTHING.contains(part)) {
                broken.push(format!("{folder}/{}: `{part}` says nothing", source.path));
            }
        }
    }
    is_clean(&broken);
}

#[test]
fn the_reader_of_imports_reads() {
    let used =
        uses("use crate::mapping::money::Money;\nuse crate::{config, ledger::Ledger};\nlet x = crate::run::plan();");
    let expected = ["config", "ledger", "mapping::money", "run::plan"].map(str::to_owned);
    assert_eq!(used, expected.into_iter().collect());
    assert!(
        allowed("ledger", "schedule::Position")
            && !allowed("ledger", "schedule::Clock")
            && !allowed("run", "cli::exit")
    );
    assert_eq!(code("let x = 1; // crate::cli\nlet y = \"a//b\";"), "let x = 1; \nlet y = \"a//b\";");
}
