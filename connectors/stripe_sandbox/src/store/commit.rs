//! The only ways in which objects are made and changed: tables, indexes and journal move together.

use std::sync::Arc;

use super::customer::Customer;
use super::invoice::Invoice;
use super::item::Item;
use super::price::Price;
use super::product::Product;
use super::{Kind, Places, Store, Table, at};
use crate::journal::{Change, ObjectEntry};
use std::hash::BuildHasher;

impl Store {
    pub(crate) fn add_customer(&mut self, customer: Customer) -> u32 {
        let place = push(&mut self.customers, customer);
        self.index_email(place);
        self.enter(Kind::Customer, place, Change::Created);
        place
    }

    pub(crate) fn change_customer(&mut self, place: u32, change: impl FnOnce(&mut Customer)) {
        let customer = Arc::make_mut(&mut self.customers[at(place)]);
        let email = customer.email.clone();
        change(customer);
        let change = if customer.deleted { Change::Deleted } else { Change::Updated };
        if customer.email != email {
            self.index_email(place);
        }
        self.enter(Kind::Customer, place, change);
    }

    /// Bookkeeping that nobody asked for by a request on the customer: not in the journal.
    pub(crate) fn note_on_customer(&mut self, place: u32, change: impl FnOnce(&mut Customer)) {
        change(Arc::make_mut(&mut self.customers[at(place)]));
    }

    pub(crate) fn add_item(&mut self, item: Item) -> u32 {
        let (customer, invoice) = (item.customer, item.invoice);
        let place = push(&mut self.items, item);
        self.customer_items.entry(customer).or_default().push(place);
        if let Some(invoice) = invoice {
            Arc::make_mut(&mut self.invoices[at(invoice)]).lines.push(place);
        }
        self.enter(Kind::Item, place, Change::Created);
        place
    }

    /// Changes an item; when it moves between invoices, their lines follow.
    pub(crate) fn change_item(&mut self, place: u32, change: impl FnOnce(&mut Item)) {
        let item = Arc::make_mut(&mut self.items[at(place)]);
        let before = item.invoice;
        change(item);
        if item.deleted {
            item.invoice = None;
        }
        let (after, deleted) = (item.invoice, item.deleted);
        if before != after {
            self.move_line(place, before, after);
        }
        self.enter(Kind::Item, place, if deleted { Change::Deleted } else { Change::Updated });
    }

    fn move_line(&mut self, item: u32, from: Option<u32>, to: Option<u32>) {
        if let Some(invoice) = from {
            Arc::make_mut(&mut self.invoices[at(invoice)]).lines.retain(|line| *line != item);
        }
        if let Some(invoice) = to {
            Arc::make_mut(&mut self.invoices[at(invoice)]).lines.push(item);
        }
    }

    pub(crate) fn add_invoice(&mut self, invoice: Invoice) -> u32 {
        let customer = invoice.customer;
        let place = push(&mut self.invoices, invoice);
        self.customer_invoices.entry(customer).or_default().push(place);
        self.enter(Kind::Invoice, place, Change::Created);
        place
    }

    pub(crate) fn change_invoice(&mut self, place: u32, change: impl FnOnce(&mut Invoice)) {
        let invoice = Arc::make_mut(&mut self.invoices[at(place)]);
        change(invoice);
        let change = if invoice.deleted { Change::Deleted } else { Change::Updated };
        self.enter(Kind::Invoice, place, change);
    }

    pub(crate) fn add_product(&mut self, product: Product) -> u32 {
        let own_id = product.own_id.clone();
        let place = push(&mut self.products, product);
        if let Some(id) = own_id {
            self.named_products.insert(id.into(), place);
        }
        self.enter(Kind::Product, place, Change::Created);
        place
    }

    pub(crate) fn change_product(&mut self, place: u32, change: impl FnOnce(&mut Product)) {
        let product = Arc::make_mut(&mut self.products[at(place)]);
        change(product);
        let change = if product.deleted { Change::Deleted } else { Change::Updated };
        self.enter(Kind::Product, place, change);
    }

    pub(crate) fn add_price(&mut self, price: Price) -> u32 {
        let place = push(&mut self.prices, price);
        self.enter(Kind::Price, place, Change::Created);
        place
    }

    pub(crate) fn change_price(&mut self, place: u32, change: impl FnOnce(&mut Price)) {
        change(Arc::make_mut(&mut self.prices[at(place)]));
        self.enter(Kind::Price, place, Change::Updated);
    }

    /// Addresses that a customer no longer has stay in the index; who reads it compares.
    fn index_email(&mut self, place: u32) {
        let Some(email) = &self.customers[at(place)].email else {
            return;
        };
        let hash = self.hasher.hash_one(&**email);
        match self.by_email.get_mut(&hash) {
            None => {
                self.by_email.insert(hash, Places::One(place));
            }
            Some(places) => places.add(place),
        }
    }

    /// Puts a change on record: as an event, and in the journal.
    fn enter(&mut self, kind: Kind, place: u32, change: Change) {
        if let Some(name) = event(kind, change) {
            self.emit(name, kind, place);
        }
        self.note(kind, place, change);
    }

    /// Money that moves is in the journal only where it carries rowbill's mark.
    pub(crate) fn enter_marked(&self, kind: Kind, place: u32, change: Change) {
        let metadata = match kind {
            Kind::Refund => &self.till.refunds[at(place)].metadata,
            Kind::CreditNote => &self.till.credit_notes[at(place)].metadata,
            _ => return,
        };
        if metadata.rowbill_op().is_some() {
            self.note(kind, place, change);
        }
    }

    fn note_money(&self, kind: Kind, place: u32, entry: &mut ObjectEntry) {
        if kind == Kind::Refund {
            let refund = &self.till.refunds[at(place)];
            let refunded = &self.till.charges[at(refund.charge)];
            entry.rowbill_op = refund.metadata.rowbill_op();
            entry.amount = Some(refund.amount);
            entry.currency = Some(refunded.currency.to_string());
            entry.customer = Some(self.id(Kind::Customer, refunded.customer));
        } else {
            let note = &self.till.credit_notes[at(place)];
            entry.rowbill_op = note.metadata.rowbill_op();
            entry.amount = Some(note.amount);
            entry.invoice = Some(self.id(Kind::Invoice, note.invoice));
        }
    }

    fn note(&self, kind: Kind, place: u32, change: Change) {
        if !self.journal.is_on() {
            return;
        }
        let mut entry = ObjectEntry {
            seq: 0,
            at: self.now,
            request: self.request,
            change,
            id: self.id(kind, place),
            kind: kind.object(),
            rowbill_op: None,
            amount: None,
            currency: None,
            customer: None,
            invoice: None,
            status: None,
        };
        match kind {
            Kind::Customer => entry.rowbill_op = self.customers[at(place)].metadata.rowbill_op(),
            Kind::Item | Kind::Line => {
                let item = &self.items[at(place)];
                entry.rowbill_op = item.metadata.rowbill_op();
                entry.amount = Some(item.amount);
                entry.currency = Some(item.currency.to_string());
                entry.customer = Some(self.id(Kind::Customer, item.customer));
                entry.invoice = item.invoice.map(|invoice| self.id(Kind::Invoice, invoice));
            }
            Kind::Invoice => {
                let invoice = &self.invoices[at(place)];
                entry.rowbill_op = invoice.metadata.rowbill_op();
                entry.amount = Some(self.total(invoice));
                entry.currency = Some(invoice.currency.to_string());
                entry.customer = Some(self.id(Kind::Customer, invoice.customer));
                entry.status = Some(invoice.status.name());
            }
            Kind::Product => entry.id = self.product_id(place),
            Kind::Price => entry.amount = self.prices[at(place)].unit_amount(),
            Kind::Refund | Kind::CreditNote => self.note_money(kind, place, &mut entry),
            _ => return,
        }
        self.journal.object(entry);
    }
}

impl Places {
    fn add(&mut self, place: u32) {
        match self {
            Self::One(first) if *first == place => {}
            Self::One(first) => *self = Self::Many(vec![*first, place]),
            Self::Many(places) => {
                if let Err(index) = places.binary_search(&place) {
                    places.insert(index, place);
                }
            }
        }
        if let Self::Many(places) = self {
            places.sort_unstable();
        }
    }
}

/// The event that Stripe makes of a change; products and prices are left out.
fn event(kind: Kind, change: Change) -> Option<&'static str> {
    Some(match (kind, change) {
        (Kind::Customer, Change::Created) => "customer.created",
        (Kind::Customer, Change::Updated) => "customer.updated",
        (Kind::Customer, Change::Deleted) => "customer.deleted",
        (Kind::Item, Change::Created) => "invoiceitem.created",
        (Kind::Item, Change::Deleted) => "invoiceitem.deleted",
        (Kind::Invoice, Change::Created) => "invoice.created",
        (Kind::Invoice, Change::Updated) => "invoice.updated",
        (Kind::Invoice, Change::Deleted) => "invoice.deleted",
        _ => return None,
    })
}

pub(super) fn push<T>(table: &mut Table<T>, object: T) -> u32 {
    let place = u32::try_from(table.len()).expect("fewer than 4 billion objects fit in memory");
    table.push(Arc::new(object));
    place
}
