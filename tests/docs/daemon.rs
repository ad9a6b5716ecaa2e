//! docs/daemon.md has every line of the log, every number and every page that the sources have, and no others.

use std::collections::{BTreeMap, BTreeSet};

use rowbill::run::{Answers, Tally};
use rowbill::web::metrics::Metrics;

use super::blocks::read;

const PAGE: &str = "docs/daemon.md";

/// The cells of the table whose first column has this head.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = read(PAGE);
    let begin = format!("| {head} |");
    let rows = page.lines().skip_while(|line| !line.starts_with(&begin)).skip(2);
    let cells = |row: &str| {
        let row = row.replace("\\|", "/");
        let row = row.strip_prefix('|').and_then(|row| row.strip_suffix('|')).unwrap_or(&row);
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "{PAGE} has no table of `{head}`");
    rows
}

/// The words between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What stands between the opening bracket before `text` and its closing one, cut at the commas outside of others.
fn arguments(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut in_text) = (vec![String::new()], 0, false);
    for c in text.chars() {
        in_text ^= c == '"';
        match c {
            '(' | '{' | '[' if !in_text => depth += 1,
            ')' | '}' | ']' if !in_text && depth == 0 => break,
            ')' | '}' | ']' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The texts in a piece of Rust.
fn texts(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2)
}

/// The lines of the log as a source writes them: message, level and fields.
fn lines_of(source: &str) -> BTreeSet<(String, String, Vec<String>)> {
    let mut lines = BTreeSet::new();
    for level in ["info", "warn", "error"] {
        for call in source.split(&format!(" {level}!(")).skip(1) {
            let parts = arguments(call);
            let (fields, words): (Vec<&String>, Vec<&String>) = {
                let begin = parts.iter().position(|part| part.starts_with('"')).expect("a message");
                (parts[..begin].iter().collect(), parts[begin..].iter().collect())
            };
            let name = |field: &String| {
                field.split(" = ").next().unwrap_or_default().trim_start_matches(['%', '?']).to_owned()
            };
            let fields: Vec<String> = fields.into_iter().map(name).collect();
            for message in words.into_iter().flat_map(|word| texts(word)).filter(|text| *text != "{}") {
                lines.insert((message.to_owned(), level.to_owned(), fields.clone()));
            }
        }
    }
    lines
}

#[test]
fn the_page_has_every_line_of_the_log() {
    let source = lines_of(&read("src/daemon/story.rs"));
    assert!(source.len() > 15, "{source:?}");
    let row = |row: Vec<String>| (quoted(&row[0]).concat(), row[1].clone(), quoted(&row[2]));
    let page: BTreeSet<_> = table("Message").into_iter().map(row).collect();
    let missing: Vec<_> = source.difference(&page).collect();
    let stale: Vec<_> = page.difference(&source).collect();
    assert!(missing.is_empty() && stale.is_empty(), "{PAGE}: missing: {missing:#?}, stale: {stale:#?}");
}

#[test]
fn only_the_story_writes_the_log_of_the_daemon() {
    for entry in std::fs::read_dir(super::root().join("src/daemon")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let is_story = path.ends_with("story.rs");
        assert!(is_story || lines_of(&text).is_empty(), "{} writes a line of its own", path.display());
    }
}

#[test]
fn the_reader_of_log_lines_reads() {
    let read = lines_of(
        " info!(\n a,\n b = x(1, \"t\"), %c, \"one\"\n); warn!(d, \"{}\", if y { \"two\" } else { \"three\" });",
    );
    let line = |message: &str, level: &str, fields: &[&str]| {
        (message.to_owned(), level.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
    };
    let expected = [line("one", "info", &["a", "b", "c"]), line("two", "warn", &["d"]), line("three", "warn", &["d"])];
    assert_eq!(read, expected.into_iter().collect());
}

/// The names under which a source registers its numbers, as they are exposed.
fn registered() -> BTreeSet<String> {
    let source = read("src/web/metrics.rs");
    let fields = source.split("pub struct Metrics {").nth(1).unwrap().split('}').next().unwrap();
    let kinds: BTreeMap<&str, &str> =
        fields.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(": ")).collect();
    let mut names = BTreeSet::new();
    for call in source.split("registry.register").skip(1) {
        let Some(call) = call.strip_prefix('(').or_else(|| call.strip_prefix("_with_unit(")) else { continue };
        let parts = arguments(call);
        let unit =
            parts.iter().find_map(|part| part.strip_prefix("Unit::")).map(|unit| format!("_{}", unit.to_lowercase()));
        let field = parts.last().unwrap().trim_start_matches("metrics.").trim_end_matches(".clone()");
        let total = kinds.get(field).is_some_and(|kind| kind.starts_with("Counter")).then_some("_total");
        let name = texts(&parts[0]).next().unwrap();
        names.insert(format!("rowbill_{name}{}{}", unit.unwrap_or_default(), total.unwrap_or_default()));
    }
    names
}

/// The numbers of a daemon to which everything has happened, with their labels.
fn exposed() -> BTreeSet<(String, Vec<String>)> {
    let metrics = Metrics::new();
    metrics.ended("a", "ok", &Tally::default(), 1);
    metrics.open("a", &Tally::default());
    metrics.billed("a", "eur", 1);
    metrics.succeeded("a", 1);
    metrics.late("a", 1);
    metrics.skipped("a", 1);
    metrics.not_run("a");
    metrics.paused("a", false);
    metrics.running(1);
    metrics.account("b", &Answers::default(), false, Some(0));
    metrics.ledger(Some(1), true);
    metrics.problems(0);
    metrics.notified("email", true);
    let text = metrics.text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, labels) = line.split_once('{').unwrap_or_else(|| (line.split(' ').next().unwrap(), ""));
            let ends = ["_bucket", "_sum", "_count"];
            let name = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.split('}').next().unwrap().split(',').filter_map(|label| label.split('=').next());
            (name.to_owned(), labels.filter(|label| !matches!(*label, "" | "le")).map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn the_page_has_every_number() {
    let (registered, exposed) = (registered(), exposed());
    let names: BTreeSet<String> = exposed.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(registered, names, "what is registered (left), and what is exposed when all of it has happened");
    let page: BTreeSet<(String, Vec<String>)> =
        table("Metric").into_iter().map(|row| (quoted(&row[0]).concat(), quoted(&row[1]))).collect();
    assert_eq!(exposed, page, "{PAGE} (right)");
    let text = read(PAGE);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("rowbill_").filter(|(at, _)| !text[..*at].ends_with(is_word)) {
        let name: String = text[at..].chars().take_while(|c| is_word(*c)).collect();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        assert!(names.contains(base), "{PAGE}: there is no {name}");
    }
}

#[test]
fn the_page_has_every_address() {
    let source = read("src/web/health.rs");
    let routes: BTreeSet<String> =
        source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    let page: BTreeSet<String> = table("Address").iter().flat_map(|row| quoted(&row[0])).collect();
    assert_eq!(routes, page, "{PAGE} (right)");
}
