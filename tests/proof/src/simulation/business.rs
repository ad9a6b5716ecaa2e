//! The configuration of a simulated business: real files, read by the real code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rowbill::config::files::Files;
use rowbill::config::{Project, load_files};
use rowbill::connectors;

use super::shape::Shape;

/// Its connections, each behind those that it needs.
pub const NAMES: [&str; 6] = ["customers", "items", "invoices", "bills", "members", "fees"];
/// Its accounts.
pub const ACCOUNTS: [&str; 2] = ["acme", "zeta"];
/// What no report, record or problem may ever hold.
pub const CANARY: &str = "rk_test_canary4711";
/// Each customer is billed in one of these.
pub const CURRENCIES: [&str; 5] = ["EUR", "JPY", "KWD", "USD", "TND"];

/// The table that a connection reads.
pub fn table_of(connection: &str) -> &str {
    if connection == "invoices" { "items" } else { connection }
}

/// The account that a connection bills in.
pub fn account_of(connection: &str) -> &'static str {
    if matches!(connection, "members" | "fees") { ACCOUNTS[1] } else { ACCOUNTS[0] }
}

/// The columns that identify a row, or a group.
pub fn key_of(connection: &str) -> &'static [&'static str] {
    match connection {
        "customers" | "members" => &["Id"],
        "items" => &["Order"],
        "invoices" => &["Customer", "Month"],
        _ => &["Bill", "Email"],
    }
}

/// The headers of a table.
pub fn headers(table: &str) -> &'static [&'static str] {
    match table {
        "customers" | "members" => &["Id", "Email", "Name", "Status", "Stripe"],
        "items" => &["Order", "Customer", "Month", "What", "Total", "Currency", "Ready", "Status", "Stripe"],
        _ => &["Bill", "Email", "What", "Total", "Currency", "Status", "Stripe"],
    }
}

/// The project of a shape.
pub fn project(shape: &Shape) -> Result<Project, String> {
    let path = PathBuf::from("/simulated/rowbill.yaml");
    let texts =
        [customers(shape), items(shape), INVOICES.to_owned(), bills("bills", shape), members(), bills("fees", shape)];
    let mappings: BTreeMap<_, _> = NAMES
        .iter()
        .zip(texts)
        .map(|(name, text)| (Path::new("/simulated/mappings").join(format!("{name}.yaml")), Ok(text.into_bytes())))
        .collect();
    let files = Files { settings: Ok(settings().into_bytes()), mappings, folder: Ok(()) };
    load_files(&path, &files, connectors::catalog(), &|_| Ok(None)).map_err(|problems| format!("{problems:#?}"))
}

fn settings() -> String {
    let mut text = "version: 1\ntimezone: Europe/Kyiv\naccounts:\n".to_owned();
    for account in ACCOUNTS {
        let _ = write!(
            text,
            "  {account}:\n    mode: test\n    key: {{ file: {account}.key }}\n    api_base: http://127.0.0.1:1\n"
        );
    }
    text
}

fn source(table: &str, columns: &str) -> String {
    format!("source:\n  csv:\n    path: data/{table}.csv\n    columns:\n{columns}")
}

fn limits(shape: &Shape) -> String {
    shape.new_rows.map(|most| format!("limits: {{ new_rows: {most} }}\n")).unwrap_or_default()
}

const PERSON: &str = r#"      id:    { header: "Id", required: true }
      email: { header: "Email", type: email, required: true }
      name:  { header: "Name" }
"#;
const WRITE_BACK: &str = "write_back: { status: Status, stripe_id: Stripe }\n";
const MONEY: &str = r#"      currency: { header: "Currency" }
      total:    { header: "Total", type: money, currency: currency, decimal_mark: ".", required: true }
      what:     { header: "What" }
"#;

fn customers(shape: &Shape) -> String {
    let matching = if shape.matches { "match_existing: email\n" } else { "" };
    format!(
        "account: acme\n{}key: [id]\nfirst_run: all\non_change: update\ncreate_customer:\n  email: ${{{{ row.email | lower \
         }}}}\n  name: ${{{{ row.name }}}}\n{matching}{}{WRITE_BACK}",
        source("customers", PERSON),
        limits(shape),
    )
}

fn items(shape: &Shape) -> String {
    let columns = format!(
        "      order:    {{ header: Order, required: true }}\n      customer: {{ header: Customer, required: true \
         }}\n      month:    {{ header: Month, required: true }}\n      ready:    {{ header: Ready }}\n{MONEY}"
    );
    let ready = if shape.ready { "only_if: ${{ row.ready == \"yes\" }}\n" } else { "" };
    let asks = if shape.asks { "when_unsure: ask\n" } else { "" };
    format!(
        "account: acme\n{}key: [order]\nfirst_run: all\non_change: review\nduplicates: {}\n{ready}{asks}{}add_invoice_item:\n  \
         customer: {{ from: customers, key: \"${{{{ row.customer }}}}\" }}\n  amount: ${{{{ row.total }}}}\n  description: \
         ${{{{ row.order }}}} ${{{{ row.what }}}}\n{WRITE_BACK}",
        source("items", &columns),
        shape.duplicates,
        limits(shape),
    )
}

const INVOICES: &str = r#"account: acme
group_by: [customer, month]
first_run: all
create_invoice:
  customer: { from: customers, key: "${{ group.customer }}" }
  items_from: items
  collection_method: send_invoice
  days_until_due: 14
  description: Month ${{ group.month }} of ${{ group.customer }}
  finish: send
"#;

fn bills(name: &str, shape: &Shape) -> String {
    let columns = format!(
        "      bill:     {{ header: Bill, required: true }}\n      email:    {{ header: Email, type: email, required: true \
         }}\n{MONEY}"
    );
    let finish = shape.finish[usize::from(name == "fees")];
    format!(
        "account: {}\n{}group_by: [bill, email]\nfirst_run: all\ncreate_invoice:\n  customer: {{ by_email: \"${{{{ \
         group.email }}}}\", if_missing: create }}\n  collection_method: send_invoice\n  days_until_due: 30\n  description: \
         Bill ${{{{ group.bill }}}}\n  items:\n    amount: ${{{{ row.total }}}}\n    description: ${{{{ row.what }}}}\n  finish: \
         {finish}\n{WRITE_BACK}",
        account_of(name),
        source(name, &columns),
    )
}

fn members() -> String {
    format!(
        "account: zeta\n{}key: [id]\nfirst_run: all\non_change: review\ncreate_customer:\n  email: ${{{{ row.email \
         }}}}\n  name: ${{{{ row.name }}}}\n{WRITE_BACK}",
        source("members", PERSON)
    )
}
