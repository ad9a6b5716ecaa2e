//! Credit notes.

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::{Kind, Store, at};

/// An amount of a finalized invoice that is taken back. `before` lowers what is left to pay, the rest was paid before:
/// `pre_payment_amount` and `post_payment_amount` (`docs.stripe.com/api/credit_notes/object`).
#[derive(Clone, Debug)]
pub(crate) struct CreditNote {
    pub(crate) created: i64,
    pub(crate) invoice: u32,
    pub(crate) number: Box<str>,
    pub(crate) amount: i64,
    pub(crate) before: i64,
    pub(crate) out_of_band: Option<i64>,
    /// Refund and how much of it.
    pub(crate) refunds: Vec<(u32, i64)>,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) memo: Option<Box<str>>,
    pub(crate) metadata: Metadata,
}

impl Store {
    pub(crate) fn render_credit_note(&self, place: u32, note: &CreditNote) -> Value {
        let (invoice, after) = (&self.invoices[at(note.invoice)], note.amount - note.before);
        let refunds: Vec<Value> = note.refunds.iter().map(|&(refund, amount)| {
            json!({"amount_refunded": amount, "payment_record_refund": null, "refund": self.id(Kind::Refund, refund), "type": "refund"})
        }).collect();
        let id = self.id(Kind::CreditNote, place);
        json!({
            "id": id,
            "object": "credit_note",
            "amount": note.amount,
            "amount_shipping": 0,
            "created": note.created,
            "currency": invoice.currency.as_str(),
            "customer": self.id(Kind::Customer, invoice.customer),
            "customer_account": null,
            "customer_balance_transaction": null,
            "discount_amount": 0,
            "discount_amounts": [],
            "effective_at": note.created,
            "invoice": self.id(Kind::Invoice, note.invoice),
            "lines": {"object": "list", "data": [], "has_more": false, "url": format!("/v1/credit_notes/{id}/lines")},
            "livemode": self.livemode,
            "memo": note.memo,
            "metadata": note.metadata.render(),
            "number": note.number,
            "out_of_band_amount": note.out_of_band,
            "pdf": null,
            "post_payment_amount": after,
            "pre_payment_amount": note.before,
            "pretax_credit_amounts": [],
            "reason": note.reason,
            "refunds": refunds,
            "shipping_cost": null,
            "status": "issued",
            "subtotal": note.amount,
            "subtotal_excluding_tax": note.amount,
            "total": note.amount,
            "total_excluding_tax": note.amount,
            "total_taxes": [],
            "type": match (note.before, after) {
                (_, 0) => "pre_payment",
                (0, _) => "post_payment",
                _ => "mixed",
            },
            "voided_at": null,
        })
    }
}
