//! Balance transactions: every movement of the account's balance, with its fee.

use serde_json::{Value, json};

use super::money::Code;
use super::{Kind, Store};

/// The fee of a dispute, in minor units.
pub(crate) const DISPUTE_FEE: i64 = 1500;

/// What moved the balance, by Stripe's name of it (docs.stripe.com/reports/balance-transaction-types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    Charge,
    Refund,
    RefundFailure,
    /// A dispute took the money.
    Disputed,
    /// A dispute was won.
    Reinstated,
    Payout,
    PayoutFailure,
}

impl Movement {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::RefundFailure => "refund_failure",
            Self::Disputed | Self::Reinstated => "adjustment",
            Self::Payout => "payout",
            Self::PayoutFailure => "payout_failure",
        }
    }

    fn reporting_category(self) -> &'static str {
        match self {
            Self::Disputed => "dispute",
            Self::Reinstated => "dispute_reversal",
            Self::PayoutFailure => "payout_reversal",
            other => other.kind(),
        }
    }
}

/// A balance transaction.
#[derive(Clone, Debug)]
pub(crate) struct Txn {
    pub(crate) created: i64,
    pub(crate) movement: Movement,
    pub(crate) currency: Code,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) source: (Kind, u32),
    /// The payout that took it to the bank.
    pub(crate) payout: Option<u32>,
}

impl Txn {
    pub(crate) fn net(&self) -> i64 {
        self.amount - self.fee
    }
}

/// 2.9 % and 30 minor units, half up.
pub(crate) fn fee(amount: i64) -> i64 {
    amount.saturating_mul(29).saturating_add(500) / 1000 + 30
}

impl Store {
    /// All money is available at once.
    pub(crate) fn render_txn(&self, place: u32, txn: &Txn) -> Value {
        let currency = txn.currency.as_str();
        let what = if txn.movement == Movement::Disputed { "Dispute fee" } else { "Stripe processing fees" };
        let fees = (txn.fee != 0).then(|| {
            json!({"amount": txn.fee, "application": null, "currency": currency, "description": what, "type": "stripe_fee"})
        });
        json!({
            "id": self.id(Kind::Txn, place),
            "object": "balance_transaction",
            "amount": txn.amount,
            "available_on": txn.created,
            "balance_type": "payments",
            "created": txn.created,
            "currency": currency,
            "description": null,
            "exchange_rate": null,
            "fee": txn.fee,
            "fee_details": fees.into_iter().collect::<Vec<_>>(),
            "net": txn.net(),
            "reporting_category": txn.movement.reporting_category(),
            "source": self.id(txn.source.0, txn.source.1),
            "status": "available",
            "type": txn.movement.kind(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_round_half_up() {
        assert_eq!(fee(10_000), 320);
        assert_eq!(fee(500), 45);
        assert_eq!(fee(50), 31);
        assert_eq!(fee(17), 30);
        assert_eq!(fee(18), 31);
    }
}
