//! Reports that `rowbill.yaml` schedules: into a file and into a sheet, by the daemon and by hand.

use serde_json::json;

use super::month::{VISA, invoice};
use crate::support::{Daemon, Project, person};

const EVERY: &str =
    "\nreports:\n  cash:\n    last: 2\n    schedule: { every: 2s }\n    csv: { path: reports/cash.csv }\n";

fn paid(project: &Project, amount: i64) {
    let customer = person::customer(&project.stripe, "fay@example.org");
    project.stripe.pay(&invoice(&project.stripe, &customer, "eur", amount), VISA, None).unwrap();
}

fn add(project: &Project, yaml: &str) {
    let settings = project.read("rowbill.yaml");
    project.write("rowbill.yaml", &format!("{settings}{yaml}"));
}

#[test]
fn the_daemon_writes_a_file_at_its_start_and_by_its_schedule() {
    let project = Project::new();
    paid(&project, 5000);
    add(&project, EVERY);
    let daemon = Daemon::start(&project);
    let is_of = |line: &serde_json::Value| line["report"] == "cash" && line["place"] == "reports/cash.csv";
    daemon.nth("report_written", 0, is_of);
    let file = project.read("reports/cash.csv");
    assert!(file.starts_with("account,from,to,") && file.contains(",EUR,50.00,"), "{file}");
    assert_eq!(file.lines().count(), 3, "two periods: {file}");
    paid(&project, 2500);
    // One of the next two began after the payment.
    daemon.nth("report_written", 2, is_of);
    assert!(project.read("reports/cash.csv").contains(",EUR,75.00,"));
    // What cannot be read is told, and leaves the last report as it is.
    project.stripe.revoke_key();
    daemon.nth("report_failed", 0, |line| {
        line["code"] == "stripe.api_key_expired" || line["code"] == "stripe.key_refused"
    });
    assert!(project.read("reports/cash.csv").contains(",EUR,75.00,"));
    daemon.stop();
}

#[test]
fn a_sheet_holds_the_report_and_nothing_else() {
    let project = Project::with_sheets();
    paid(&project, 5000);
    add(
        &project,
        "\nreports:\n  cash:\n    by: week\n    schedule: { at: \"06:00\" }\n    google_sheets: { spreadsheet: 1AbCdEf, sheet: Cash }\n",
    );
    // A sheet of something else is left alone.
    let old = |text: &str| (0..18).map(|_| json!(text)).collect::<Vec<_>>();
    project.set_rows("Cash", vec![old("a"), old("b"), old("c"), old("d")]);
    project.run(&["report", "write"]).refused(1, &["report.another_table"]);
    assert_eq!(project.sheets.as_ref().unwrap().cells("Cash")[3][17], json!("d"));
    let head = "account,from,to,currency,invoiced,paid,fees,refunds,disputes,other,net,paid_out,on_its_way,off_stripe,\
                open_0_30,open_31_60,open_61_90,open_over_90";
    project.set_rows("Cash", vec![head.split(',').map(|name| json!(name)).collect(), old("b"), old("c"), old("d")]);
    let written = project.run(&["report", "write"]);
    assert_eq!(written.exits(0).json["written"], json!([{ "report": "cash", "place": "sheet Cash" }]));
    let cells = project.sheets.as_ref().unwrap().cells("Cash");
    assert_eq!((&cells[0][0], &cells[1][3], &cells[1][4]), (&json!("account"), &json!("EUR"), &json!("50.00")));
    let is_empty = |cell: &serde_json::Value| cell.is_null() || *cell == "";
    assert!(cells[2..].iter().flatten().all(is_empty), "{cells:?}");
}

#[test]
fn mistakes_are_told_with_their_lines() {
    let refused = |yaml: &str, codes: &[&str]| {
        let project = Project::new();
        add(&project, yaml);
        project.run(&["validate"]).refused(10, codes);
    };
    let job = |more: &str| format!("\nreports:\n  cash:\n    csv: {{ path: cash.csv }}\n{more}");
    refused(&job("    schedule: { after: bills }\n"), &["config.schedule"]);
    refused(&job("    schedule: { every: 1h }\n    accounts: acne\n"), &["config.unknown_account"]);
    refused(&job("    schedule: { every: 1h }\n    by: year\n"), &["config.not_allowed"]);
    refused("\nreports:\n  cash:\n    schedule: { every: 1h }\n", &["config.missing_key"]);
    let project = Project::new();
    add(&project, EVERY);
    project.run(&["report", "write", "cahs"]).refused(1, &["report.unknown"]);
    std::fs::create_dir(project.path("reports")).unwrap();
    project.write("reports/cash.csv", "Bill,Total\nB-1,80.00\n");
    project.run(&["report", "write"]).refused(1, &["report.another_table"]);
    assert_eq!(project.read("reports/cash.csv"), "Bill,Total\nB-1,80.00\n");
}
