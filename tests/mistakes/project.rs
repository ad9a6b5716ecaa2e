//! The base project with one case's changes, in a folder of its own, and the marks that were in them.

use std::collections::BTreeMap;
use std::path::Path;

use super::table::{Case, Change};

const BASE: &[(&str, &str)] = &[
    ("rowbill.yaml", include_str!("base/rowbill.yaml")),
    ("mappings/customers.yaml", include_str!("base/mappings/customers.yaml")),
    ("mappings/items.yaml", include_str!("base/mappings/items.yaml")),
    ("mappings/invoices.yaml", include_str!("base/mappings/invoices.yaml")),
    ("mappings/bills.yaml", include_str!("base/mappings/bills.yaml")),
    ("mappings/clients.yaml", include_str!("base/mappings/clients.yaml")),
    ("data/customers.csv", include_str!("base/data/customers.csv")),
    ("data/orders.csv", include_str!("base/data/orders.csv")),
    ("data/bills.csv", include_str!("base/data/bills.csv")),
    (SHEET, include_str!("base/clients.sheet")),
];
/// The Google sheet, which is no file of the project.
const SHEET: &str = "clients.sheet";

/// A mark: the place that a problem must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub file: String,
    pub line: u64,
    /// In characters, from 1; none for a row without a cell.
    pub column: Option<u64>,
    /// Of a source: the header, or the cell of a sheet.
    pub cell: Option<String>,
    pub byte: u64,
}

/// What a case makes of the base project.
pub struct Made {
    pub marks: Vec<Mark>,
    pub sheet: Vec<Vec<serde_json::Value>>,
}

/// Writes a case's project.
pub fn write(case: &Case, folder: &Path, stripe: &str, google: &str) -> Made {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for (path, text) in BASE {
        texts.insert(path, text.replace("@STRIPE@", stripe).replace("@GOOGLE@", google));
    }
    for folder in ["mappings", "data"].map(|name| folder.join(name)) {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let mut marks = Vec::new();
    for change in &case.changes {
        let before = texts.remove(change.path.as_str()).unwrap_or_default();
        let text =
            changed(&case.name, change, &before, |line| line.replace("@STRIPE@", stripe).replace("@GOOGLE@", google));
        let text = take_marks(&text, &change.path, &mut marks);
        match change.how.as_str() {
            "gone" => {}
            "folder" => std::fs::create_dir_all(folder.join(&change.path)).expect("a folder"),
            _ => drop(texts.insert(&change.path, text)),
        }
    }
    let sheet = texts.remove(SHEET).unwrap_or_default();
    for (path, text) in texts {
        let utf16 = case.changes.iter().any(|change| change.path == path && change.how == "utf-16le");
        let bytes = if utf16 { encoded(&text) } else { bytes(&text) };
        std::fs::write(folder.join(path), bytes).expect("a file");
    }
    let sheet = sheet
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    Made { marks, sheet }
}

/// Puts the `+` lines where the `-` lines were, or at the end.
fn changed(case: &str, change: &Change, before: &str, filled: impl Fn(&str) -> String) -> String {
    let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
    let mut at = None;
    for (sign, text) in &change.lines {
        let text = &filled(text);
        match sign {
            '-' => {
                let found: Vec<usize> = (0..lines.len()).filter(|index| lines[*index] == *text).collect();
                let [only] = found[..] else {
                    panic!("{case}: `{text}` is there {} times in {}", found.len(), change.path)
                };
                lines.remove(only);
                at = Some(only);
            }
            '+' => {
                let here = at.unwrap_or(lines.len());
                lines.insert(here, text.clone());
                at = Some(here + 1);
            }
            _ => {
                if at.is_none() {
                    lines.clear();
                }
                at = Some(lines.len());
                lines.push(text.clone());
            }
        }
    }
    let text = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
    match text.split_once('␄') {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

/// Takes the marks out of a text and remembers where they were.
fn take_marks(text: &str, path: &str, marks: &mut Vec<Mark>) -> String {
    let mut clean = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let mut rest = line;
        let mut before = String::new();
        while let Some(found) = rest.find(['‸', '›']) {
            before.push_str(&rest[..found]);
            let exact = rest[found..].starts_with('‸');
            rest = &rest[found + '‸'.len_utf8()..];
            marks.push(Mark {
                file: path.to_owned(),
                line: index as u64 + 1,
                column: exact.then(|| before.chars().count() as u64 + 1),
                cell: exact.then(|| cell(text, path, index, &before)).flatten(),
                byte: bytes(&format!("{clean}{before}")).len() as u64,
            });
        }
        clean.push_str(&before);
        clean.push_str(rest);
    }
    clean
}

/// The name of the cell that begins behind `before`: its header, or in a sheet its letters and number.
fn cell(text: &str, path: &str, line: usize, before: &str) -> Option<String> {
    let mut quoted = false;
    let commas = before.chars().filter(|c| {
        quoted ^= *c == '"';
        *c == ',' && !quoted
    });
    let index = commas.count();
    if path == SHEET {
        let letter = char::from(b'A' + u8::try_from(index).ok()?);
        return Some(format!("Clients!{letter}{}", line + 1));
    }
    let headers = text.lines().next()?.trim_start_matches('\u{feff}');
    headers.split(',').nth(index).map(|header| header.replace(['‸', '›'], ""))
}

/// The escapes that the tables use for what cannot be seen.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '␉' => out.push(b'\t'),
            '␀' => out.push(0),
            '␍' => out.push(b'\r'),
            '␊' => out.push(b'\n'),
            '␛' => out.push(0x1b),
            '⟨' => {
                let (inside, after) = rest.split_once('⟩').expect("a ⟩ behind the ⟨");
                rest = after;
                match inside.split_once('×') {
                    Some((piece, times)) => out.extend(bytes(piece).repeat(times.parse().expect("a number"))),
                    None => out.push(u8::from_str_radix(inside, 16).expect("two hex digits")),
                }
            }
            c => out.extend(c.to_string().bytes()),
        }
    }
    out
}

fn encoded(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}
