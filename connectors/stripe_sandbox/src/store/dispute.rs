//! Disputes (docs.stripe.com/api/disputes/object).

use serde_json::{Value, json};

use super::{Kind, Store, at};

/// What the customer's bank thinks of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Waiting,
    Won,
    Lost,
}

/// A charge that the customer's bank has taken back.
#[derive(Clone, Debug)]
pub(crate) struct Dispute {
    pub(crate) created: i64,
    pub(crate) charge: u32,
    pub(crate) amount: i64,
    pub(crate) due_by: i64,
    pub(crate) verdict: Verdict,
    /// The money taken and, where it came back, given again.
    pub(crate) txns: Vec<u32>,
}

impl Store {
    pub(crate) fn render_dispute(&self, place: u32, dispute: &Dispute) -> Value {
        let charge = &self.till.charges[at(dispute.charge)];
        let txns: Vec<Value> = dispute.txns.iter().map(|&txn| self.render(Kind::Txn, txn)).collect();
        json!({
            "id": self.id(Kind::Dispute, place),
            "object": "dispute",
            "amount": dispute.amount,
            "balance_transactions": txns,
            "charge": self.id(Kind::Charge, dispute.charge),
            "created": dispute.created,
            "currency": charge.currency.as_str(),
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": dispute.due_by,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": self.now > dispute.due_by,
                "submission_count": 0,
            },
            "is_charge_refundable": false,
            "livemode": self.livemode,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": self.id(Kind::Intent, charge.payment),
            "payment_method_details": {
                "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"},
                "type": "card",
            },
            "reason": "fraudulent",
            "status": match dispute.verdict {
                Verdict::Waiting => "needs_response",
                Verdict::Won => "won",
                Verdict::Lost => "lost",
            },
        })
    }
}
