//! Invoices.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::money::Code;
use super::{Kind, Store, at};

/// As many lines as an invoice shows inside itself.
pub(crate) const SHOWN_LINES: usize = 10;

/// An invoice's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Open,
    Paid,
    Void,
    Uncollectible,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }
}

/// An invoice. Parameters that only come back are kept in `rest` under their names.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) created: i64,
    pub(crate) customer: u32,
    pub(crate) currency: Code,
    pub(crate) status: Status,
    pub(crate) sends: bool,
    pub(crate) auto_advance: bool,
    pub(crate) days_until_due: Option<i64>,
    pub(crate) due_date: Option<i64>,
    pub(crate) number: Option<Box<str>>,
    pub(crate) metadata: Metadata,
    pub(crate) rest: Map<String, Value>,
    /// Places of the items, in the order of the lines.
    pub(crate) lines: Vec<u32>,
    pub(crate) settled: Settled,
    pub(crate) moments: Moments,
    /// Who the invoice was made out to, from the moment it was finalized.
    pub(crate) addressee: Option<Box<Addressee>>,
    pub(crate) attempts: u32,
    /// When Stripe would try again to collect.
    pub(crate) next_attempt: Option<i64>,
    pub(crate) deleted: bool,
}

/// What is owed and paid; all zero on a draft.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settled {
    pub(crate) due: i64,
    pub(crate) paid: i64,
    /// The part of `paid` that came to the seller without Stripe.
    pub(crate) off_stripe: i64,
    /// Credit notes on what was not yet paid, and on what was.
    pub(crate) credited: (i64, i64),
    pub(crate) starting_balance: i64,
    pub(crate) ending_balance: Option<i64>,
}

/// When the invoice changed its state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) finalized: Option<i64>,
    pub(crate) paid: Option<i64>,
    pub(crate) voided: Option<i64>,
    pub(crate) uncollectible: Option<i64>,
}

/// The customer as an invoice names it.
#[derive(Clone, Debug)]
pub(crate) struct Addressee {
    pub(crate) email: Option<Box<str>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) phone: Value,
    pub(crate) address: Value,
}

/// Parameters that come back under their own names.
const ECHOED: [&str; 14] = [
    "account_tax_ids",
    "automatically_finalizes_at",
    "custom_fields",
    "default_payment_method",
    "default_source",
    "description",
    "effective_at",
    "footer",
    "issuer",
    "on_behalf_of",
    "payment_settings",
    "rendering",
    "shipping_details",
    "statement_descriptor",
];

/// Fields that are null unless a parameter of that name was given.
const NULL: [&str; 21] = [
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "customer_shipping",
    "default_payment_method",
    "default_source",
    "description",
    "footer",
    "from_invoice",
    "last_finalization_error",
    "latest_revision",
    "on_behalf_of",
    "parent",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "test_clock",
];

impl Invoice {
    /// What is left to pay.
    pub(crate) fn remaining(&self) -> i64 {
        self.settled.due - self.settled.paid
    }

    /// Whether a payment would be taken.
    pub(crate) fn is_payable(&self) -> bool {
        matches!(self.status, Status::Open | Status::Uncollectible)
    }
}

impl Store {
    /// The sum of an invoice's lines.
    pub(crate) fn total(&self, invoice: &Invoice) -> i64 {
        invoice.lines.iter().fold(0, |sum, &line| sum.saturating_add(self.items[at(line)].amount))
    }

    /// The customer as it would be put on an invoice now.
    pub(crate) fn addressee(&self, customer: u32) -> Addressee {
        let customer = &self.customers[at(customer)];
        Addressee {
            email: customer.email.clone(),
            name: customer.name.clone(),
            phone: customer.rest("phone").cloned().unwrap_or_default(),
            address: customer.address(),
        }
    }

    pub(crate) fn render_invoice(&self, place: u32) -> Value {
        self.render_invoice_as(place, &self.invoices[at(place)])
    }

    /// The invoice as it is or was.
    pub(crate) fn render_invoice_as(&self, place: u32, invoice: &Invoice) -> Value {
        let id = self.id(Kind::Invoice, place);
        if invoice.deleted {
            return json!({"id": id, "object": "invoice", "deleted": true});
        }
        let mut value = self.render_plain_invoice(invoice, &id);
        for name in ECHOED {
            if let Some(given) = invoice.rest.get(name) {
                value[name] = given.clone();
            }
        }
        self.render_amounts(invoice, &mut value);
        value["lines"] = self.render_first_lines(invoice, &id);
        value
    }

    fn render_plain_invoice(&self, invoice: &Invoice, id: &str) -> Value {
        let now = || self.addressee(invoice.customer);
        let who = invoice.addressee.as_deref().cloned().unwrap_or_else(now);
        let finalized = invoice.moments.finalized.is_some();
        let page = finalized.then(|| format!("{}/invoice/{id}", self.url));
        let mut value = json!({
            "id": id,
            "object": "invoice",
            "account_country": "US",
            "account_name": "rowbill sandbox",
            "attempt_count": invoice.attempts,
            "attempted": invoice.attempts > 0,
            "auto_advance": invoice.auto_advance,
            "automatic_tax": {
                "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null,
            },
            "billing_reason": "manual",
            "collection_method": if invoice.sends { "send_invoice" } else { "charge_automatically" },
            "created": invoice.created,
            "currency": invoice.currency.as_str(),
            "customer": self.id(Kind::Customer, invoice.customer),
            "customer_address": who.address,
            "customer_email": who.email,
            "customer_name": who.name,
            "customer_phone": who.phone,
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_tax_rates": [],
            "discounts": [],
            "due_date": invoice.due_date,
            "effective_at": invoice.moments.finalized,
            "hosted_invoice_url": page,
            "invoice_pdf": page.as_ref().map(|page| format!("{page}/pdf")),
            "issuer": {"type": "self"},
            "livemode": self.livemode,
            "metadata": invoice.metadata.render(),
            "next_payment_attempt": invoice.next_attempt,
            "number": invoice.number,
            "payment_settings": {
                "default_mandate": null, "payment_method_options": null, "payment_method_types": null,
            },
            "period_end": invoice.created,
            "period_start": invoice.created,
            "status": invoice.status.name(),
            "status_transitions": {
                "finalized_at": invoice.moments.finalized,
                "marked_uncollectible_at": invoice.moments.uncollectible,
                "paid_at": invoice.moments.paid,
                "voided_at": invoice.moments.voided,
            },
            "webhooks_delivered_at": invoice.moments.finalized,
        });
        for name in NULL {
            value[name] = Value::Null;
        }
        value
    }

    fn render_amounts(&self, invoice: &Invoice, value: &mut Value) {
        let total = self.total(invoice);
        let settled = &invoice.settled;
        // A draft shows what would be due without the customer's balance, as it is not yet applied.
        let due = if invoice.status == Status::Draft { total.max(0) } else { settled.due };
        let amounts = json!({
            "amount_due": due,
            "amount_overpaid": 0,
            "amount_paid": settled.paid,
            "amount_remaining": due - settled.paid,
            "amount_shipping": 0,
            "ending_balance": settled.ending_balance,
            "post_payment_credit_notes_amount": settled.credited.1,
            "pre_payment_credit_notes_amount": settled.credited.0,
            "starting_balance": settled.starting_balance,
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
        });
        if let (Value::Object(value), Value::Object(amounts)) = (value, amounts) {
            value.extend(amounts);
        }
    }

    fn render_first_lines(&self, invoice: &Invoice, id: &str) -> Value {
        let data: Vec<Value> = invoice.lines.iter().take(SHOWN_LINES).map(|&line| self.render_line(line)).collect();
        json!({
            "object": "list",
            "data": data,
            "has_more": invoice.lines.len() > SHOWN_LINES,
            "url": format!("/v1/invoices/{id}/lines"),
        })
    }
}
