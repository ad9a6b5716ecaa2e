//! Accounts, calls and sandboxes for the tests.

use indexmap::IndexMap;
use rowbill_connector::{Call, IdempotencyKey, OperationId, Param, Receipt, Request, SendError, Target};
use rowbill_stripe::{Rate, StripeConfig, StripeTarget};
use rowbill_stripe_sandbox::{Options, Sandbox};

pub const KEY: &str = "sk_test_51CANARYcanaryCANARYcanary4242";

pub fn config(base: &str) -> StripeConfig {
    StripeConfig {
        account: "acme".to_owned(),
        live: false,
        key: KEY.into(),
        connected_account: None,
        api_base: Some(base.to_owned()),
        rate_limit: Rate::Unlimited,
        endpoint_rate_limit: Rate::Unlimited,
    }
}

pub fn target(base: &str) -> StripeTarget {
    StripeTarget::new(config(base)).unwrap()
}

pub fn sandbox(options: Options) -> Sandbox {
    Sandbox::start(([127, 0, 0, 1], 0).into(), options).unwrap()
}

pub fn start() -> (Sandbox, StripeTarget) {
    let sandbox = sandbox(Options::default());
    let target = target(&sandbox.url());
    (sandbox, target)
}

pub fn text(text: &str) -> Param {
    Param::Text(text.to_owned())
}

pub fn map(pairs: &[(&str, Param)]) -> IndexMap<String, Param> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A call whose object carries `op` in its metadata.
pub fn marked(operation: &'static str, op: &str, pairs: &[(&str, Param)]) -> Call {
    let mut params = map(pairs);
    params.insert("metadata".to_owned(), Param::Map(map(&[("rowbill_op", text(op))])));
    Call { operation, path: Vec::new(), params }
}

pub fn on(operation: &'static str, id: &str, pairs: &[(&str, Param)]) -> Call {
    Call { operation, path: vec![id.to_owned()], params: map(pairs) }
}

pub fn customer(op: &str, email: &str) -> Call {
    marked("POST /v1/customers", op, &[("email", text(email))])
}

pub fn item(op: &str, customer: &str, amount: i64) -> Call {
    let pairs = [("customer", text(customer)), ("amount", Param::Int(amount)), ("currency", text("eur"))];
    marked("POST /v1/invoiceitems", op, &pairs)
}

pub fn invoice(op: &str, customer: &str) -> Call {
    let pairs = [
        ("customer", text(customer)),
        ("currency", text("eur")),
        ("auto_advance", Param::Bool(false)),
        ("pending_invoice_items_behavior", text("exclude")),
        ("collection_method", text("send_invoice")),
        ("days_until_due", Param::Int(14)),
    ];
    marked("POST /v1/invoices", op, &pairs)
}

pub fn add_lines(invoice: &str, items: &[String]) -> Call {
    let line = |item: &String| Param::Map(map(&[("invoice_item", text(item))]));
    let lines = Param::List(items.iter().map(line).collect());
    on("POST /v1/invoices/{invoice}/add_lines", invoice, &[("lines", lines)])
}

pub fn finalize(invoice: &str) -> Call {
    on("POST /v1/invoices/{invoice}/finalize", invoice, &[("auto_advance", Param::Bool(false))])
}

pub fn op(op: &str) -> OperationId {
    OperationId(op.to_owned())
}

pub fn key(key: &str) -> IdempotencyKey {
    IdempotencyKey(format!("rowbill-1-{key}-0"))
}

/// Encodes and sends a call once.
pub async fn send(target: &StripeTarget, call: &Call, under: &str) -> (Request, Result<Receipt, SendError>) {
    let request = target.encode(call);
    let result = target.send(&request, &key(under)).await;
    (request, result)
}

/// Sends a call that must work.
pub async fn make(target: &StripeTarget, call: &Call, under: &str) -> Receipt {
    send(target, call, under).await.1.unwrap()
}

/// A customer with so many items of one euro, unbound.
pub async fn customer_with_items(target: &StripeTarget, items: usize) -> (String, Vec<String>) {
    let customer = make(target, &customer("c", "ann@example.org"), "c").await.id;
    let mut ids = Vec::new();
    for number in 0..items {
        let op = format!("i{number}");
        ids.push(make(target, &item(&op, &customer, 100), &op).await.id);
    }
    (customer, ids)
}
