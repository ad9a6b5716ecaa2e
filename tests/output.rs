//! What is printed: JSON shapes, write-back to files and sheets.

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::{Value, json};

use crate::support::{Project, samples};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value.get(*name).is_some(), "no {name} in {value:#}");
    }
}

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", samples::ITEMS);
    project.csv("customers", &samples::customers(2));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,2,1.000\nA-3,9,5.00\n");
    project
}

const REPORT: [&str; 11] = [
    "v",
    "run",
    "connection",
    "account",
    "livemode",
    "trigger",
    "started_at",
    "finished_at",
    "result",
    "amounts",
    "problems",
];
const ROWS: [&str; 7] = ["read", "done", "already_done", "skipped", "failed", "needs_review", "deferred"];

#[test]
fn a_run_is_one_object_and_several_are_an_array() {
    let project = project();
    let run = project.run(&["run-now", "customers"]);
    assert!(run.json.is_object(), "{run:#?}");
    let run = project.run_all();
    assert_eq!(run.exits(3).json.as_array().unwrap().len(), 2);
    let report = run.report("items");
    has(report, &REPORT);
    has(&report["rows"], &ROWS);
    assert_eq!(keys(&report["rows"]).len(), 7);
    assert_eq!((&report["v"], &report["livemode"], &report["trigger"]), (&json!(1), &json!(false), &json!("cli")));
    assert_eq!(report["result"], "ok_with_failures");
    assert_eq!((&report["amounts"][0]["currency"], &report["amounts"][0]["minor"]), (&json!("eur"), &json!(1000)));
    let started = report["started_at"].as_str().unwrap();
    assert!(started.parse::<jiff::Timestamp>().is_ok() && started.ends_with('Z'), "{started}");
    let problem = &report["problems"][0];
    has(problem, &["key", "state", "code", "message", "where"]);
    assert_eq!((&problem["where"]["source"], &problem["where"]["row"]), (&json!("data/orders.csv"), &json!(3)));
}

#[test]
fn a_plan_has_the_shape_of_a_run() {
    let project = project();
    let plan = project.run(&["plan", "items"]);
    has(&plan.json, &["v", "connection", "account", "livemode", "result", "would", "amounts", "problems"]);
    has(&plan.json["would"], &["create", "update", "already_done", "skipped", "failed", "needs_review", "deferred"]);
    assert!(plan.json.get("rows").is_none());
    assert_eq!(plan.problems("items"), ["A-2 failed row.ambiguous_number"]);
}

#[test]
fn rows_runs_and_status_are_objects_with_known_fields() {
    let project = project();
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::RejectBefore(402)));
    let run = project.run_all();
    let rows = project.run(&["rows", "items"]);
    has(&rows.json, &["v", "connection", "rows"]);
    for row in rows.json["rows"].as_array().unwrap() {
        has(row, &["key", "state", "objects", "payment", "problem", "run", "at"]);
    }
    let failed = project.run(&["rows", "items", "--failed"]);
    assert_eq!(failed.json["rows"].as_array().unwrap().len(), 3, "{failed:#?}");
    let done = project.row("customers", "1");
    assert_eq!((&done["state"], &done["payment"]), (&json!("done"), &json!(null)));
    assert_eq!(done["objects"][0]["step"], "create_customer");
    assert_eq!(done["run"], run.report("customers")["run"]);
    let refused = project.row("items", "A-1");
    assert!(refused["problem"]["request_id"].as_str().unwrap().starts_with("req_"), "{refused:#}");

    let runs = project.run(&["runs"]);
    assert_eq!(runs.json["runs"].as_array().unwrap().len(), 2);
    let id = run.report("items")["run"].as_str().unwrap();
    let one = project.run(&["runs", id]);
    assert_eq!((&one.json["connection"], &one.json["result"]), (&json!("items"), &json!("ok_with_failures")));

    let status = project.run(&["status"]);
    let status = status.json.as_array().unwrap();
    assert_eq!(status.len(), 2);
    for one in status {
        has(one, &["name", "state", "paused", "last_run", "next_at", "after"]);
    }
}

#[test]
fn validate_and_refusals_are_json_too() {
    let project = project();
    let good = project.run(&["validate"]);
    assert_eq!(good.exits(0).json, json!({ "v": 1, "result": "ok", "problems": [] }));
    project.edit("mappings/items.yaml", "first_run: all", "first_run: al");
    let bad = project.run(&["validate"]);
    assert_eq!(bad.exits(10).json["result"], "refused");
    let place = &bad.json["problems"][0]["where"];
    assert_eq!(
        (&place["file"], &place["line"], &place["column"]),
        (&json!("mappings/items.yaml"), &json!(11), &json!(12))
    );
    let run = project.run_all();
    run.refused(10, &bad.codes());
    assert_eq!((&run.json["v"], &run.json["exit"]), (&json!(1), &json!(10)));
    project.run(&["run-now", "nobody"]).exits(10);
}

#[test]
fn usage_mistakes_exit_with_2() {
    let project = project();
    for args in
        [&["run-now"][..], &["no-such-command"], &["run-now", "--no-such-flag"], &["rows", "resolve", "items", "A-1"]]
    {
        let output = project.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn text_goes_to_stdout_and_has_the_equation() {
    let project = project();
    let output = project.command(&["run-now", "items"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text.contains("3 rows = 1 failed + 2 wait"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text:?}");
}

#[test]
fn control_characters_of_cells_are_harmless_on_the_screen() {
    let project = project();
    project.csv("orders", "Order,Customer ID,Total\n\"\u{1b}[2J\u{7}A\",1,1.000\n");
    let output = project.command(&["run-now", "items"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("[2J") && !text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

#[test]
fn results_of_a_file_go_beside_it() {
    let project = project();
    project.mapping("customers", &samples::CUSTOMERS.replace("stripe_id:", "problem: \"What to do\", stripe_id:"));
    project.csv("customers", "Customer ID,E-mail,Name\n1,a@example.org,=HYPERLINK()\n2,nobody,\"Bob, B.\"\n");
    let run = project.run(&["run-now", "customers"]);
    run.exits(3);
    let id = project.row("customers", "1")["objects"][0]["id"].as_str().unwrap().to_owned();
    let results = project.read("data/customers.results.csv");
    let mut reader = csv::Reader::from_reader(results.as_bytes());
    let headers = reader.headers().unwrap().clone();
    assert_eq!(headers, vec!["Customer ID", "E-mail", "Name", "Billing status", "What to do", "Stripe ID"]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows[0], vec!["1", "a@example.org", "'=HYPERLINK()", "done", "", &id]);
    assert_eq!((&rows[1][2], &rows[1][3], &rows[1][5]), ("Bob, B.", "failed", ""));
    assert!(rows[1][4].contains("not an e-mail"), "{rows:?}");
    assert_eq!(project.read("data/customers.csv").lines().count(), 3, "the source is never written");
    let made = &project.stripe.objects("customer")[0];
    assert_eq!(made["name"], "=HYPERLINK()", "Stripe gets the text as it is");
}

#[test]
fn results_of_a_sheet_go_into_its_columns() {
    let project = Project::with_sheets();
    let items = samples::ITEMS.split("source:").next().unwrap().to_owned()
        + "source: orders\nkey: [order]\nfirst_run: all\nadd_invoice_item:\n  customer: ${{ row.month }}\n"
        + "  amount: ${{ row.total }}\nwrite_back: { status: \"Billed\", stripe_id: \"Stripe ID\" }\n";
    project.mapping("items", &items);
    let ann = crate::support::person::customer(&project.stripe, "ann@example.org");
    let mut rows = samples::orders(&[
        ("A-1", 1, &ann, json!(10), true),
        ("A-2", 1, "cus_missing", json!(5), true),
        ("A-3", 1, &ann, json!("1.000"), true),
    ]);
    rows[0].extend([json!("Billed"), json!("Stripe ID")]);
    project.set_rows("Orders", rows);
    project.run_all().exits(3);
    let cells = project.sheets.as_ref().unwrap().cells("Orders");
    let id = project.row("items", "A-1")["objects"][0]["id"].clone();
    assert_eq!(cells[1][7..], [json!("done"), id]);
    assert_eq!((&cells[2][7], &cells[3][7]), (&json!("failed"), &json!("failed")));
    let mark = project.mark();
    project.run_all().exits(3);
    assert_eq!(project.posts_since(mark), [""; 0], "what was written back is no edit");
}
