//! Refunds.

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::{Kind, Store, at};

/// Money that went back to a card.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) created: i64,
    pub(crate) charge: u32,
    pub(crate) amount: i64,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) metadata: Metadata,
    pub(crate) txn: u32,
    /// The bank sent the money back; where it was booked.
    pub(crate) failed: Option<u32>,
}

impl Store {
    pub(crate) fn render_refund(&self, place: u32, refund: &Refund) -> Value {
        let charge = &self.till.charges[at(refund.charge)];
        let mut value = json!({
            "id": self.id(Kind::Refund, place),
            "object": "refund",
            "amount": refund.amount,
            "balance_transaction": self.id(Kind::Txn, refund.txn),
            "charge": self.id(Kind::Charge, refund.charge),
            "created": refund.created,
            "currency": charge.currency.as_str(),
            "customer": self.id(Kind::Customer, charge.customer),
            "customer_account": null,
            "destination_details": {
                "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
                "type": "card",
            },
            "metadata": refund.metadata.render(),
            "payment_intent": self.id(Kind::Intent, charge.payment),
            "payment_method": charge.card.method(),
            "reason": refund.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": if refund.failed.is_some() { "failed" } else { "succeeded" },
            "transfer_reversal": null,
        });
        if let Some(txn) = refund.failed {
            value["failure_balance_transaction"] = self.id(Kind::Txn, txn).into();
            value["failure_reason"] = "lost_or_stolen_card".into();
        }
        value
    }
}
