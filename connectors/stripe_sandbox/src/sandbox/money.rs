//! What customers, banks and the post do, for Rust callers. Errors say what is wrong with the call.

use serde_json::Value;

use super::Sandbox;
use crate::admin::money::{Pay, Payout, Quarrel};
use crate::webhooks::{Deliveries, Steering};

impl Sandbox {
    /// The customer pays an invoice at its page: all that is left, or a part of it in minor units. Cards by their end:
    /// …4242 succeeds, …0002 is declined, …3220 has to be authenticated, …0259 succeeds and is disputed at once. The
    /// answer has `outcome` (`paid`, `declined`, `requires_action`), `invoice`, `invoice_status`, `payment_intent` and
    /// `charge`.
    pub fn pay(&self, invoice: &str, card: &str, amount: Option<i64>) -> Result<Value, String> {
        let (invoice, card) = (invoice.to_owned(), Some(card.to_owned()));
        self.0.engine.pay(&Pay { invoice, card, amount, authenticate: None })
    }

    /// The customer comes back from 3-D Secure. The answer is that of [`Sandbox::pay`].
    pub fn authenticate(&self, invoice: &str, succeeded: bool) -> Result<Value, String> {
        let invoice = invoice.to_owned();
        self.0.engine.pay(&Pay { invoice, card: None, amount: None, authenticate: Some(succeeded) })
    }

    /// The customer's bank disputes a charge. Gives the dispute.
    pub fn dispute(&self, charge: &str) -> Result<Value, String> {
        self.0.engine.dispute(&Quarrel { charge: Some(charge.to_owned()), dispute: None, won: None })
    }

    /// The bank decides a dispute. Gives the dispute.
    pub fn close_dispute(&self, dispute: &str, won: bool) -> Result<Value, String> {
        self.0.engine.dispute(&Quarrel { charge: None, dispute: Some(dispute.to_owned()), won: Some(won) })
    }

    /// Sends the available balance of a currency to the bank. Gives the payout.
    pub fn pay_out(&self, currency: &str) -> Result<Value, String> {
        self.0.engine.payout(&Payout { currency: Some(currency.to_owned()), payout: None })
    }

    /// The bank sends a payout back. Gives the payout.
    pub fn fail_payout(&self, payout: &str) -> Result<Value, String> {
        self.0.engine.payout(&Payout { currency: None, payout: Some(payout.to_owned()) })
    }

    /// The customer's bank sends a refund back. Gives the refund.
    pub fn fail_refund(&self, refund: &str) -> Result<Value, String> {
        self.0.engine.fail_refund(refund)
    }

    /// Makes deliveries to webhook endpoints go wrong, or right again.
    pub fn steer_webhooks(&self, steering: Steering) {
        self.0.engine.post.steer(steering);
    }

    /// How deliveries to webhook endpoints stand.
    pub fn deliveries(&self) -> Deliveries {
        self.0.engine.post.deliveries()
    }
}
