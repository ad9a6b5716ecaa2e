//! What polling a spreadsheet costs.

use serde_json::json;

use super::{history, ticks};
use crate::support::{Daemon, Project, person, samples};

/// A row that is added is seen though what was read is shared.
pub fn an_edit_of_a_sheet_is_seen() {
    let project = project();
    let daemon = Daemon::start(&project);
    daemon.run("people", 0);
    let person = |id: &str| vec![json!(id), json!("a@example.org")];
    project.set_rows("People", vec![vec![json!("Customer ID"), json!("E-mail")], person("1"), person("2")]);
    let run = daemon.nth("run_finished", 0, |line| line["connection"] == "people" && line["read"] == 2);
    assert_eq!((&run["done"], &run["already_done"]), (&json!(1), &json!(1)));
    daemon.stop();
}

/// Two connections on one tab and one on another, each every two seconds.
fn project() -> Project {
    let project = Project::with_sheets();
    let ann = person::customer(&project.stripe, "ann@example.org");
    let items = samples::ITEMS.split("source:").next().unwrap().to_owned()
        + "source: orders\nkey: [order]\nfirst_run: all\nadd_invoice_item:\n  customer: ${{ row.month }}\n"
        + "  amount: ${{ row.total }}\nschedule: { every: 2s }\n";
    project.mapping("items", &format!("{items}write_back: {{ status: \"Billed\", stripe_id: \"Stripe ID\" }}\n"));
    project.mapping("twins", &items);
    let source = "source:\n  google_sheets:\n    spreadsheet: 1AbCdEf\n    sheet: People\n    columns:\n      \
                  id: { header: \"Customer ID\", required: true }\n      email: { header: \"E-mail\", type: email }\n";
    let rest = "key: [id]\nfirst_run: all\ncreate_customer: { email: \"${{ row.email }}\" }\nschedule: { every: 2s }\n";
    project.mapping("people", &format!("account: acme\n{source}{rest}"));
    let mut rows = samples::orders(&[("A-1", 1, &ann, json!(10), true), ("A-2", 1, &ann, json!(5), true)]);
    rows[0].extend([json!("Billed"), json!("Stripe ID")]);
    project.set_rows("Orders", rows);
    project.set_rows(
        "People",
        vec![vec![json!("Customer ID"), json!("E-mail")], vec![json!("1"), json!("a@example.org")]],
    );
    project
}

pub fn connections_of_one_spreadsheet_share_its_reads() {
    let project = project();
    let daemon = Daemon::start(&project);
    for name in ["items", "twins", "people"] {
        daemon.run(name, 2);
    }
    daemon.stop();
    let asked = project.sheets.as_ref().unwrap().calls();
    let count = |method: &str| asked.iter().filter(|call| call.method == method).count();
    let most =
        ["items", "twins", "people"].map(|name| ticks(&history(&project, name)).len()).into_iter().max().unwrap();
    // One for the marks that were written, too.
    assert!((1..=most + 1).contains(&count("values.batchGet")), "{most} ticks: {asked:#?}");
    assert_eq!((count("values.batchUpdate"), count("spreadsheets.get")), (1, 1), "{asked:#?}");
    let cells = project.sheets.as_ref().unwrap().cells("Orders");
    assert_eq!((&cells[1][7], &cells[2][7]), (&json!("done"), &json!("done")));
    assert_eq!(project.stripe.objects("invoiceitem").len(), 4);
}
