//! What is read of an object: only the fields that rowbill acts on, whatever else Stripe may send or leave out.

use std::collections::BTreeMap;

use rowbill_connector::{OperationId, Problem, Receipt, SendError};
use serde_json::Value;

/// The receipt of an object; `None` for something that has no id.
pub(crate) fn read(value: &Value) -> Option<Receipt> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| value.get(name).and_then(Value::as_i64);
    let object = text("object").unwrap_or_default();
    let deleted = value.get("deleted").and_then(Value::as_bool) == Some(true);
    Some(Receipt {
        id: text("id").filter(|id| !id.is_empty())?,
        // Invoice items have `date` in place of `created` (docs.stripe.com/api/invoiceitems/object).
        created: number("created").or_else(|| number("date")).unwrap_or(0),
        amount: number(if object == "invoice" { "total" } else { "amount" }),
        subtotal: number("subtotal"),
        currency: text("currency"),
        customer: reference(value.get("customer")),
        invoice: reference(value.get("invoice")),
        status: if deleted { Some("deleted".to_owned()) } else { text("status") },
        email: text("email"),
        op: value.pointer("/metadata/rowbill_op").and_then(Value::as_str).map(|op| OperationId(op.to_owned())),
        url: text("hosted_invoice_url"),
        items: whole_lines(value),
        object,
        ..Receipt::default()
    })
}

/// All plain fields of an object under the names that parameters have: `name`, `address[city]`, `metadata[crm_id]`.
pub(crate) fn fields(value: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    flatten(String::new(), value, &mut fields);
    fields
}

fn flatten(name: String, value: &Value, fields: &mut BTreeMap<String, String>) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(inner(key), value, fields)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| flatten(inner(&at.to_string()), value, fields));
        }
        Value::Null => drop(fields.insert(name, String::new())),
        Value::String(text) => drop(fields.insert(name, text.clone())),
        Value::Bool(_) | Value::Number(_) => drop(fields.insert(name, value.to_string())),
    }
}

/// Halts when an object is not of the account's mode: then the key is not what we think it is.
pub(crate) fn check_mode(value: &Value, live: bool, request_id: Option<String>) -> Result<(), SendError> {
    match value.get("livemode").and_then(Value::as_bool) {
        Some(other) if other != live => Err(SendError::Halt(mode_problem(live).request(request_id))),
        _ => Ok(()),
    }
}

fn mode_problem(live: bool) -> Problem {
    let (wanted, got) = if live { ("live", "test") } else { ("test", "live") };
    let message = format!("The account is in {wanted} mode, but Stripe answered with a {got} object.");
    Problem::new("stripe.livemode_mismatch", message)
        .advise("Nothing more is sent. Check the key and the account's `mode`.")
}

/// An id, or the expanded object in its place.
pub(crate) fn reference(value: Option<&Value>) -> Option<String> {
    let value = value?;
    value.as_str().or_else(|| value.get("id")?.as_str()).map(str::to_owned)
}

/// The items behind an invoice's lines, when all of its lines are here.
fn whole_lines(value: &Value) -> Vec<String> {
    let Some(lines) = value.get("lines") else {
        return Vec::new();
    };
    let whole = lines.get("has_more").and_then(Value::as_bool) == Some(false);
    let data = lines.get("data").and_then(Value::as_array).filter(|_| whole);
    data.into_iter().flatten().filter_map(line_item).collect()
}

/// Whether an invoice came with only some of its lines.
pub(crate) fn lacks_lines(value: &Value) -> bool {
    value.pointer("/lines/has_more").and_then(Value::as_bool) == Some(true)
}

/// The invoice item behind a line: since 2025-03-31 (basil) under `parent`, before that on the line itself.
pub(crate) fn line_item(line: &Value) -> Option<String> {
    let under_parent = line.pointer("/parent/invoice_item_details/invoice_item");
    reference(under_parent).or_else(|| reference(line.get("invoice_item")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_invoice_is_read() {
        let receipt = read(&json!({
            "id": "in_1", "object": "invoice", "created": 7, "total": 2500, "subtotal": 2400, "amount_due": 9,
            "currency": "eur",
            "customer": { "id": "cus_1", "object": "customer" }, "status": "draft", "metadata": { "rowbill_op": "op1" },
            "hosted_invoice_url": "https://x", "brand_new": { "x": [1] },
            "lines": { "has_more": false, "data": [
                { "id": "il_1", "parent": { "invoice_item_details": { "invoice_item": "ii_1" } } },
                { "id": "il_2", "invoice_item": "ii_2" }, { "id": "il_3", "parent": null }] },
        }));
        let wanted = Receipt {
            id: "in_1".to_owned(),
            object: "invoice".to_owned(),
            created: 7,
            amount: Some(2500),
            subtotal: Some(2400),
            currency: Some("eur".to_owned()),
            customer: Some("cus_1".to_owned()),
            status: Some("draft".to_owned()),
            op: Some(OperationId("op1".to_owned())),
            url: Some("https://x".to_owned()),
            items: vec!["ii_1".to_owned(), "ii_2".to_owned()],
            ..Receipt::default()
        };
        assert_eq!(receipt, Some(wanted));
    }

    #[test]
    fn an_invoice_item_is_read() {
        let item = json!({ "id": "ii_1", "object": "invoiceitem", "date": 9, "amount": -5, "invoice": null });
        let receipt = read(&item).unwrap();
        assert_eq!((receipt.created, receipt.amount, receipt.invoice), (9, Some(-5), None));
    }

    #[test]
    fn fields_have_the_names_of_parameters() {
        let customer = json!({ "id": "cus_1", "phone": null, "address": { "city": "Kyiv" }, "metadata": { "a": "1" },
            "preferred_locales": ["uk"], "balance": -5, "livemode": false });
        let found = fields(&customer);
        let text = found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        let wanted =
            "address[city]=Kyiv balance=-5 id=cus_1 livemode=false metadata[a]=1 phone= preferred_locales[0]=uk";
        assert_eq!(text, wanted);
    }

    #[test]
    fn anything_missing_or_strange_is_no_error() {
        assert_eq!(read(&json!({ "object": "customer" })), None);
        assert_eq!(read(&json!({ "id": 7 })), None);
        let odd = json!({ "id": "cus_1", "created": "x", "metadata": [], "email": 7, "lines": 3, "amount": 1.5 });
        assert_eq!(read(&odd), Some(Receipt { id: "cus_1".to_owned(), ..Receipt::default() }));
        let gone = read(&json!({ "id": "cus_1", "object": "customer", "deleted": true })).unwrap();
        assert_eq!(gone.status.as_deref(), Some("deleted"));
    }

    #[test]
    fn some_lines_are_no_lines() {
        let part = json!({ "id": "in_1", "lines": { "has_more": true, "data": [{ "invoice_item": "ii_1" }] } });
        assert!(read(&part).unwrap().items.is_empty() && lacks_lines(&part));
    }

    #[test]
    fn the_mode_must_agree_where_it_is_told() {
        for (value, live, ok) in [
            (json!({}), true, true),
            (json!({ "livemode": true }), true, true),
            (json!({ "livemode": true }), false, false),
        ] {
            assert_eq!(check_mode(&value, live, None).is_ok(), ok, "{value} {live}");
        }
    }
}
