//! The results file: formulas are made harmless, everything else stays byte for byte.

use super::corpus::{self, CELLS};
use super::nest::NASTY;
use super::told::tell;
use crate::support::Project;

const MAPPING: &str = r#"
account: acme
source:
  csv:
    path: data/texts.csv
    columns: { id: { header: "Id" }, total: { header: "=Total", type: money, currency: EUR }, text: { header: "Text" } }
key: [id]
first_run: all
add_invoice_item: { customer: "${{ row.text }}", amount: "${{ row.total }}" }
write_back: { status: "@Status", problem: "Problem", stripe_id: "Stripe ID" }
"#;

/// What docs/mapping.md promises, written a second time.
fn harmless(cell: &str) -> String {
    let rest = cell.trim_start_matches(['+', '-']);
    let is_number = cell.len() - rest.len() < 2
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) && !is_number;
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

/// Every cell as id, amount, customer and in a column of its own, under hostile headers.
fn rows() -> Vec<[&'static str; 5]> {
    let header = ["Id", "=Total", "Text", NASTY, "+A1"];
    let row = |cell: &corpus::Cell| {
        let total = if cell.name == "link" { "1.50" } else { cell.text };
        [cell.text, total, cell.text, cell.text, cell.text]
    };
    std::iter::once(header).chain(CELLS.iter().map(row)).collect()
}

/// The records of the results file.
fn results(project: &Project) -> Vec<Vec<String>> {
    let text = project.read("data/texts.results.csv");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect());
    records.collect()
}

#[test]
fn formulas_are_neutralised_and_other_cells_are_byte_for_byte_the_same() {
    let project = Project::new();
    project.mapping("texts", MAPPING);
    let rows = rows();
    project.csv("texts", &corpus::table(rows.clone()));
    project.run(&["run-now", "texts"]).exits(3);
    let results = results(&project);
    assert_eq!(results.len(), rows.len());
    for (source, result) in rows.iter().zip(&results) {
        let copied: Vec<String> = source.iter().map(|cell| harmless(cell)).collect();
        assert_eq!(result[..5], copied);
        assert_eq!(result.len(), 8, "{result:?}");
    }
    assert_eq!(results[0][5..], ["'@Status", "Problem", "Stripe ID"]);
    // The message begins with the header, which is a formula.
    assert!(results[2][6].starts_with("'=Total: "), "{:?}", results[2]);
    assert!(results[1][6].contains("is not the id of a customer"), "{:?}", results[1]);
    for cell in results.iter().flatten() {
        assert_eq!(
            harmless(cell.strip_prefix('\'').unwrap_or(cell)).trim_start_matches('\''),
            cell.trim_start_matches('\'')
        );
        assert!(harmless(cell) == *cell, "a formula: {cell:?}");
    }
}

/// The results file is a CSV file that rowbill itself reads again, with the same keys.
#[test]
fn the_results_file_is_read_like_its_source() {
    let project = Project::new();
    project.mapping("texts", MAPPING);
    project.csv("texts", &corpus::table(rows()));
    project.run(&["run-now", "texts"]).exits(3);
    let told = tell(&project, &["init", "again", "--from", "csv:data/texts.results.csv"]);
    assert_eq!(told.code, 0, "{}", told.all());
    let checked = project.run(&["validate", "-c", "again/rowbill.yaml"]);
    // No header looks like an address; nothing else is wrong.
    assert_eq!(checked.codes(), ["mapping.unknown_column"], "{checked:#?}");
}

/// What Excel and Python make of a file is not ours to test; that each row ends where it should, is.
#[test]
fn every_delimiter_and_line_end_keeps_cells_apart() {
    let ends = [csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::CRLF];
    for (delimiter, end) in [b';', b'\t', b'|'].into_iter().zip(ends) {
        let project = Project::new();
        project.mapping("texts", MAPPING);
        let mut builder = csv::WriterBuilder::new();
        let builder = builder.delimiter(delimiter).quote_style(csv::QuoteStyle::Always).terminator(end);
        let mut writer = builder.from_writer(Vec::new());
        for row in rows() {
            writer.write_record(row).unwrap();
        }
        project.csv("texts", &String::from_utf8(writer.into_inner().unwrap()).unwrap());
        project.run(&["run-now", "texts"]).exits(3);
        let text = project.read("data/texts.results.csv");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
        let keys: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(keys, rows().iter().map(|row| harmless(row[0])).collect::<Vec<_>>());
    }
}
