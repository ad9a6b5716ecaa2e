//! The examples in `tests:`.

use super::block::plain;
use super::connection::{Expect, MappingTest};
use super::mapping_file::Reader;
use super::yaml::{Node, Value};
use crate::mapping::binding::snake_case;
use crate::suggest::{did_you_mean, nearest};

impl Reader<'_, '_> {
    pub(super) fn tests(&mut self) -> Vec<MappingTest> {
        let tests = self.node.get("tests").map(Node::elements).unwrap_or_default();
        tests.iter().filter_map(|node| self.test(node)).collect()
    }

    fn test(&mut self, node: &Node) -> Option<MappingTest> {
        let rows: Vec<&Node> = match node.get("row") {
            Some(row) => vec![row],
            None => node.get("rows")?.elements().iter().collect(),
        };
        for row in &rows {
            self.cells(row);
        }
        let cells = |row: &Node| {
            let cells = row
                .entries()
                .iter()
                .map(|(key, value)| (key.text.clone(), value.text().unwrap_or_default().to_owned()));
            cells.collect::<Vec<_>>()
        };
        let expect = node.get("expect")?;
        let expect = match (expect.text(), expect.get("problem").and_then(Node::text)) {
            (Some("skipped"), _) => Expect::Skipped,
            (_, Some(code)) => Expect::Problem(code.to_owned()),
            _ => Expect::Params(plain(expect)),
        };
        let line = self.builder.file.position(node.at.start).0;
        Some(MappingTest {
            name: node.get("name")?.text()?.to_owned(),
            rows: rows.into_iter().map(cells).collect(),
            expect,
            line,
        })
    }
    /// The cells of an example stand under the source's headers.
    fn cells(&mut self, row: &Node) {
        if !matches!(row.value, Value::Map(_)) {
            let advice = "write the cells under their headers: row: { \"E-mail\": ann@example.org }".to_owned();
            self.builder.tell(row, "config.wrong_type", "`row` is not a map of cells".into(), advice);
            return;
        }
        let headers: Vec<&str> = self.builder.columns.iter().map(|column| column.header.as_str()).collect();
        for (key, _) in row.entries() {
            let name = snake_case(&key.text);
            let is_there = headers.contains(&key.text.as_str())
                || self.builder.known.map_or_else(
                    || nearest(&key.text, &headers).is_none(),
                    |known| known.contains(&name) && !self.builder.columns.iter().any(|column| column.name == name),
                );
            if !is_there && self.builder.sure {
                let message = format!("the source has no header \"{}\"", key.text);
                self.builder.tell(key.at, "mapping.test_header", message, did_you_mean(&key.text, &headers));
            }
        }
    }
}
