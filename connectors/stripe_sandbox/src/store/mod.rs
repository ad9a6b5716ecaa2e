//! The sandbox's memory: compact tables in order of creation, and the indexes that lists need.

pub(crate) mod card;
pub(crate) mod charge;
mod commit;
pub(crate) mod credit_note;
pub(crate) mod customer;
pub(crate) mod dispute;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod ids;
pub(crate) mod invoice;
pub(crate) mod item;
pub(crate) mod line;
pub(crate) mod metadata;
pub(crate) mod money;
pub(crate) mod payment;
pub(crate) mod payout;
pub(crate) mod price;
pub(crate) mod product;
pub(crate) mod refund;
mod snapshot;
pub(crate) mod till;
pub(crate) mod txn;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::journal::Journal;
use crate::refusal::Refusal;
use customer::Customer;
use endpoint::Endpoint;
use event::{Cause, Events};
use ids::Ids;
use invoice::Invoice;
use item::Item;
use price::Price;
use product::Product;
use till::Till;

/// The kinds of objects. A line's place is that of the invoice item behind it, an invoice payment's that of its payment
/// intent. New kinds come last: a kind's number is in its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Customer,
    Item,
    Invoice,
    Line,
    Product,
    Price,
    Intent,
    InvoicePayment,
    Charge,
    Refund,
    Dispute,
    CreditNote,
    Txn,
    Payout,
    Event,
    Endpoint,
}

impl Kind {
    pub(crate) const ALL: [Self; 16] = [
        Self::Customer,
        Self::Item,
        Self::Invoice,
        Self::Line,
        Self::Product,
        Self::Price,
        Self::Intent,
        Self::InvoicePayment,
        Self::Charge,
        Self::Refund,
        Self::Dispute,
        Self::CreditNote,
        Self::Txn,
        Self::Payout,
        Self::Event,
        Self::Endpoint,
    ];

    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Customer => "cus_",
            Self::Item => "ii_",
            Self::Invoice => "in_",
            Self::Line => "il_",
            Self::Product => "prod_",
            Self::Price => "price_",
            Self::Intent => "pi_",
            Self::InvoicePayment => "inpay_",
            Self::Charge => "ch_",
            Self::Refund => "re_",
            Self::Dispute => "du_",
            Self::CreditNote => "cn_",
            Self::Txn => "txn_",
            Self::Payout => "po_",
            Self::Event => "evt_",
            Self::Endpoint => "we_",
        }
    }

    /// The value of `object`.
    pub(crate) fn object(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Item => "invoiceitem",
            Self::Invoice => "invoice",
            Self::Line => "line_item",
            Self::Product => "product",
            Self::Price => "price",
            Self::Intent => "payment_intent",
            Self::InvoicePayment => "invoice_payment",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::CreditNote => "credit_note",
            Self::Txn => "balance_transaction",
            Self::Payout => "payout",
            Self::Event => "event",
            Self::Endpoint => "webhook_endpoint",
        }
    }
}

/// Objects of one kind, by place. Shared pointers let a stored answer keep an object as it was, at no cost until the
/// object changes.
pub(crate) type Table<T> = Vec<Arc<T>>;

/// All objects of the account.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) ids: Ids,
    pub(crate) livemode: bool,
    /// Where the sandbox is reached, for links to invoices.
    pub(crate) url: String,
    /// The time of the request that is being executed; never goes back, so tables are ordered by creation.
    pub(crate) now: i64,
    /// The journal's number of the request that is being executed.
    pub(crate) request: u64,
    /// The same request as events name it.
    pub(crate) cause: Cause,
    pub(crate) search_lag: i64,
    pub(crate) customers: Table<Customer>,
    pub(crate) items: Table<Item>,
    pub(crate) invoices: Table<Invoice>,
    pub(crate) products: Table<Product>,
    pub(crate) prices: Table<Price>,
    pub(crate) till: Till,
    pub(crate) events: Events,
    pub(crate) endpoints: Table<Endpoint>,
    /// The first event that has not been handed over for delivery.
    pub(crate) undelivered: u32,
    by_email: HashMap<u64, Places>,
    customer_items: HashMap<u32, Vec<u32>>,
    customer_invoices: HashMap<u32, Vec<u32>>,
    named_products: HashMap<String, u32>,
    hasher: RandomState,
    journal: Arc<Journal>,
}

/// Most e-mails belong to one customer.
#[derive(Debug)]
enum Places {
    One(u32),
    Many(Vec<u32>),
}

/// What an account of the sandbox is made with.
pub(crate) struct Setting {
    pub(crate) salt: u64,
    pub(crate) livemode: bool,
    pub(crate) url: String,
    pub(crate) search_lag: i64,
}

impl Store {
    pub(crate) fn new(setting: Setting, journal: Arc<Journal>) -> Self {
        Self {
            ids: Ids::new(setting.salt),
            livemode: setting.livemode,
            url: setting.url,
            now: 0,
            request: 0,
            cause: Cause::default(),
            search_lag: setting.search_lag,
            customers: Table::new(),
            items: Table::new(),
            invoices: Table::new(),
            products: Table::new(),
            prices: Table::new(),
            till: Till::default(),
            events: Events::default(),
            endpoints: Table::new(),
            undelivered: 0,
            by_email: HashMap::new(),
            customer_items: HashMap::new(),
            customer_invoices: HashMap::new(),
            named_products: HashMap::new(),
            hasher: RandomState::new(),
            journal,
        }
    }

    pub(crate) fn id(&self, kind: Kind, place: u32) -> String {
        self.ids.id(kind, place)
    }

    /// Places of all customers that ever had this e-mail (or one with the same hash), in order of creation.
    pub(crate) fn places_by_email(&self, email: &str) -> &[u32] {
        match self.by_email.get(&self.hasher.hash_one(email)) {
            None => &[],
            Some(Places::One(place)) => std::slice::from_ref(place),
            Some(Places::Many(places)) => places,
        }
    }

    pub(crate) fn items_of(&self, customer: u32) -> &[u32] {
        self.customer_items.get(&customer).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn invoices_of(&self, customer: u32) -> &[u32] {
        self.customer_invoices.get(&customer).map_or(&[], Vec::as_slice)
    }

    /// The place of a customer that is not deleted. `param` says where the id stood; `id` means in the path.
    pub(crate) fn customer(&self, id: &str, param: &str) -> Result<u32, Refusal> {
        let place = self.place(Kind::Customer, self.customers.len(), id);
        place.filter(|&place| !self.customers[at(place)].deleted).ok_or_else(|| Refusal::no_such("customer", id, param))
    }

    /// The place of a customer, deleted or not.
    pub(crate) fn any_customer(&self, id: &str) -> Result<u32, Refusal> {
        self.place(Kind::Customer, self.customers.len(), id).ok_or_else(|| Refusal::no_such("customer", id, "id"))
    }

    pub(crate) fn item(&self, id: &str, param: &str) -> Result<u32, Refusal> {
        let place = self.place(Kind::Item, self.items.len(), id).filter(|&place| !self.items[at(place)].deleted);
        place.ok_or_else(|| Refusal::no_such("invoiceitem", id, param))
    }

    pub(crate) fn invoice(&self, id: &str, param: &str) -> Result<u32, Refusal> {
        let place = self.place(Kind::Invoice, self.invoices.len(), id);
        place.filter(|&place| !self.invoices[at(place)].deleted).ok_or_else(|| Refusal::no_such("invoice", id, param))
    }

    /// The place of the item behind a line of this invoice.
    pub(crate) fn line(&self, invoice: u32, id: &str, param: &str) -> Result<u32, Refusal> {
        let place = self.place(Kind::Line, self.items.len(), id);
        place
            .filter(|place| self.invoices[at(invoice)].lines.contains(place))
            .ok_or_else(|| Refusal::no_such("invoice line item", id, param))
    }

    pub(crate) fn price(&self, id: &str, param: &str) -> Result<u32, Refusal> {
        self.place(Kind::Price, self.prices.len(), id).ok_or_else(|| Refusal::no_such("price", id, param))
    }

    pub(crate) fn product(&self, id: &str, param: &str) -> Result<u32, Refusal> {
        let named = self.named_products.get(id).copied();
        let place = named.or_else(|| self.place(Kind::Product, self.products.len(), id));
        place.filter(|&place| !self.products[at(place)].deleted).ok_or_else(|| Refusal::no_such("product", id, param))
    }

    /// The place of an object of one of the kinds that are never deleted.
    pub(crate) fn find(&self, kind: Kind, id: &str, param: &str) -> Result<u32, Refusal> {
        self.place(kind, self.len(kind), id).ok_or_else(|| Refusal::no_such(kind.object(), id, param))
    }

    /// A product may have been given an id of the caller's choice.
    pub(crate) fn product_id(&self, place: u32) -> String {
        match &self.products[at(place)].own_id {
            Some(id) => id.to_string(),
            None => self.id(Kind::Product, place),
        }
    }

    fn place(&self, kind: Kind, len: usize, id: &str) -> Option<u32> {
        self.ids.place(kind, id).filter(|&place| at(place) < len)
    }
}

/// A place as an index.
pub(crate) fn at(place: u32) -> usize {
    place as usize
}
