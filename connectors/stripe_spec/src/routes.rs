//! From a request's path to its operation.

use std::collections::HashMap;
use std::sync::LazyLock;

use rowbill_connector::Operation;

use crate::catalog;

/// One level of the path tree. Literal segments are looked up before the placeholder, so that
/// `/v1/customers/search` is never taken for a customer named `search`.
#[derive(Default)]
struct Node {
    literal: HashMap<&'static str, Node>,
    placeholder: Option<Box<Node>>,
    operations: HashMap<&'static str, &'static Operation>,
}

static ROUTES: LazyLock<Node> = LazyLock::new(|| {
    let mut root = Node::default();
    for operation in catalog().operations.values() {
        root.insert(operation);
    }
    root
});

/// The operation that answers `method path`, and what stands in the place of its `{…}`, in order.
pub fn route(method: &str, path: &str) -> Option<(&'static Operation, Vec<String>)> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let mut filled = Vec::new();
    let operation = ROUTES.find(method, &segments, &mut filled)?;
    Some((operation, filled.into_iter().map(str::to_owned).collect()))
}

impl Node {
    fn insert(&mut self, operation: &'static Operation) {
        let mut node = self;
        for segment in operation.path.trim_start_matches('/').split('/') {
            node = if segment.starts_with('{') {
                node.placeholder.get_or_insert_default()
            } else {
                node.literal.entry(segment).or_default()
            };
        }
        node.operations.insert(&operation.method, operation);
    }

    fn find<'p>(&self, method: &str, segments: &[&'p str], filled: &mut Vec<&'p str>) -> Option<&'static Operation> {
        let Some((first, rest)) = segments.split_first() else {
            return self.operations.get(method).copied();
        };
        if let Some(found) = self.literal.get(first).and_then(|node| node.find(method, rest, filled)) {
            return Some(found);
        }
        let node = self.placeholder.as_ref().filter(|_| !first.is_empty())?;
        filled.push(first);
        let found = node.find(method, rest, filled);
        if found.is_none() {
            filled.pop();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_route(method: &str, path: &str, expected: Option<(&str, &[&str])>) {
        let found = route(method, path).map(|(operation, filled)| (operation.path.clone(), filled));
        let expected = expected.map(|(path, filled)| (path.to_owned(), filled.iter().map(|&s| s.to_owned()).collect()));
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn literal_segments_win() {
        assert_route("GET", "/v1/customers/search", Some(("/v1/customers/search", &[])));
        assert_route("GET", "/v1/customers/cus_1", Some(("/v1/customers/{customer}", &["cus_1"])));
        assert_route("POST", "/v1/invoices/in_1/finalize", Some(("/v1/invoices/{invoice}/finalize", &["in_1"])));
        assert_route("POST", "/v1/invoices/create_preview", Some(("/v1/invoices/create_preview", &[])));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_route("GET", "/v1/nothing", None);
        assert_route("DELETE", "/v1/customers", None);
        assert_route("GET", "/v1/customers/", None);
        assert_route("GET", "v1/customers", None);
    }
}
