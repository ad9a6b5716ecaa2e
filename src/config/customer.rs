//! The ways in which a mapping names a customer.

use super::block::Roots;
use super::mapping_file::{Reader, elements};
use super::yaml::{Node, Value};
use crate::mapping::recipe::CustomerExpr;
use crate::suggest::{did_you_mean, nearest};

impl Reader<'_, '_> {
    pub(super) fn customer(&mut self, block: &Node, roots: Roots) -> Option<CustomerExpr> {
        let Some(node) = block.get("customer") else {
            let advice = "name the customer: by_email:, or from: and key:, or id:, or a template that gives cus_…";
            self.builder.tell(block, "mapping.missing_parameter", "`customer` is missing".into(), advice.into());
            return None;
        };
        let Value::Map(entries) = &node.value else {
            return self.builder.template(node, roots).map(CustomerExpr::Id);
        };
        let allowed = ["id", "from", "key", "by_email", "if_missing"];
        for (key, _) in entries.iter().filter(|(key, _)| !allowed.contains(&key.text.as_str())) {
            let message = format!("`{}` does not name a customer", key.text);
            self.builder.tell(key.at, "config.unknown_key", message, did_you_mean(&key.text, &allowed));
        }
        let ways: Vec<&str> = ["id", "from", "by_email"].into_iter().filter(|way| node.get(way).is_some()).collect();
        let [way] = ways[..] else {
            let is_slip = |key: &str| !allowed.contains(&key) && nearest(key, &allowed).is_some();
            if ways.is_empty() && entries.iter().any(|(key, _)| is_slip(&key.text)) {
                return None;
            }
            let message = "a customer is named in exactly one way".to_owned();
            self.builder.tell(node, "config.one_of", message, "use one of: id, from (with key), by_email".into());
            return None;
        };
        self.customer_by(way, node, roots)
    }

    fn customer_by(&mut self, way: &str, node: &Node, roots: Roots) -> Option<CustomerExpr> {
        let value = node.get(way)?;
        for (key, goes_with) in [("key", "from"), ("if_missing", "by_email")] {
            if let (Some(at), true) = (node.get(key), way != goes_with) {
                let message = format!("`{key}` goes with `{goes_with}`");
                self.builder.tell(at, "config.one_of", message, format!("take `{key}` out, or use `{goes_with}`"));
            }
        }
        match way {
            "id" => self.builder.template(value, roots).map(CustomerExpr::Id),
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
                Some(CustomerExpr::ByEmail { email: self.builder.template(value, roots)?, create })
            }
            _ => self.customer_from(value, node, roots),
        }
    }

    fn customer_from(&mut self, value: &Node, node: &Node, roots: Roots) -> Option<CustomerExpr> {
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
        Some(CustomerExpr::From { connection, key })
    }
}

fn counted(columns: usize) -> String {
    if columns == 1 { "one column".to_owned() } else { format!("{columns} columns") }
}
