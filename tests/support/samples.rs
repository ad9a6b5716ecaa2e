//! Sample mappings and rows.

use serde_json::{Value, json};

/// The source that two of the shipped mappings share.
pub const ORDERS_SOURCE: &str = r#"
sources:
  orders:
    google_sheets:
      spreadsheet: 1AbCdEf
      sheet: Orders
      columns:
        order:       { header: "Order no.", required: true }
        customer_id: { header: "Customer ID", required: true }
        email:       { header: "E-mail", type: email, required: true }
        month:       { header: "Month", required: true }
        what:        { header: "Description" }
        total:       { header: "Total", type: money, currency: EUR }
        ready:       { header: "Ready", type: bool }
"#;

/// Customers of a CSV file, one column for each parameter.
pub const CUSTOMERS: &str = r#"
account: acme
source:
  csv:
    path: data/customers.csv
    columns:
      id:    { header: "Customer ID", required: true }
      email: { header: "E-mail", type: email, required: true }
      name:  { header: "Name" }
key: [id]
first_run: all
on_change: update
create_customer:
  email: ${{ row.email | lower }}
  name: ${{ row.name }}
write_back: { status: "Billing status", stripe_id: "Stripe ID" }
"#;

/// Items of a CSV file for customers of [`CUSTOMERS`].
pub const ITEMS: &str = r#"
account: acme
source:
  csv:
    path: data/orders.csv
    columns:
      order:       { header: "Order", required: true }
      customer_id: { header: "Customer ID", required: true }
      total:       { header: "Total", type: money, currency: EUR }
key: [order]
first_run: all
add_invoice_item:
  customer: { from: customers, key: "${{ row.customer_id }}" }
  amount: ${{ row.total }}
  description: Order ${{ row.order }}
"#;

/// [`ITEMS`] with a column for the month of their invoice.
pub fn monthly_items() -> String {
    ITEMS.replace("total: ", "month: { header: \"Month\" }\n      total: ")
}

/// Bills: each row a line, each bill an invoice.
pub const BILLS: &str = r#"
account: acme
source:
  csv:
    path: data/bills.csv
    columns:
      email: { header: "E-mail", type: email, required: true }
      total: { header: "Total", type: money, currency: EUR }
group_by: [bill, email]
first_run: all
create_invoice:
  customer: { by_email: "${{ group.email }}", if_missing: create }
  description: Bill ${{ group.bill }}
  items:
    amount: ${{ row.total }}
    description: ${{ row.what }}
  finish: finalize
"#;

/// Rows, each on a line of its own.
pub fn lines(rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter().flat_map(|row| [row, "\n".to_owned()]).collect()
}

/// A sheet of orders: order, customer, month, total, ready.
pub fn orders(rows: &[(&str, u32, &str, Value, bool)]) -> Vec<Vec<Value>> {
    let header = ["Order no.", "Customer ID", "E-mail", "Month", "Description", "Total", "Ready"];
    let mut sheet = vec![header.iter().map(|header| json!(header)).collect::<Vec<_>>()];
    for (order, customer, month, total, ready) in rows {
        let email = format!("c{customer}@example.org");
        sheet.push(vec![
            json!(order),
            json!(customer),
            json!(email),
            json!(month),
            json!("Work"),
            total.clone(),
            json!(ready),
        ]);
    }
    sheet
}

/// Customers 1 to `count`.
pub fn customers(count: u32) -> String {
    let rows = (1..=count).map(|id| format!("{id},c{id}@example.org,Customer {id}\n"));
    std::iter::once("Customer ID,E-mail,Name\n".to_owned()).chain(rows).collect()
}
