//! Google Sheets: cells are read as they are, and marks are written as text, never as formulas.

use serde_json::{Value, json};

use super::corpus::CELLS;
use super::nest::NASTY;
use super::told::{is_tame, tell, without_colours};
use crate::support::{Project, books};

const MAPPING: &str = r#"
account: acme
source:
  google_sheets:
    spreadsheet: 1AbCdEf
    sheet: SHEET
    columns: { text: { header: "Text" }, total: { header: "=Total", type: money, currency: EUR } }
key: [id]
first_run: all
add_invoice_item: { customer: "${{ row.text }}", amount: "${{ row.total }}" }
write_back: { status: "@Status", problem: "=Problem", stripe_id: "Stripe ID" }
"#;

const SHEETS: [&str; 3] = ["it's!A1:B2", "=SUM(A1)'!A:A", NASTY];

/// Cells where an amount belongs, and where a customer does.
fn rows() -> Vec<Vec<Value>> {
    let header = json!(["Id", "=Total", "Text", "@Status", "=Problem", "Stripe ID"]).as_array().unwrap().clone();
    let bad = CELLS.iter().map(|cell| vec![json!(cell.name), json!(cell.text), json!("cus_1")]);
    let strangers = CELLS.iter().map(|cell| vec![json!(format!("{} 2", cell.name)), json!(1.5), json!(cell.text)]);
    let nul = vec![json!("nul"), json!(1.5), json!("=1\u{0}b")];
    std::iter::once(header).chain(bad).chain(strangers).chain([nul]).collect()
}

#[test]
fn marks_are_written_raw_and_only_into_their_columns() {
    for sheet in SHEETS {
        let project = Project::with_sheets();
        project.mapping("texts", &MAPPING.replace("SHEET", &super::corpus::yaml(sheet)));
        let rows = rows();
        project.set_rows(sheet, rows.clone());
        let told = tell(&project, &["run-now", "texts", "--color=always", "-vv"]);
        assert_eq!(told.code, 3, "{}", told.all());
        is_tame(sheet, &without_colours(&told.all()));
        let sheets = project.sheets.as_ref().unwrap();
        let writes: Vec<Value> = sheets
            .calls()
            .into_iter()
            .filter(|call| call.method == "values.batchUpdate")
            .map(|call| call.body)
            .collect();
        assert!(!writes.is_empty());
        for write in &writes {
            assert_eq!(write["valueInputOption"], "RAW", "{write:#}");
        }
        let cells = sheets.cells(sheet);
        for (before, after) in rows.iter().zip(&cells).skip(1) {
            assert_eq!(after[..3], before[..], "only marks are written");
            let problem = after[4].as_str().unwrap();
            assert!(
                problem.starts_with("=Total: ")
                    || problem.contains("is not the id of a customer")
                    || problem.starts_with("No such customer"),
                "{after:?}"
            );
        }
        assert_eq!(cells.len(), rows.len());
        assert_eq!(books::ours(&project.stripe, "invoiceitem").len(), 0);
    }
}
