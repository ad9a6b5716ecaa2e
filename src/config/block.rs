//! The block of an action: templates and values, checked against what the target's operation takes.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rowbill_connector::{Currency, Param, Problem, Schema};

use super::file::File;
use super::yaml::{At, Key, Node, Value};
use crate::mapping::column::Column;
use crate::mapping::money;
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
    /// Whether the columns are right: of a source with mistakes nothing follows for templates.
    pub sure: bool,
    /// The keys of a mapping that stand beside the action.
    pub beside: &'a [&'a str],
    /// Where mistakes go.
    pub problems: &'a mut Vec<Problem>,
}

/// What holds for one block.
pub struct Rules<'a> {
    /// What it is, for messages: `create_invoice`.
    pub what: &'a str,
    /// rowbill's own keys in it, which are read elsewhere.
    pub own: &'a [&'a str],
    /// Parameters that rowbill sets.
    pub reserved: &'a [&'a str],
    /// What its templates may name.
    pub roots: Roots,
    /// Whether it is the block of an action.
    pub is_action: bool,
}

impl<'a> Rules<'a> {
    /// A block in which everything is the author's.
    pub fn new(what: &'a str, roots: Roots) -> Self {
        Self { what, own: &[], reserved: &[], roots, is_action: false }
    }
}

impl Builder<'_> {
    /// Builds a block.
    pub fn block(&mut self, node: &Node, schema: &Schema, rules: &Rules<'_>) -> Block {
        let Value::Map(entries) = &node.value else {
            if !node.is_null() {
                let message = format!("{} is not a map of parameters", rules.what);
                self.tell(node.at, "config.wrong_type", message, "write indented `name: value` lines".into());
            }
            return Block::default();
        };
        let mut block = Block { takes_currency: schema.properties.contains_key("currency"), ..Block::default() };
        for (key, value) in entries.iter().filter(|(key, _)| !rules.own.contains(&key.text.as_str())) {
            if rules.reserved.contains(&key.text.as_str()) {
                self.tell(
                    key.at,
                    "mapping.reserved",
                    format!("`{}` is set by rowbill", key.text),
                    why_reserved(&key.text),
                );
            } else if let Some(inner) = schema.properties.get(&key.text) {
                let expr = self.expr(value, inner, &key.text, rules.roots);
                block.entries.extend(expr.map(|value| Entry { name: key.text.clone(), value }));
            } else {
                self.unknown(key, schema, rules);
            }
        }
        let missing = |name: &&String| node.get(name).is_none() && !rules.own.contains(&name.as_str());
        for name in schema.required.iter().filter(missing) {
            if !is_slip_of(node, schema, &[name]) {
                let message = format!("Stripe needs `{name}` in {}", rules.what);
                self.tell(node.at, "mapping.missing_parameter", message, format!("add `{name}:`"));
            }
        }
        block
    }

    fn unknown(&mut self, key: &Key, schema: &Schema, rules: &Rules<'_>) {
        let mut names: Vec<&str> = rules.own.to_vec();
        let is_other = |name: &&str| !rules.reserved.contains(name) && !rules.own.contains(name);
        names.extend(schema.properties.keys().map(String::as_str).filter(is_other));
        let advice = if rules.is_action && self.beside.contains(&key.text.as_str()) {
            format!("`{}` is rowbill's: it stands beside {}, not in it", key.text, rules.what)
        } else {
            did_you_mean(&key.text, &names)
        };
        let message = format!("`{}` is not a parameter of {}", key.text, rules.what);
        self.tell(key.at, "mapping.unknown_parameter", message, advice);
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
                self.columns_beside(node, roots, &fault);
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
            let what = format!("`{name}`");
            return Some(Expr::Map(self.block(node, inner, &Rules::new(&what, roots))));
        }
        self.wrong(node, name, schema);
        None
    }

    fn free(&mut self, node: &Node, values: &Schema, is_metadata: bool, roots: Roots) -> Block {
        let mut block = Block::default();
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

/// Whether one of the unknown keys is nearly one of these names: then the slip is told, and not that the name is missing.
pub fn is_slip_of(node: &Node, schema: &Schema, names: &[&str]) -> bool {
    let mut unknown =
        node.entries().iter().map(|(key, _)| &key.text).filter(|key| !schema.properties.contains_key(*key));
    unknown.any(|key| crate::suggest::nearest(key, names).is_some())
}

fn why_reserved(name: &str) -> String {
    let why = match name {
        "pending_invoice_items_behavior" => "; an invoice takes exactly its own items, and no others of the customer",
        "auto_advance" => "; `finish:` says how far an invoice goes",
        "customer" | "invoice" => "; the items of an invoice are bound to it and to its customer",
        _ => "",
    };
    format!("take it out{why}")
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
            match money::currency(&code, currencies) {
                Ok(_) => Ok(Param::Text(code)),
                Err(problem) => Err((problem.message, problem.advice.unwrap_or_default())),
            }
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
