//! The ways in which a mapping names a customer, or an invoice.

use super::block::Roots;
use super::mapping_file::{Reader, elements};
use super::yaml::{Node, Value};
use crate::mapping::object::{ObjectExpr, ObjectKind, Way};
use crate::suggest::{did_you_mean, nearest};

impl Reader<'_, '_> {
    /// How the object that the rows are about is named, in the block of the action.
    pub(super) fn object(&mut self, kind: ObjectKind, block: &Node, roots: Roots) -> Option<ObjectExpr> {
        self.way(kind, block, roots).map(|way| ObjectExpr { kind, way })
    }

    fn way(&mut self, kind: ObjectKind, block: &Node, roots: Roots) -> Option<Way> {
        let (word, prefix) = (kind.word(), kind.prefix());
        let (allowed, ways): (&[&str], &[&str]) = match kind {
            ObjectKind::Customer => (&["id", "from", "key", "by_email", "if_missing"], &["id", "from", "by_email"]),
            ObjectKind::Invoice => (&["id", "from", "key"], &["id", "from"]),
        };
        let Some(node) = block.get(word) else {
            let by_email = if kind == ObjectKind::Customer { "by_email:, or " } else { "" };
            let advice =
                format!("name the {word}: {by_email}from: and key:, or id:, or a template that gives {prefix}…");
            self.builder.tell(block, "mapping.missing_parameter", format!("`{word}` is missing"), advice);
            return None;
        };
        let Value::Map(entries) = &node.value else {
            return self.builder.template(node, roots).map(Way::Id);
        };
        for (key, _) in entries.iter().filter(|(key, _)| !allowed.contains(&key.text.as_str())) {
            let message = format!("`{}` does not name {}", key.text, kind.with_article());
            self.builder.tell(key.at, "config.unknown_key", message, did_you_mean(&key.text, allowed));
        }
        let given: Vec<&str> = ways.iter().copied().filter(|way| node.get(way).is_some()).collect();
        let [way] = given[..] else {
            let is_slip = |key: &str| !allowed.contains(&key) && nearest(key, allowed).is_some();
            if given.is_empty() && entries.iter().any(|(key, _)| is_slip(&key.text)) {
                return None;
            }
            let message = format!("{} is named in exactly one way", kind.with_article());
            let advice = format!("use one of: {}", ways.join(", ").replace("from", "from (with key)"));
            self.builder.tell(node, "config.one_of", message, advice);
            return None;
        };
        self.by(way, node, roots)
    }

    fn by(&mut self, way: &str, node: &Node, roots: Roots) -> Option<Way> {
        let value = node.get(way)?;
        for (key, goes_with) in [("key", "from"), ("if_missing", "by_email")] {
            if let (Some(at), true) = (node.get(key), way != goes_with) {
                let message = format!("`{key}` goes with `{goes_with}`");
                self.builder.tell(at, "config.one_of", message, format!("take `{key}` out, or use `{goes_with}`"));
            }
        }
        match way {
            "id" => self.builder.template(value, roots).map(Way::Id),
            "by_email" => {
                let create = match node.get("if_missing").and_then(Node::text) {
                    None | Some("fail") => false,
                    Some("create") => true,
                    Some(other) => {
                        let message = format!("`if_missing` cannot be `{other}`");
                        self.builder.tell(
                            node.get("if_missing")?,
                            "config.not_allowed",
                            message,
                            "write fail or create".into(),
                        );
                        false
                    }
                };
                Some(Way::ByEmail { email: self.builder.template(value, roots)?, create })
            }
            _ => self.from(value, node, roots),
        }
    }

    fn from(&mut self, value: &Node, node: &Node, roots: Roots) -> Option<Way> {
        let connection = value.text()?.to_owned();
        let names: Vec<&str> = self.around.keys.keys().map(String::as_str).collect();
        let Some(columns) = self.around.keys.get(&connection) else {
            if self.around.broken.contains(&connection) {
                return None;
            }
            let message = format!("there is no connection `{connection}`");
            self.builder.tell(value, "config.unknown_connection", message, did_you_mean(&connection, &names));
            return None;
        };
        let Some(key) = node.get("key") else {
            let advice = format!("add `key:` with what stands in {}'s {}", connection, columns.join(", "));
            self.builder.tell(node, "mapping.missing_parameter", "`from` needs a `key`".into(), advice);
            return None;
        };
        let parts = elements(key);
        if parts.len() != columns.len() {
            let message = format!("the key of `{connection}` has {}: {}", counted(columns.len()), columns.join(", "));
            self.builder.tell(key, "mapping.key_length", message, "give one template for each, in this order".into());
        }
        let key = parts.into_iter().map(|part| self.builder.template(part, roots)).collect::<Option<Vec<_>>>()?;
        Some(Way::From { connection, key })
    }
}

fn counted(columns: usize) -> String {
    if columns == 1 { "one column".to_owned() } else { format!("{columns} columns") }
}
