//! The block of an action: templates and values, checked against what the target's operation takes.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rowbill_connector::{Currency, Param, Problem, Schema};

use super::file::File;
use super::yaml::{At, Node, Value};
use crate::mapping::column::{Column, ColumnType};
use crate::mapping::params::{Block, Entry, Expected, Expr, Kind, METADATA_KEY, METADATA_KEYS, METADATA_VALUE};
use crate::mapping::template::Template;
use crate::suggest::did_you_mean;

/// What the templates of a place may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    /// `row.x`
    pub row: bool,
    /// `group.x`
    pub group: bool,
}

/// Builds templates and blocks of one file.
pub struct Builder<'a> {
    /// The file.
    pub file: &'a File,
    /// The declared columns of the source.
    pub columns: &'a [Column],
    /// All short names, where the header could be read; else none.
    pub known: Option<&'a [String]>,
    /// The columns that a group has.
    pub group: &'a [String],
    /// The currencies of the target.
    pub currencies: &'a BTreeMap<String, Currency>,
    /// Where mistakes go.
    pub problems: &'a mut Vec<Problem>,
}

impl Builder<'_> {
    /// Builds a block. `own` are rowbill's keys, which are read elsewhere; `reserved` are set by rowbill.
    pub fn block(&mut self, node: &Node, schema: &Schema, own: &[&str], reserved: &[&str], roots: Roots) -> Block {
        let Value::Map(entries) = &node.value else {
            if !node.is_null() {
                self.tell(
                    node.at,
                    "config.wrong_type",
                    "this is not a map of parameters".into(),
                    "write `name: value` lines".into(),
                );
            }
            return Block::default();
        };
        let mut block = Block { takes_currency: schema.properties.contains_key("currency"), ..Block::default() };
        for (key, value) in entries.iter().filter(|(key, _)| !own.contains(&key.text.as_str())) {
            if reserved.contains(&key.text.as_str()) {
                let message = format!("`{}` is set by rowbill", key.text);
                self.tell(
                    key.at,
                    "mapping.reserved",
                    message,
                    "take it out: docs/guarantees.md says how it is set".into(),
                );
                continue;
            }
            let Some(inner) = schema.properties.get(&key.text) else {
                let mut names: Vec<&str> = own.to_vec();
                names.extend(schema.properties.keys().map(String::as_str).filter(|name| !reserved.contains(name)));
                let message = format!("`{}` is not a parameter here", key.text);
                self.tell(key.at, "mapping.unknown_parameter", message, did_you_mean(&key.text, &names));
                continue;
            };
            if let Some(expr) = self.expr(value, inner, &key.text, roots) {
                block.entries.push(Entry { name: key.text.clone(), value: expr });
            }
        }
        for name in schema.required.iter().filter(|name| node.get(name).is_none() && !own.contains(&name.as_str())) {
            self.tell(
                node.at,
                "mapping.missing_parameter",
                format!("Stripe needs `{name}` here"),
                format!("add `{name}:`"),
            );
        }
        block
    }

    /// Builds one template.
    pub fn template(&mut self, node: &Node, roots: Roots) -> Option<Template> {
        let text = node.text()?;
        let exact = |word: &str| self.is_exact(word);
        match Template::compile(text, &exact) {
            Ok(template) => {
                self.references(node, &template, roots);
                Some(template)
            }
            Err(fault) => {
                let at = self.within(node, fault.start, fault.end);
                self.tell(at, fault.code, fault.message, fault.advice);
                None
            }
        }
    }

    fn expr(&mut self, node: &Node, schema: &Schema, name: &str, roots: Roots) -> Option<Expr> {
        match &node.value {
            Value::Map(_) => self.map(node, schema, name, roots),
            Value::List(elements) => {
                let Some(items) = list_of(schema) else {
                    self.wrong(node, name, schema);
                    return None;
                };
                Some(Expr::List(elements.iter().filter_map(|element| self.expr(element, items, name, roots)).collect()))
            }
            Value::Scalar { .. } => self.scalar(node, schema, name, roots),
        }
    }

    fn map(&mut self, node: &Node, schema: &Schema, name: &str, roots: Roots) -> Option<Expr> {
        if let Some(values) = free_keys(schema) {
            return Some(Expr::Map(self.free(node, values, name == "metadata", roots)));
        }
        let inner = std::iter::once(schema).chain(&schema.any_of).find(|schema| !schema.properties.is_empty());
        if let Some(inner) = inner {
            return Some(Expr::Map(self.block(node, inner, &[], &[], roots)));
        }
        self.wrong(node, name, schema);
        None
    }

    fn free(&mut self, node: &Node, values: &Schema, is_metadata: bool, roots: Roots) -> Block {
        let mut block = Block { is_metadata, ..Block::default() };
        for (key, value) in node.entries() {
            if is_metadata {
                self.metadata_key(&key.text, key.at);
            }
            let expected = Expected { max_length: is_metadata.then_some(METADATA_VALUE), ..expected(values) };
            if let Some(expr) = self.leaf(value, expected, &key.text, roots) {
                block.entries.push(Entry { name: key.text.clone(), value: expr });
            }
        }
        if is_metadata && node.entries().len() > METADATA_KEYS {
            let message =
                format!("metadata has {} keys; Stripe takes 50, and one is rowbill's own", node.entries().len());
            self.tell(node.at, "mapping.metadata_too_many", message, "leave some out".into());
        }
        block
    }

    fn metadata_key(&mut self, key: &str, at: At) {
        if key.starts_with("rowbill_") {
            self.tell(at, "mapping.reserved", format!("metadata `{key}` is rowbill's own"), "use another name".into());
        }
        if key.chars().count() > METADATA_KEY || key.contains(['[', ']']) {
            let message = format!("`{key}` cannot be a key of metadata");
            self.tell(at, "mapping.metadata_key", message, "at most 40 characters, and no square brackets".into());
        }
    }

    fn scalar(&mut self, node: &Node, schema: &Schema, name: &str, roots: Roots) -> Option<Expr> {
        if let Some(items) = list_of(schema)
            && schema.any_of.is_empty()
        {
            // A template may give a whole list.
            let is_template = node.text().is_some_and(|text| text.trim_start().starts_with("${{"));
            if !is_template {
                self.wrong(node, name, schema);
                return None;
            }
            return self.leaf(node, expected(items), name, roots);
        }
        let is_map = schema.kind.as_deref() == Some("object") && schema.any_of.is_empty();
        if is_map && !node.is_null() && !(schema.unset && node.text() == Some("")) {
            self.wrong(node, name, schema);
            return None;
        }
        self.leaf(node, expected(schema), name, roots)
    }

    fn leaf(&mut self, node: &Node, expected: Expected, name: &str, roots: Roots) -> Option<Expr> {
        if node.text().is_none() {
            self.tell(
                node.at,
                "config.wrong_type",
                format!("`{name}` takes one value"),
                "write a text or a template".into(),
            );
            return None;
        }
        if node.is_null() {
            let advice = "write a value, or take the line out";
            self.tell(node.at, "config.wrong_type", format!("`{name}` has no value"), advice.into());
            return None;
        }
        let template = self.template(node, roots)?;
        let Some(text) = template.constant() else {
            self.fits(node, &template, &expected, name);
            return Some(Expr::Leaf(template, expected));
        };
        if text.is_empty() {
            return None;
        }
        match constant(text, &expected, self.currencies) {
            Ok(param) => Some(Expr::Const(param)),
            Err((message, advice)) => {
                self.tell(node.at, "mapping.wrong_value", format!("`{name}`: {message}"), advice);
                None
            }
        }
    }

    /// An expression that is nothing but a column must have the type that the parameter takes.
    fn fits(&mut self, node: &Node, template: &Template, expected: &Expected, name: &str) {
        let Some(column) = template.alone().and_then(|source| source.strip_prefix("row.")) else { return };
        if !column.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return;
        }
        let kind =
            self.columns.iter().find(|known| known.name == column).map_or(&ColumnType::Text, |known| &known.kind);
        let (good, types) = match expected.kind {
            Kind::Text | Kind::Currency => (true, ""),
            Kind::Integer => {
                (matches!(kind, ColumnType::Money(_) | ColumnType::Integer), "money (or integer, for minor units)")
            }
            Kind::Decimal => {
                (matches!(kind, ColumnType::Money(_) | ColumnType::Integer | ColumnType::Decimal), "money or decimal")
            }
            Kind::UnixTime => {
                (matches!(kind, ColumnType::Date | ColumnType::Timestamp | ColumnType::Integer), "date or timestamp")
            }
            Kind::Bool => (*kind == ColumnType::Bool, "bool"),
        };
        if !good {
            let message = format!("`{name}` does not take a column of this type: `{column}`");
            let advice = format!("declare it in `columns:` with `type:` {types}");
            self.tell(node.at, "mapping.column_type", message, advice);
        }
    }

    fn references(&mut self, node: &Node, template: &Template, roots: Roots) {
        for (name, start) in template.references() {
            let at = self.within(node, start, start + name.len());
            let (root, column) = name.split_once('.').unwrap_or((&name, ""));
            let column = column.split('.').next().unwrap_or_default();
            match root {
                "row" if roots.row => self.column(column, at),
                "group" if roots.group => self.group_column(column, at),
                _ => {
                    let names = [(roots.row, "row.…"), (roots.group, "group.…")];
                    let names: Vec<&str> = names.iter().filter(|(may, _)| *may).map(|(_, name)| *name).collect();
                    let message = format!("`{name}` is not known here");
                    self.tell(
                        at,
                        "mapping.unknown_name",
                        message,
                        format!("templates here use {}", names.join(" and ")),
                    );
                }
            }
        }
    }

    fn column(&mut self, name: &str, at: At) {
        let declared: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let known: Vec<&str> = self.known.map_or(declared.clone(), |known| known.iter().map(String::as_str).collect());
        if known.contains(&name) {
            return;
        }
        // Without the header, a name that is close to a declared one is taken for a slip.
        if self.known.is_some() || crate::suggest::nearest(name, &declared).is_some() {
            let message = format!("there is no column `{name}` in the source");
            self.tell(at, "mapping.unknown_column", message, did_you_mean(name, &known));
        }
    }

    fn group_column(&mut self, name: &str, at: At) {
        if !self.group.iter().any(|known| known == name) {
            let known: Vec<&str> = self.group.iter().map(String::as_str).collect();
            let message = format!("`{name}` is not one of the columns in group_by");
            self.tell(at, "mapping.unknown_column", message, did_you_mean(name, &known));
        }
    }

    fn is_exact(&self, word: &str) -> bool {
        let Some(name) = word.strip_prefix("row.").or_else(|| word.strip_prefix("group.")) else { return false };
        self.columns.iter().find(|column| column.name == name).is_some_and(|column| {
            matches!(column.kind, ColumnType::Decimal | ColumnType::Money(_) | ColumnType::Date | ColumnType::Timestamp)
        })
    }

    /// Bytes of a scalar's text as bytes of the file; the whole scalar where quotes or folding moved them.
    fn within(&self, node: &Node, start: usize, end: usize) -> At {
        let raw = &self.file.text[node.at.start..node.at.end];
        match node.text().and_then(|text| raw.find(text)) {
            Some(offset) => At { start: node.at.start + offset + start, end: node.at.start + offset + end },
            None => node.at,
        }
    }

    fn wrong(&mut self, node: &Node, name: &str, schema: &Schema) {
        let wanted = match schema.kind.as_deref() {
            Some("array") => "a list".to_owned(),
            Some("object") => {
                let names: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
                format!("a map: {}", names.join(", "))
            }
            _ => "one value".to_owned(),
        };
        self.tell(
            node.at,
            "config.wrong_type",
            format!("`{name}` does not have the right form"),
            format!("Stripe takes {wanted}"),
        );
    }

    /// Reports a mistake at a place.
    pub fn tell(&mut self, at: impl Into<At>, code: &str, message: String, advice: String) {
        let problem = Problem::new(code, message).advise(advice);
        self.problems.push(self.file.place(at.into(), problem));
    }
}

fn list_of(schema: &Schema) -> Option<&Schema> {
    std::iter::once(schema).chain(&schema.any_of).find_map(|schema| schema.items.as_deref())
}

fn free_keys(schema: &Schema) -> Option<&Schema> {
    std::iter::once(schema).chain(&schema.any_of).find_map(|schema| schema.additional_properties.as_deref())
}

fn expected(schema: &Schema) -> Expected {
    let scalar = std::iter::once(schema)
        .chain(&schema.any_of)
        .find(|schema| schema.kind.as_deref().is_some_and(|kind| !matches!(kind, "object" | "array")))
        .unwrap_or(schema);
    let kind = match (scalar.kind.as_deref(), scalar.format.as_deref()) {
        (_, Some("unix-time")) => Kind::UnixTime,
        (_, Some("decimal")) | (Some("number"), _) => Kind::Decimal,
        (_, Some("currency")) => Kind::Currency,
        (Some("integer"), _) => Kind::Integer,
        (Some("boolean"), _) => Kind::Bool,
        _ => Kind::Text,
    };
    let options = if scalar.open { Vec::new() } else { scalar.options.clone() };
    Expected { kind, max_length: scalar.max_length, options }
}

fn constant(
    text: &str,
    expected: &Expected,
    currencies: &BTreeMap<String, Currency>,
) -> Result<Param, (String, String)> {
    let wrong = |wanted: &str| Err((format!("`{text}` does not fit"), format!("write {wanted}")));
    match expected.kind {
        Kind::Integer => match text.parse() {
            Ok(number) => Ok(Param::Int(number)),
            Err(_) => wrong("a whole number; of money in minor units (EUR 12.50 is 1250), or a column of type money"),
        },
        Kind::UnixTime => match text.parse::<i64>() {
            Ok(seconds) => Ok(Param::Int(seconds)),
            Err(_) => text
                .parse::<jiff::Timestamp>()
                .map(|at| Param::Int(at.as_second()))
                .or_else(|_| wrong("an instant such as 2026-11-30T00:00:00Z")),
        },
        Kind::Decimal => match text.parse::<rust_decimal::Decimal>() {
            Ok(_) => Ok(Param::Decimal(text.to_owned())),
            Err(_) => wrong("a plain number"),
        },
        Kind::Bool => text.parse().map(Param::Bool).or_else(|_| wrong("true or false")),
        Kind::Currency => {
            let code = text.to_lowercase();
            if currencies.contains_key(&code) {
                return Ok(Param::Text(code));
            }
            let names: Vec<&str> = currencies.keys().map(String::as_str).collect();
            Err((format!("`{text}` is not a currency that Stripe knows"), did_you_mean(&code, &names)))
        }
        Kind::Text if !expected.options.is_empty() && !expected.options.iter().any(|option| option == text) => {
            let options: Vec<&str> = expected.options.iter().map(String::as_str).collect();
            Err((format!("Stripe does not take `{text}` here"), did_you_mean(text, &options)))
        }
        Kind::Text if expected.max_length.is_some_and(|max| text.chars().count() > max) => {
            Err(("the text is too long".into(), format!("at most {} characters", expected.max_length.unwrap_or(0))))
        }
        Kind::Text => Ok(Param::Text(text.to_owned())),
    }
}

impl From<&Node> for At {
    fn from(node: &Node) -> Self {
        node.at
    }
}

/// The parameters of a test's `expect`, as a tree to compare with.
pub fn plain(node: &Node) -> Param {
    match &node.value {
        Value::Scalar { text, .. } => Param::Text(text.clone()),
        Value::List(elements) => Param::List(elements.iter().map(plain).collect()),
        Value::Map(entries) => {
            Param::Map(entries.iter().map(|(key, value)| (key.text.clone(), plain(value))).collect::<IndexMap<_, _>>())
        }
    }
}
