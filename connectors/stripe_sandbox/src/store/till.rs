//! The tables of money that moves, and the only ways in which they change.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::charge::Charge;
use super::commit::push;
use super::credit_note::CreditNote;
use super::dispute::Dispute;
use super::money::Code;
use super::payment::{Payment, Stage};
use super::payout::Payout;
use super::refund::Refund;
use super::txn::{Movement, Txn};
use super::{Kind, Store, Table, at};
use crate::journal::Change;

/// Payments, what went back of them, and the balance.
#[derive(Debug, Default)]
pub(crate) struct Till {
    /// Payment intents and invoice payments: places are the same.
    pub(crate) payments: Table<Payment>,
    pub(crate) charges: Table<Charge>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) disputes: Table<Dispute>,
    pub(crate) credit_notes: Table<CreditNote>,
    pub(crate) txns: Table<Txn>,
    pub(crate) payouts: Table<Payout>,
    pub(crate) of_invoice: HashMap<u32, Vec<u32>>,
    /// Due date and place of invoices that were opened; those that are open no longer are passed over.
    pub(crate) due: BTreeSet<(i64, u32)>,
}

impl Store {
    /// A payment of an open invoice that waits for a payment method.
    pub(crate) fn add_payment(&mut self, invoice: u32, amount: i64, is_default: bool) -> u32 {
        let (customer, currency) = (self.invoices[at(invoice)].customer, self.invoices[at(invoice)].currency);
        let payment = Payment {
            created: self.now,
            invoice,
            customer,
            currency,
            amount,
            is_default,
            stage: Stage::RequiresMethod,
            ended: None,
            cancel_reason: None,
            card: None,
            failure: None,
            latest_charge: None,
        };
        let place = push(&mut self.till.payments, payment);
        self.till.of_invoice.entry(invoice).or_default().push(place);
        self.emit("payment_intent.created", Kind::Intent, place);
        place
    }

    pub(crate) fn change_payment(&mut self, place: u32, change: impl FnOnce(&mut Payment)) {
        change(Arc::make_mut(&mut self.till.payments[at(place)]));
    }

    pub(crate) fn add_charge(&mut self, charge: Charge) -> u32 {
        push(&mut self.till.charges, charge)
    }

    pub(crate) fn change_charge(&mut self, place: u32, change: impl FnOnce(&mut Charge)) {
        change(Arc::make_mut(&mut self.till.charges[at(place)]));
    }

    pub(crate) fn add_refund(&mut self, refund: Refund) -> u32 {
        let place = push(&mut self.till.refunds, refund);
        self.enter_marked(Kind::Refund, place, Change::Created);
        self.emit("refund.created", Kind::Refund, place);
        place
    }

    pub(crate) fn change_refund(&mut self, place: u32, change: impl FnOnce(&mut Refund)) {
        change(Arc::make_mut(&mut self.till.refunds[at(place)]));
        self.enter_marked(Kind::Refund, place, Change::Updated);
        self.emit("refund.updated", Kind::Refund, place);
    }

    pub(crate) fn add_dispute(&mut self, dispute: Dispute) -> u32 {
        push(&mut self.till.disputes, dispute)
    }

    pub(crate) fn change_dispute(&mut self, place: u32, change: impl FnOnce(&mut Dispute)) {
        change(Arc::make_mut(&mut self.till.disputes[at(place)]));
    }

    pub(crate) fn add_credit_note(&mut self, note: CreditNote) -> u32 {
        let place = push(&mut self.till.credit_notes, note);
        self.enter_marked(Kind::CreditNote, place, Change::Created);
        self.emit("credit_note.created", Kind::CreditNote, place);
        place
    }

    /// Books a movement of the balance. Disputes and payouts are booked before they are made, so their `source` is
    /// the place that they will have.
    pub(crate) fn book(
        &mut self,
        movement: Movement,
        currency: Code,
        (amount, fee): (i64, i64),
        source: (Kind, u32),
    ) -> u32 {
        push(&mut self.till.txns, Txn { created: self.now, movement, currency, amount, fee, source, payout: None })
    }

    pub(crate) fn change_txn(&mut self, place: u32, change: impl FnOnce(&mut Txn)) {
        change(Arc::make_mut(&mut self.till.txns[at(place)]));
    }

    pub(crate) fn add_payout(&mut self, payout: Payout) -> u32 {
        push(&mut self.till.payouts, payout)
    }

    pub(crate) fn change_payout(&mut self, place: u32, change: impl FnOnce(&mut Payout)) {
        change(Arc::make_mut(&mut self.till.payouts[at(place)]));
    }

    /// The place that the next object of a kind will have.
    pub(crate) fn next(&self, kind: Kind) -> u32 {
        u32::try_from(self.len(kind)).unwrap_or(u32::MAX)
    }
}
