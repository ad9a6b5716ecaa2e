//! A project full of hostile texts: in cells, keys, headers, and names of files, sheets, tests and accounts.

use super::corpus::{self, CELLS, yaml};
use crate::support::Project;

/// Every cell as name, description, metadata and part of a key.
pub const TEXTS: &str = r#"
account: acme
source:
  csv:
    path: data/texts.csv
    columns: { id: { header: "Id", required: true }, text: { header: "Text" } }
key: [id, text]
first_run: all
create_customer:
  name: ${{ row.text }}
  description: Says ${{ row.text }}
  metadata: { cell: "${{ row.text }}" }
"#;

/// Every cell where an amount belongs, under a header that is no better.
const AMOUNTS: &str = r#"
account: acme
title: TITLE
source:
  csv:
    path: FILE
    columns:
      text: { header: HEADER, type: money, currency: EUR }
      who: { header: Who }
key: [id]
first_run: all
add_invoice_item:
  customer: ${{ row.who }}
  amount: ${{ row.text }}
  description: ${{ row.id | replace("-", "~") }}
tests:
  - name: TITLE
    row: { Id: "1", HEADER: NASTY, Who: cus_1 }
    expect: { customer: cus_1, amount: 1, description: "1" }
  - name: more
    row: { Id: "1", HEADER: "1.50", Who: cus_1 }
    expect: { customer: cus_1, amount: 150, description: NASTY }
"#;

/// Every cell as the id of a customer: Stripe refuses each in words that quote it.
const STRANGERS: &str = r"
account: acme
source: { csv: { path: data/texts.csv } }
key: [id]
first_run: all
add_invoice_item:
  customer: ${{ row.text }}
  amount: 100
  currency: eur
";

/// A header, title and name of a test.
pub const NASTY: &str = "a\u{1b}[2J\u{9b}2J\u{7}\u{202e}\u{2028}\rERROR forged\nERROR forged";
const FILE: &str = "data/a\u{1b}[2J\u{202e}\nERROR forged.csv";

/// The connections `texts`, `amounts` and `strangers`.
pub fn project() -> Project {
    let project = Project::new();
    project.mapping("texts", TEXTS);
    project.csv("texts", &corpus::csv(["Id", "Text"]));
    let amounts = [("FILE", FILE), ("HEADER", NASTY), ("TITLE", NASTY), ("NASTY", NASTY)];
    let put = |mapping: String, (word, text): &(&str, &str)| mapping.replace(word, &yaml(text));
    project.mapping("amounts", &amounts.iter().fold(AMOUNTS.to_owned(), put));
    let rows = CELLS.iter().map(|cell| [cell.name, cell.text, "cus_1"]);
    project.write(FILE, &corpus::table(std::iter::once(["Id", NASTY, "Who"]).chain(rows)));
    project.mapping("strangers", STRANGERS);
    project
}
