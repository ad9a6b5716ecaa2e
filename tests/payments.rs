//! What became of the invoices: told by the list of events or by webhooks, shown in rows and written back.

mod acts;
mod claims;
mod poll;
mod refunds;
mod webhooks;

use serde_json::Value;

use crate::support::{Project, samples};

const VISA: &str = "4242424242424242";

/// Two bills of EUR 80.00 and 120.00, made and sent; their state is written back.
fn billed() -> Project {
    let project = Project::new();
    project.mapping(
        "bills",
        &format!(
            "{}write_back: {{ status: Billed, payment: Payment, paid_at: Paid, amount_paid: Amount }}\n",
            samples::BILLS.replace(
                "  description: Bill",
                "  collection_method: send_invoice\n  days_until_due: 14\n  description: Bill"
            )
        ),
    );
    project.csv("bills", "Bill,E-mail,What,Total\nB-1,fay@example.org,Chair,80.00\nB-2,gus@example.org,Table,120.00\n");
    project.run_all().exits(0);
    project
}

const KEYS: [&str; 2] = ["B-1,fay@example.org", "B-2,gus@example.org"];

fn invoice(project: &Project, nth: usize) -> String {
    project.object("bills", KEYS[nth], "create_invoice")
}

/// The row of a bill, as `rows` has it.
fn row(project: &Project, nth: usize) -> Value {
    project.run_beside(&["rows", "bills", KEYS[nth]]).json["rows"][0].clone()
}

/// What stands in a column of the results, of a bill.
fn written(project: &Project, header: &str, nth: usize) -> String {
    let mut reader = csv::ReaderBuilder::new().from_path(project.path("data/bills.results.csv")).unwrap();
    let column = reader.headers().unwrap().iter().position(|name| name == header).unwrap();
    reader.records().nth(nth).unwrap().unwrap()[column].to_owned()
}
