//! Objects as they are at a moment, of whatever kind.

use std::sync::Arc;

use serde_json::Value;

use super::charge::Charge;
use super::credit_note::CreditNote;
use super::customer::Customer;
use super::dispute::Dispute;
use super::invoice::Invoice;
use super::item::Item;
use super::payment::Payment;
use super::payout::Payout;
use super::refund::Refund;
use super::{Kind, Store, at};

/// An object shared with its table until the table's changes.
#[derive(Clone, Debug)]
pub(crate) enum Snapshot {
    Customer(Arc<Customer>),
    Item(Arc<Item>),
    Invoice(Arc<Invoice>),
    Payment(Arc<Payment>),
    Charge(Arc<Charge>),
    Refund(Arc<Refund>),
    Dispute(Arc<Dispute>),
    CreditNote(Arc<CreditNote>),
    Payout(Arc<Payout>),
    /// Of kinds that have no events: the object as it is when it is rendered.
    Now,
}

impl Snapshot {
    pub(crate) fn render(&self, store: &Store, kind: Kind, place: u32) -> Value {
        match self {
            Self::Customer(customer) => customer.render(store, place),
            Self::Item(item) => item.render(store, place),
            Self::Invoice(invoice) => store.render_invoice_as(place, invoice),
            Self::Payment(payment) if kind == Kind::Intent => store.render_intent(place, payment),
            Self::Payment(payment) => store.render_invoice_payment(place, payment),
            Self::Charge(charge) => store.render_charge(place, charge),
            Self::Refund(refund) => store.render_refund(place, refund),
            Self::Dispute(dispute) => store.render_dispute(place, dispute),
            Self::CreditNote(note) => store.render_credit_note(place, note),
            Self::Payout(payout) => store.render_payout(place, payout),
            Self::Now => match kind {
                Kind::Line => store.render_line(place),
                Kind::Product => store.render_product(place),
                Kind::Price => store.render_price(place),
                Kind::Txn => store.render_txn(place, &store.till.txns[at(place)]),
                Kind::Event => store.render_event(place),
                Kind::Endpoint => store.render_endpoint(place),
                _ => Value::Null,
            },
        }
    }
}

impl Store {
    pub(crate) fn snapshot(&self, kind: Kind, place: u32) -> Snapshot {
        let index = at(place);
        match kind {
            Kind::Customer => Snapshot::Customer(Arc::clone(&self.customers[index])),
            Kind::Item => Snapshot::Item(Arc::clone(&self.items[index])),
            Kind::Invoice => Snapshot::Invoice(Arc::clone(&self.invoices[index])),
            Kind::Intent | Kind::InvoicePayment => Snapshot::Payment(Arc::clone(&self.till.payments[index])),
            Kind::Charge => Snapshot::Charge(Arc::clone(&self.till.charges[index])),
            Kind::Refund => Snapshot::Refund(Arc::clone(&self.till.refunds[index])),
            Kind::Dispute => Snapshot::Dispute(Arc::clone(&self.till.disputes[index])),
            Kind::CreditNote => Snapshot::CreditNote(Arc::clone(&self.till.credit_notes[index])),
            Kind::Payout => Snapshot::Payout(Arc::clone(&self.till.payouts[index])),
            Kind::Line | Kind::Product | Kind::Price | Kind::Txn | Kind::Event | Kind::Endpoint => Snapshot::Now,
        }
    }

    /// An object as Stripe gives it.
    pub(crate) fn render(&self, kind: Kind, place: u32) -> Value {
        self.snapshot(kind, place).render(self, kind, place)
    }

    /// How many objects of a kind were ever made.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        match kind {
            Kind::Customer => self.customers.len(),
            Kind::Item | Kind::Line => self.items.len(),
            Kind::Invoice => self.invoices.len(),
            Kind::Product => self.products.len(),
            Kind::Price => self.prices.len(),
            Kind::Intent | Kind::InvoicePayment => self.till.payments.len(),
            Kind::Charge => self.till.charges.len(),
            Kind::Refund => self.till.refunds.len(),
            Kind::Dispute => self.till.disputes.len(),
            Kind::CreditNote => self.till.credit_notes.len(),
            Kind::Txn => self.till.txns.len(),
            Kind::Payout => self.till.payouts.len(),
            Kind::Event => at(self.events.places().end),
            Kind::Endpoint => self.endpoints.len(),
        }
    }
}
