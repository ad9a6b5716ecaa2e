//! What the templates of a block name: columns that must be there, with a type that fits.

use super::block::{Builder, Roots};
use super::yaml::{At, Node};
use crate::mapping::column::ColumnType;
use crate::mapping::expression::Fault;
use crate::mapping::params::{Expected, Kind};
use crate::mapping::template::Template;
use crate::suggest::did_you_mean;

/// Filters that give a text for a text.
const KEEPS_TEXT: &[&str] = &["trim", "lower", "upper", "title", "capitalize", "replace", "default", "string"];

impl Builder<'_> {
    /// An expression that is nothing but a column must have the type that the parameter takes.
    pub(super) fn fits(&mut self, node: &Node, template: &Template, expected: &Expected, name: &str) {
        let Some(column) = template.alone().and_then(plain_column).filter(|_| self.sure) else { return };
        let found = self.columns.iter().find(|known| known.name == column);
        let is_there = found.is_some() || self.known.is_none_or(|known| known.iter().any(|known| known == column));
        let kind = found.map_or(&ColumnType::Text, |known| &known.kind);
        let (good, types) = match expected.kind {
            Kind::Text | Kind::Currency => (true, ""),
            Kind::Integer if name == "quantity" => (*kind == ColumnType::Integer, "integer"),
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
        if is_there && !good {
            let message = format!("`{name}` does not take a column of type {}: `{column}`", kind.name());
            let advice = format!("declare it in `columns:` with `type:` {types}");
            self.tell(node.at, "mapping.column_type", message, advice);
        }
    }

    /// Everything that a template names must be there.
    pub(super) fn references(&mut self, node: &Node, template: &Template, roots: Roots) {
        for (name, start) in template.references() {
            let at = self.within(node, start, start + name.len());
            let (root, column) = name.split_once('.').unwrap_or((&name, ""));
            let column = column.split('.').next().unwrap_or_default();
            match root {
                "row" if roots.row => self.column(column, at),
                "group" if roots.group => self.group_column(column, at),
                _ => self.unknown_name(&name, at, roots),
            }
        }
    }

    /// Columns of a text that cannot be compiled: they are told together with its fault.
    pub(super) fn columns_beside(&mut self, node: &Node, roots: Roots, fault: &Fault) {
        // Of a text without measure only that is told: each of its words would be looked for in the whole file.
        for (name, start) in Template::words_of(node.text().unwrap_or_default()).into_iter().take(500) {
            if start == fault.start {
                continue;
            }
            let at = self.within(node, start, start + name.len());
            match name.split_once('.') {
                Some(("row", column)) if roots.row => self.column(column, at),
                Some(("group", column)) if roots.group => self.group_column(column, at),
                _ => {}
            }
        }
    }

    fn unknown_name(&mut self, name: &str, at: At, roots: Roots) {
        let names: Vec<&str> = [(roots.row, "row.…"), (roots.group, "group.…")]
            .iter()
            .filter(|(may, _)| *may)
            .map(|(_, name)| *name)
            .collect();
        let root = if roots.row { "row" } else { "group" };
        let is_column =
            self.columns.iter().any(|column| column.name == name) || self.group.iter().any(|known| known == name);
        let hint = if is_column { format!("write `{root}.{name}`: ") } else { String::new() };
        let advice = format!("{hint}templates here use {}", names.join(" and "));
        self.tell(at, "mapping.unknown_name", format!("`{name}` is not known here"), advice);
    }

    fn column(&mut self, name: &str, at: At) {
        let declared: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let known: Vec<&str> = self.known.map_or(declared.clone(), |known| known.iter().map(String::as_str).collect());
        if known.contains(&name) || !self.sure {
            return;
        }
        // Without the header, a name that is close to a declared one is taken for a slip.
        if self.known.is_some() || crate::suggest::nearest(name, &declared).is_some() {
            let message = format!("there is no column `{name}` in the source");
            self.tell(at, "mapping.unknown_column", message, self.column_advice(name, &known));
        }
    }

    /// The short name of a header that was written where a short name belongs, or the nearest short name.
    pub(super) fn column_advice(&self, name: &str, known: &[&str]) -> String {
        let plain = |text: &str| crate::mapping::binding::snake_case(text);
        match self.columns.iter().find(|column| plain(&column.header) == plain(name)) {
            Some(column) => {
                format!("the column with the header \"{}\" is called `{}` here", column.header, column.name)
            }
            None => did_you_mean(name, known),
        }
    }

    fn group_column(&mut self, name: &str, at: At) {
        if !self.group.is_empty() && !self.group.iter().any(|known| known == name) {
            let known: Vec<&str> = self.group.iter().map(String::as_str).collect();
            let message = format!("`{name}` is not one of the columns in group_by");
            self.tell(at, "mapping.unknown_column", message, did_you_mean(name, &known));
        }
    }

    pub(super) fn is_exact(&self, word: &str) -> bool {
        let Some(name) = word.strip_prefix("row.").or_else(|| word.strip_prefix("group.")) else { return false };
        self.columns.iter().find(|column| column.name == name).is_some_and(|column| {
            matches!(column.kind, ColumnType::Decimal | ColumnType::Money(_) | ColumnType::Date | ColumnType::Timestamp)
        })
    }

    /// Bytes of a scalar's text as bytes of the file. Where quotes or folding moved them, the same words are looked for.
    pub(super) fn within(&self, node: &Node, start: usize, end: usize) -> At {
        let raw = &self.file.text[node.at.start..node.at.end];
        let Some(text) = node.text() else { return node.at };
        if let Some(offset) = raw.find(text) {
            return At { start: node.at.start + offset + start, end: node.at.start + offset + end };
        }
        let words = text.get(start..end).unwrap_or_default();
        let earlier = text.get(..start).unwrap_or_default().matches(words).count();
        match raw.match_indices(words).nth(earlier).filter(|_| !words.is_empty()) {
            Some((offset, _)) => At { start: node.at.start + offset, end: node.at.start + offset + words.len() },
            None => node.at,
        }
    }
}

/// `x` of `row.x`, and of `row.x` with filters that keep it a text.
fn plain_column(expression: &str) -> Option<&str> {
    let mut parts = expression.split('|').map(str::trim);
    let column = parts.next()?.strip_prefix("row.")?;
    let keeps = |filter: &str| KEEPS_TEXT.contains(&filter.split('(').next().unwrap_or_default().trim());
    (column.chars().all(|c| c.is_alphanumeric() || c == '_') && parts.all(keeps)).then_some(column)
}
