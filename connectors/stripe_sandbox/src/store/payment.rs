//! Payments of invoices. Since 2025-03-31.basil an invoice and a payment intent know each other only through an
//! `invoice_payment` (docs.stripe.com/api/invoice-payment). One row here is both of them: their places are the same.

use serde_json::{Value, json};

use super::card::{Card, Failure};
use super::money::Code;
use super::{Kind, Store};

/// The state of a payment intent, as far as invoices need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    RequiresMethod,
    RequiresAction,
    Succeeded,
    Canceled,
}

/// A payment intent and the invoice payment that ties it to its invoice.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) created: i64,
    pub(crate) invoice: u32,
    pub(crate) customer: u32,
    pub(crate) currency: Code,
    pub(crate) amount: i64,
    /// Made with the invoice; the others are part payments.
    pub(crate) is_default: bool,
    pub(crate) stage: Stage,
    /// When it was paid or canceled.
    pub(crate) ended: Option<i64>,
    pub(crate) cancel_reason: Option<&'static str>,
    /// The card that was tried last.
    pub(crate) card: Option<Card>,
    pub(crate) failure: Option<Failure>,
    pub(crate) latest_charge: Option<u32>,
}

impl Payment {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::RequiresMethod | Stage::RequiresAction)
    }

    /// The status of the invoice payment.
    pub(crate) fn status(&self) -> &'static str {
        match self.stage {
            Stage::RequiresMethod | Stage::RequiresAction => "open",
            Stage::Succeeded => "paid",
            Stage::Canceled => "canceled",
        }
    }

    fn intent_status(&self) -> &'static str {
        match self.stage {
            Stage::RequiresMethod => "requires_payment_method",
            Stage::RequiresAction => "requires_action",
            Stage::Succeeded => "succeeded",
            Stage::Canceled => "canceled",
        }
    }

    fn ended_as(&self, stage: Stage) -> Option<i64> {
        self.ended.filter(|_| self.stage == stage)
    }
}

/// Fields of a payment intent that the sandbox has nothing to say about.
const NULL: [&str; 15] = [
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "customer_account",
    "on_behalf_of",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

impl Store {
    pub(crate) fn render_invoice_payment(&self, place: u32, payment: &Payment) -> Value {
        json!({
            "id": self.id(Kind::InvoicePayment, place),
            "object": "invoice_payment",
            "amount_paid": (payment.stage == Stage::Succeeded).then_some(payment.amount),
            "amount_requested": payment.amount,
            "created": payment.created,
            "currency": payment.currency.as_str(),
            "invoice": self.id(Kind::Invoice, payment.invoice),
            "is_default": payment.is_default,
            "livemode": self.livemode,
            "payment": {"payment_intent": self.id(Kind::Intent, place), "type": "payment_intent"},
            "status": payment.status(),
            "status_transitions": {
                "canceled_at": payment.ended_as(Stage::Canceled), "paid_at": payment.ended_as(Stage::Succeeded),
            },
        })
    }

    pub(crate) fn render_intent(&self, place: u32, payment: &Payment) -> Value {
        let id = self.id(Kind::Intent, place);
        let received = if payment.stage == Stage::Succeeded { payment.amount } else { 0 };
        let method = payment.card.filter(|_| payment.failure.is_none()).map(Card::method);
        let action = (payment.stage == Stage::RequiresAction)
            .then(|| json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}));
        let error = payment.failure.map(|failure| {
            json!({
                "charge": payment.latest_charge.map(|charge| self.id(Kind::Charge, charge)),
                "code": failure.code,
                "decline_code": failure.decline_code,
                "message": failure.message,
                "type": "card_error",
            })
        });
        let mut value = json!({
            "id": id,
            "object": "payment_intent",
            "amount": payment.amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": received,
            "canceled_at": payment.ended_as(Stage::Canceled),
            "cancellation_reason": payment.cancel_reason,
            "capture_method": "automatic",
            "client_secret": format!("{id}_secret_sandbox"),
            "confirmation_method": "automatic",
            "created": payment.created,
            "currency": payment.currency.as_str(),
            "customer": self.id(Kind::Customer, payment.customer),
            "description": "Payment for Invoice",
            "last_payment_error": error,
            "latest_charge": payment.latest_charge.map(|charge| self.id(Kind::Charge, charge)),
            "livemode": self.livemode,
            "metadata": {},
            "next_action": action,
            "payment_method": method,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "status": payment.intent_status(),
        });
        for name in NULL {
            value[name] = Value::Null;
        }
        value
    }

    /// Places of the payments of an invoice, in order of creation.
    pub(crate) fn payments_of(&self, invoice: u32) -> &[u32] {
        self.till.of_invoice.get(&invoice).map_or(&[], Vec::as_slice)
    }
}
