//! What each operation does, one file per kind of object.

mod account;
pub(crate) mod balance;
pub(crate) mod collect;
mod credit_notes;
mod customers;
pub(crate) mod disputes;
mod endpoints;
mod events;
mod expand;
mod invoices;
mod items;
mod lifecycle;
mod lines;
mod lists;
mod params;
mod payments;
mod prices;
mod pricing;
mod products;
pub(crate) mod refunds;
mod search;

use serde_json::Value;

use crate::refusal::Refusal;
use crate::store::{Kind, Store};
pub(crate) use account::is_account_path;
pub(crate) use lifecycle::say_overdue;
pub(crate) use params::Params;

/// What an operation answers with.
#[derive(Debug)]
pub(crate) enum Reply {
    /// One object, rendered by whoever answers.
    Object(Kind, u32),
    /// Anything else.
    Json(Value),
}

pub(crate) type Outcome = Result<Reply, Refusal>;

/// Executes an operation. `path` fills the `{…}` of its path.
pub(crate) fn execute(store: &mut Store, operation: &str, path: &[String], mut params: Params) -> Outcome {
    let expand = params.take("expand");
    let id = path.first().map_or("", String::as_str);
    let reply = act(store, operation, id, path, params)?;
    match expand {
        Some(Value::Array(fields)) => {
            let mut value = render(store, reply);
            expand::expand(store, &mut value, &fields)?;
            Ok(Reply::Json(value))
        }
        _ => Ok(reply),
    }
}

/// A reply as JSON.
pub(crate) fn render(store: &Store, reply: Reply) -> Value {
    match reply {
        Reply::Json(value) => value,
        Reply::Object(kind, place) => store.render(kind, place),
    }
}

fn act(store: &mut Store, operation: &str, id: &str, path: &[String], params: Params) -> Outcome {
    match operation {
        "POST /v1/customers" => customers::create(store, params),
        "GET /v1/customers" => customers::list(store, &params),
        "GET /v1/customers/search" => search::customers(store, &params),
        "GET /v1/customers/{customer}" => customers::retrieve(store, id),
        "POST /v1/customers/{customer}" => customers::update(store, id, params),
        "DELETE /v1/customers/{customer}" => customers::delete(store, id),
        "POST /v1/invoiceitems" => items::create(store, params),
        "GET /v1/invoiceitems" => items::list(store, &params),
        "GET /v1/invoiceitems/{invoiceitem}" => items::retrieve(store, id),
        "POST /v1/invoiceitems/{invoiceitem}" => items::update(store, id, params),
        "DELETE /v1/invoiceitems/{invoiceitem}" => items::delete(store, id),
        "POST /v1/invoices" => invoices::create(store, params),
        "GET /v1/invoices" => invoices::list(store, &params),
        "GET /v1/invoices/search" => search::invoices(store, &params),
        "GET /v1/invoices/{invoice}" => store.invoice(id, "id").map(|place| Reply::Object(Kind::Invoice, place)),
        "POST /v1/invoices/{invoice}" => invoices::update(store, id, params),
        "DELETE /v1/invoices/{invoice}" => invoices::delete(store, id),
        "GET /v1/invoices/{invoice}/lines" => lines::list(store, id, &params),
        "POST /v1/invoices/{invoice}/lines/{line_item_id}" => lines::update_one(store, id, &path[1], params),
        "POST /v1/invoices/{invoice}/add_lines" => lines::add(store, id, params),
        "POST /v1/invoices/{invoice}/remove_lines" => lines::remove(store, id, params),
        "POST /v1/invoices/{invoice}/update_lines" => lines::update(store, id, params),
        "POST /v1/invoices/{invoice}/finalize" => lifecycle::finalize(store, id, &params),
        "POST /v1/invoices/{invoice}/send" => lifecycle::send(store, id),
        "POST /v1/invoices/{invoice}/pay" => lifecycle::pay(store, id, &params),
        "POST /v1/invoices/{invoice}/void" => lifecycle::void(store, id),
        "POST /v1/invoices/{invoice}/mark_uncollectible" => lifecycle::mark_uncollectible(store, id),
        "POST /v1/products" => products::create(store, params),
        "GET /v1/products" => products::list(store, &params),
        "GET /v1/products/{id}" => store.product(id, "id").map(|place| Reply::Object(Kind::Product, place)),
        "POST /v1/products/{id}" => products::update(store, id, params),
        "DELETE /v1/products/{id}" => products::delete(store, id),
        "POST /v1/prices" => prices::create(store, params),
        "GET /v1/prices" => prices::list(store, &params),
        "GET /v1/prices/{price}" => store.price(id, "id").map(|place| Reply::Object(Kind::Price, place)),
        "POST /v1/prices/{price}" => prices::update(store, id, params),
        "GET /v1/account" => Ok(Reply::Json(account::account(store))),
        "GET /v1/balance" => Ok(Reply::Json(balance::balance(store))),
        other => act_on_money(store, other, id, params),
    }
}

fn act_on_money(store: &mut Store, operation: &str, id: &str, params: Params) -> Outcome {
    match operation {
        "GET /v1/invoice_payments" => payments::list_invoice_payments(store, &params),
        "GET /v1/invoice_payments/{invoice_payment}" => payments::retrieve(store, Kind::InvoicePayment, id),
        "GET /v1/payment_intents" => payments::list_intents(store, &params),
        "GET /v1/payment_intents/{intent}" => payments::retrieve(store, Kind::Intent, id),
        "GET /v1/charges" => payments::list_charges(store, &params),
        "GET /v1/charges/{charge}" => payments::retrieve(store, Kind::Charge, id),
        "POST /v1/refunds" => refunds::create(store, params),
        "GET /v1/refunds" => refunds::list(store, &params),
        "GET /v1/refunds/{refund}" => payments::retrieve(store, Kind::Refund, id),
        "POST /v1/refunds/{refund}" => refunds::update(store, id, params),
        "GET /v1/disputes" => disputes::list(store, &params),
        "GET /v1/disputes/{dispute}" => payments::retrieve(store, Kind::Dispute, id),
        "POST /v1/credit_notes" => credit_notes::create(store, params),
        "GET /v1/credit_notes" => credit_notes::list(store, &params),
        "GET /v1/credit_notes/{id}" => payments::retrieve(store, Kind::CreditNote, id),
        "GET /v1/balance_transactions" => balance::list_txns(store, &params),
        "GET /v1/balance_transactions/{id}" => payments::retrieve(store, Kind::Txn, id),
        "GET /v1/payouts" => balance::list_payouts(store, &params),
        "GET /v1/payouts/{payout}" => payments::retrieve(store, Kind::Payout, id),
        "GET /v1/events" => events::list(store, &params),
        "GET /v1/events/{id}" => events::retrieve(store, id),
        "POST /v1/webhook_endpoints" => endpoints::create(store, params),
        "GET /v1/webhook_endpoints" => endpoints::list(store, &params),
        "GET /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::retrieve(store, id),
        "POST /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::update(store, id, params),
        "DELETE /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::delete(store, id),
        other => Err(Refusal::not_played(other)),
    }
}
