//! Charges: what became of a card, and how much of it went back.

use serde_json::{Value, json};

use super::card::{Card, Failure};
use super::money::Code;
use super::{Kind, Store, at};

/// A charge. Since 2025-03-31.basil it does not name its invoice (docs.stripe.com/changelog/basil).
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) created: i64,
    /// The place of its payment intent.
    pub(crate) payment: u32,
    pub(crate) customer: u32,
    pub(crate) currency: Code,
    pub(crate) amount: i64,
    pub(crate) refunded: i64,
    pub(crate) card: Card,
    /// Whether the customer went through 3-D Secure.
    pub(crate) authenticated: bool,
    pub(crate) failure: Option<Failure>,
    pub(crate) txn: Option<u32>,
    pub(crate) dispute: Option<u32>,
}

impl Charge {
    /// What may still be refunded.
    pub(crate) fn left(&self) -> i64 {
        if self.failure.is_some() { 0 } else { self.amount - self.refunded }
    }
}

/// Fields of a charge that the sandbox has nothing to say about.
const NULL: [&str; 16] = [
    "application",
    "application_fee",
    "application_fee_amount",
    "failure_balance_transaction",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

impl Store {
    pub(crate) fn render_charge(&self, place: u32, charge: &Charge) -> Value {
        let paid = charge.failure.is_none();
        let customer = &self.customers[at(charge.customer)];
        let mut value = json!({
            "id": self.id(Kind::Charge, place),
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": if paid { charge.amount } else { 0 },
            "amount_refunded": charge.refunded,
            "balance_transaction": charge.txn.map(|txn| self.id(Kind::Txn, txn)),
            "billing_details": {
                "address": customer.address(), "email": customer.email, "name": customer.name, "phone": null,
                "tax_id": null,
            },
            "calculated_statement_descriptor": "ROWBILL SANDBOX",
            "captured": paid,
            "created": charge.created,
            "currency": charge.currency.as_str(),
            "customer": self.id(Kind::Customer, charge.customer),
            "description": "Payment for Invoice",
            "disputed": charge.dispute.is_some(),
            "failure_code": charge.failure.map(|failure| failure.code),
            "failure_message": charge.failure.map(|failure| failure.message),
            "fraud_details": {},
            "livemode": self.livemode,
            "metadata": {},
            "outcome": outcome(charge),
            "paid": paid,
            "payment_intent": self.id(Kind::Intent, charge.payment),
            "payment_method": charge.card.method(),
            "payment_method_details": {"card": card(charge), "type": "card"},
            "refunded": paid && charge.left() == 0,
            "status": if paid { "succeeded" } else { "failed" },
        });
        for name in NULL {
            value[name] = Value::Null;
        }
        value
    }
}

fn outcome(charge: &Charge) -> Value {
    let declined = charge.failure;
    json!({
        "advice_code": declined.map(|_| "try_again_later"),
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": if declined.is_some() { "declined_by_network" } else { "approved_by_network" },
        "reason": declined.and_then(|failure| failure.decline_code),
        "seller_message": declined.map_or("Payment complete.", |_| {
            "The bank did not return any further details with this decline."
        }),
        "type": if declined.is_some() { "issuer_declined" } else { "authorized" },
    })
}

fn card(charge: &Charge) -> Value {
    let secure = charge.authenticated.then(|| {
        json!({"authentication_flow": "challenge", "result": "authenticated", "result_reason": null, "version": "2.2.0"})
    });
    json!({
        "amount_authorized": charge.failure.is_none().then_some(charge.amount),
        "brand": "visa",
        "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "funding": "credit",
        "installments": null,
        "last4": charge.card.last4(),
        "mandate": null,
        "network": "visa",
        "three_d_secure": secure,
        "wallet": null,
    })
}
