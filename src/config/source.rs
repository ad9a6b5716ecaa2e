//! Sources and their column contracts, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rowbill_connector::{Currency, Problem};

use super::file::File;
use super::yaml::{Key, Node};
use crate::mapping::column::{Column, ColumnType, CurrencyFrom};
use crate::mapping::number::Marks;
use crate::suggest::did_you_mean;

/// A source with its columns.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// For messages: the path, or the sheet.
    pub display: String,
    /// Where it is.
    pub kind: SourceKind,
    /// The declared columns.
    pub columns: Vec<Column>,
    /// Whether all of it is right: of columns that are not, nothing follows for templates.
    pub sure: bool,
}

/// Where a source is.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A CSV file.
    Csv {
        /// The file.
        path: PathBuf,
        /// The declared delimiter.
        delimiter: Option<u8>,
        /// The declared encoding.
        encoding: Option<String>,
    },
    /// A sheet of a Google spreadsheet.
    GoogleSheets {
        /// The spreadsheet's id.
        spreadsheet: String,
        /// The sheet's name.
        sheet: String,
    },
}

impl SourceConfig {
    /// Stands for a source that cannot be known, because of a mistake that is told already.
    pub fn unknown() -> Self {
        let kind = SourceKind::GoogleSheets { spreadsheet: String::new(), sheet: String::new() };
        Self { display: String::new(), kind, columns: Vec::new(), sure: false }
    }

    /// A column by its short name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Reads a source. Mistakes of its shape are told already.
pub fn read(
    file: &File,
    node: &Node,
    root: &Path,
    currencies: &BTreeMap<String, Currency>,
    problems: &mut Vec<Problem>,
) -> SourceConfig {
    let Some((kind, settings)) = node.entries().first() else { return SourceConfig::unknown() };
    let text = |key: &str| settings.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let mut reader = Reader { file, currencies, problems };
    let columns = settings.get("columns").map(|columns| reader.columns(columns)).unwrap_or_default();
    let (display, kind) = if kind.text == "csv" {
        let delimiter = settings.get("delimiter").and_then(|node| reader.delimiter(node));
        let encoding = settings.get("encoding").and_then(Node::text).map(str::to_owned);
        (text("path"), SourceKind::Csv { path: root.join(text("path")), delimiter, encoding })
    } else {
        settings.get("spreadsheet").into_iter().for_each(|node| reader.spreadsheet(node));
        let kind = SourceKind::GoogleSheets { spreadsheet: text("spreadsheet"), sheet: text("sheet") };
        (format!("Google Sheet \"{}\"", text("sheet")), kind)
    };
    SourceConfig { display, kind, columns, sure: !file.has_problem(node.at, problems) }
}

struct Reader<'a> {
    file: &'a File,
    currencies: &'a BTreeMap<String, Currency>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn tell(&mut self, node: &Node, code: &str, message: String, advice: String) {
        let problem = Problem::new(code, message).advise(advice);
        self.problems.push(self.file.place(node.at, problem));
    }

    /// People paste the whole address.
    fn spreadsheet(&mut self, node: &Node) {
        let Some(text) = node.text() else { return };
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            let inside = text.split("/d/").nth(1).and_then(|rest| rest.split('/').next());
            let advice = match inside {
                Some(id) => format!("write the id alone: `spreadsheet: {id}`"),
                None => "the id is what stands between /d/ and /edit in the spreadsheet's address".to_owned(),
            };
            self.tell(node, "config.spreadsheet", format!("`{text}` is not the id of a spreadsheet"), advice);
        }
    }

    fn delimiter(&mut self, node: &Node) -> Option<u8> {
        match node.text()? {
            "tab" | "\t" | "\\t" => Some(b'\t'),
            text if text.len() == 1 && !text.starts_with(['"', '\r', '\n']) => text.bytes().next(),
            text => {
                let message = format!("`{text}` cannot be a delimiter");
                self.tell(node, "config.delimiter", message, "write one character, such as \";\", or tab".into());
                None
            }
        }
    }

    fn columns(&mut self, node: &Node) -> Vec<Column> {
        let names: Vec<&str> = node.entries().iter().map(|(key, _)| key.text.as_str()).collect();
        let mut columns: Vec<Column> = Vec::new();
        for (key, settings) in node.entries() {
            self.name(key);
            let Some(column) = self.column(&key.text, settings, &names) else { continue };
            if let Some(other) = columns.iter().find(|other| other.header == column.header) {
                let message =
                    format!("`{}` and `{}` both name the header \"{}\"", other.name, column.name, column.header);
                self.tell(settings, "config.header_twice", message, "one header is one column: remove one".into());
            }
            columns.push(column);
        }
        columns
    }

    /// A name that a template can say.
    fn name(&mut self, key: &Key) {
        let mut chars = key.text.chars();
        let good = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_');
        if !good {
            let advice = "use letters, digits and _: the header may be anything";
            let problem = Problem::new("config.column_name", format!("`{}` cannot be a column's short name", key.text));
            self.problems.push(self.file.place(key.at, problem.advise(advice)));
        }
    }

    fn column(&mut self, name: &str, node: &Node, names: &[&str]) -> Option<Column> {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let kind = match text("type").unwrap_or("text") {
            "integer" => ColumnType::Integer,
            "decimal" => ColumnType::Decimal,
            "money" => ColumnType::Money(self.currency(node, names)?),
            "date" => ColumnType::Date,
            "timestamp" => ColumnType::Timestamp,
            "bool" => ColumnType::Bool,
            "email" => ColumnType::Email,
            _ => ColumnType::Text,
        };
        let is_known = text("type").is_none_or(|word| word == kind.name());
        if is_known {
            self.belongs(node, &kind);
        }
        let marks =
            Marks { decimal: text("decimal_mark").and_then(mark), thousands: text("thousands_mark").and_then(mark) };
        if marks.thousands.is_some() && marks.thousands == Some(marks.decimal.unwrap_or('.')) {
            let message = format!("column `{name}` has the same decimal_mark and thousands_mark");
            self.tell(node, "config.marks", message, "declare both, and let them differ".into());
        }
        let required = text("required") == Some("true");
        Some(Column {
            name: name.to_owned(),
            header: text("header")?.to_owned(),
            kind,
            required,
            marks,
            format: text("format").map(str::to_owned),
        })
    }

    fn currency(&mut self, node: &Node, names: &[&str]) -> Option<CurrencyFrom> {
        let Some(value) = node.get("currency") else {
            let advice = "add currency: a code such as EUR, or the name of the column that holds it".into();
            self.tell(node, "config.currency_missing", "a money column needs a currency".into(), advice);
            return None;
        };
        let text = value.text()?;
        if names.contains(&text) {
            return Some(CurrencyFrom::Column(text.to_owned()));
        }
        let code = text.to_lowercase();
        if !self.currencies.contains_key(&code) {
            let codes: Vec<String> = self.currencies.keys().map(|code| code.to_uppercase()).collect();
            let mut known = names.to_vec();
            known.extend(codes.iter().map(String::as_str));
            let message = format!("`{text}` is neither a currency that Stripe knows nor one of the columns");
            self.tell(value, "config.unknown_currency", message, did_you_mean(text, &known));
        }
        Some(CurrencyFrom::Code(code))
    }

    /// Settings that mean nothing for a type are mistakes.
    fn belongs(&mut self, node: &Node, kind: &ColumnType) {
        let is_money = matches!(kind, ColumnType::Money(_));
        let is_number = is_money || matches!(kind, ColumnType::Integer | ColumnType::Decimal);
        let is_time = matches!(kind, ColumnType::Date | ColumnType::Timestamp);
        for (key, right, types) in [
            ("currency", is_money, "money"),
            ("decimal_mark", is_number, "money, decimal or integer"),
            ("thousands_mark", is_number, "money, decimal or integer"),
            ("format", is_time, "date or timestamp"),
        ] {
            if let (false, Some(at)) = (right, node.get(key)) {
                let message = format!("`{key}` says nothing about a column of type {}", kind.name());
                self.tell(at, "config.column_setting", message, format!("add `type:` {types}, or take it out"));
            }
        }
    }
}

fn mark(text: &str) -> Option<char> {
    if text == "space" { Some(' ') } else { text.chars().next() }
}
