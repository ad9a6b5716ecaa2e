//! `rowbill init`: a commented rowbill.yaml, a first mapping, and an empty ledger.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rowbill_connector::{Problem, Source};
use rowbill_csv::{CsvConfig, CsvSource};

use super::context::{Context, Problems};
use super::exit;
use super::screen::good;
use crate::ledger::sqlite::SqliteLedger;
use crate::mapping::binding::snake_case;

const SETTINGS: &str = include_str!("../../docs/templates/rowbill.yaml");
const MAPPING: &str = include_str!("../../docs/templates/first-mapping.yaml");
const SAMPLE: &str = "Customer ID,E-mail,Name\n1,ann@example.org,Ann Archer\n2,bob@example.org,Bob Baker\n";

pub async fn init(context: &Context, dir: &Path, from: Option<&str>) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let (name, mapping, sample) = match from {
        None => ("new-customers".to_owned(), MAPPING.to_owned(), Some(("data/customers.csv", SAMPLE))),
        Some(from) => {
            let (name, mapping) = from_csv(dir, from).await.map_err(one)?;
            (name, mapping, None)
        }
    };
    let mut files =
        vec![(dir.join("rowbill.yaml"), SETTINGS.to_owned()), (dir.join(format!("mappings/{name}.yaml")), mapping)];
    files.push((dir.join(".gitignore"), "/state/\n/secrets/\n*.results.csv\n".to_owned()));
    files.extend(sample.map(|(path, text)| (dir.join(path), text.to_owned())));
    if let Some((taken, _)) = files.iter().take(2).find(|(path, _)| path.exists()) {
        let problem =
            Problem::new("config.exists", format!("{} is there already; nothing was written", taken.display()));
        return Err(one(problem.advise("choose another folder: rowbill init DIR")));
    }
    for (path, text) in &files {
        if !path.exists() {
            write(path, text).map_err(one)?;
            context.screen.line(format!("  {} {}", good("+"), path.display()));
        }
    }
    let ledger = dir.join("state/ledger.db");
    if !ledger.exists() {
        SqliteLedger::create(&ledger).await.map_err(one)?;
        context.screen.line(format!("  {} {}", good("+"), ledger.display()));
    }
    let config = dir.join("rowbill.yaml");
    context.screen.say("next:  export STRIPE_SECRET_KEY=sk_test_…   (or `rowbill sandbox` and its api_base)");
    context.screen.say(format!(
        "       rowbill -c {0} validate;  rowbill -c {0} preview {name};  rowbill -c {0} plan {name}",
        config.display()
    ));
    Ok(exit::OK)
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    made.map_err(|error| Problem::new("init.write", format!("{} cannot be written: {error}", path.display())))
}

/// A mapping for the headers of a file; what is guessed is marked as a guess.
async fn from_csv(dir: &Path, from: &str) -> Result<(String, String), Problem> {
    let Some(path) = from.strip_prefix("csv:") else {
        return Err(Problem::new("config.from", format!("`{from}` is not understood")).advise("write --from csv:FILE"));
    };
    let config = CsvConfig { path: PathBuf::from(path), display: path.to_owned(), delimiter: None, encoding: None };
    let headers = CsvSource::new(config)?.check().await?.headers;
    let name = Path::new(path)
        .file_stem()
        .map_or("rows".to_owned(), |stem| snake_case(&stem.to_string_lossy()).replace('_', "-"));
    let shown = std::path::absolute(path).ok().zip(std::path::absolute(dir).ok());
    let shown = shown
        .and_then(|(path, dir)| path.strip_prefix(dir).ok().map(Path::to_owned))
        .unwrap_or_else(|| std::path::absolute(path).unwrap_or_default());
    let mut columns = String::new();
    // A header without a letter or digit has no short name.
    let named = || headers.iter().filter(|header| !snake_case(header).is_empty());
    for header in named() {
        let kind = guess(header);
        let note = if kind.is_empty() { "" } else { "   # a guess: check it" };
        let _ = writeln!(columns, "      {}: {{ header: {}{kind} }}{note}", snake_case(header), quoted(header));
    }
    let first = named().next().map(|header| snake_case(header)).unwrap_or_default();
    let email = headers
        .iter()
        .find(|header| guess(header).contains("email"))
        .map_or("email".to_owned(), |header| snake_case(header));
    let mapping = format!(
        "title: {name}\naccount: acme\nsource:\n  csv:\n    path: {}\n    columns:\n{columns}key: [{first}]                   # a guess: the columns that identify a row, never its number\nfirst_run: only_new           # all: bill the rows that are there today; only_new: only those that come\ncreate_customer:\n  email: ${{{{ row.{email} | lower }}}}\n",
        quoted(&shown.display().to_string())
    );
    Ok((name, mapping))
}

/// A text between double quotes in YAML, whatever stands in it.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\u{2028}' | '\u{2029}' | '\u{feff}' => format!("\\u{:04X}", u32::from(c)),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn guess(header: &str) -> &'static str {
    let name = snake_case(header);
    let is = |words: &[&str]| words.iter().any(|word| name.split('_').any(|part| part == *word) || name == *word);
    if is(&["email", "e_mail", "mail"]) {
        ", type: email"
    } else if is(&["total", "amount", "price", "sum"]) {
        ", type: money, currency: EUR"
    } else if is(&["date", "day"]) {
        ", type: date"
    } else {
        ""
    }
}
