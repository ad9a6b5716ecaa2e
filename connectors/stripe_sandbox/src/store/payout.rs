//! Payouts: the balance on its way to the bank.

use serde_json::{Value, json};

use super::money::Code;
use super::{Kind, Store};

/// A payout. It is paid at once; it may fail afterwards (docs.stripe.com/api/payouts/object).
#[derive(Clone, Debug)]
pub(crate) struct Payout {
    pub(crate) created: i64,
    pub(crate) currency: Code,
    pub(crate) amount: i64,
    pub(crate) txn: u32,
    pub(crate) failed: Option<u32>,
}

impl Store {
    pub(crate) fn render_payout(&self, place: u32, payout: &Payout) -> Value {
        let failed = payout.failed.is_some();
        json!({
            "id": self.id(Kind::Payout, place),
            "object": "payout",
            "amount": payout.amount,
            "application_fee": null,
            "application_fee_amount": null,
            "arrival_date": payout.created,
            "automatic": true,
            "balance_transaction": self.id(Kind::Txn, payout.txn),
            "created": payout.created,
            "currency": payout.currency.as_str(),
            "description": "STRIPE PAYOUT",
            "destination": null,
            "failure_balance_transaction": payout.failed.map(|txn| self.id(Kind::Txn, txn)),
            "failure_code": failed.then_some("account_closed"),
            "failure_message": failed.then_some("The bank account has been closed."),
            "livemode": self.livemode,
            "metadata": {},
            "method": "standard",
            "original_payout": null,
            "reconciliation_status": "completed",
            "reversed_by": null,
            "source_type": "card",
            "statement_descriptor": null,
            "status": if failed { "failed" } else { "paid" },
            "type": "bank_account",
        })
    }
}
