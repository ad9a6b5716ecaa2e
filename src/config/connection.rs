//! A mapping file, checked: one connection.

use std::collections::BTreeMap;

use rowbill_connector::{Operation, Param};

use super::act::Act;
use super::file::File;
use super::source::SourceConfig;
use crate::mapping::object::ObjectExpr;
use crate::mapping::params::Block;
use crate::mapping::recipe::Recipe;
use crate::schedule::Schedule;

/// Source, mapping, action and schedule.
#[derive(Debug)]
pub struct Connection {
    /// The file's stem.
    pub name: String,
    /// The file.
    pub file: File,
    /// A name for people.
    pub title: Option<String>,
    /// The account's name.
    pub account: String,
    /// Where its rows are; of an invoice with `items_from`, the items' source.
    pub source: SourceConfig,
    /// The rules for one row.
    pub recipe: Recipe,
    /// What is made.
    pub action: Action,
    /// What the first run does with the rows that are there.
    pub first_run: FirstRun,
    /// What an edited row leads to.
    pub on_change: OnChange,
    /// Adopt the customer with the same e-mail.
    pub match_existing: bool,
    /// What several rows with one key lead to.
    pub duplicates: Duplicates,
    /// What an object that is not found leads to; none takes the step's default.
    pub when_unsure: Option<crate::protocol::WhenUnsure>,
    /// Guards.
    pub limits: Limits,
    /// Columns to fill in.
    pub write_back: WriteBack,
    /// When it runs.
    pub schedule: Option<Schedule>,
    /// Examples.
    pub tests: Vec<MappingTest>,
}

impl Connection {
    /// The connections that it runs after.
    pub fn after(&self) -> &[String] {
        self.schedule.as_ref().map(Schedule::after).unwrap_or_default()
    }
}

/// What a connection makes.
#[derive(Debug)]
pub enum Action {
    /// A customer of each row.
    CreateCustomer,
    /// An invoice item of each row.
    AddInvoiceItem,
    /// An invoice of each group of rows.
    CreateInvoice(Box<Invoice>),
    /// Something is done to the invoice that each row names.
    OnInvoice(Act),
}

impl Action {
    /// Its name in mapping files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateCustomer => "create_customer",
            Self::AddInvoiceItem => "add_invoice_item",
            Self::CreateInvoice(_) => "create_invoice",
            Self::OnInvoice(act) => act.name(),
        }
    }

    /// What its rows are about, in a word: the customer, or the invoice.
    pub fn about(&self) -> &'static str {
        if matches!(self, Self::OnInvoice(_)) { "invoice" } else { "customer" }
    }

    /// Whether its rows say how much.
    pub fn is_money(&self) -> bool {
        match self {
            Self::CreateCustomer => false,
            Self::AddInvoiceItem | Self::CreateInvoice(_) => true,
            Self::OnInvoice(act) => act.is_money(),
        }
    }

    /// The kind of object that a row makes; none where it only changes one.
    pub fn makes(&self) -> Option<&'static str> {
        match self {
            Self::CreateCustomer => Some("customer"),
            Self::AddInvoiceItem => Some("invoiceitem"),
            Self::CreateInvoice(_) => Some("invoice"),
            Self::OnInvoice(act) => act.makes(),
        }
    }

    /// The invoice's own settings.
    pub fn invoice(&self) -> Option<&Invoice> {
        match self {
            Self::CreateInvoice(invoice) => Some(invoice),
            _ => None,
        }
    }
}

/// What is special about invoices.
#[derive(Debug)]
pub struct Invoice {
    /// The columns whose values make one invoice.
    pub group_by: Vec<String>,
    /// The customer, from `group.…`.
    pub customer: ObjectExpr,
    /// The invoice's parameters, from `group.…`.
    pub block: Block,
    /// The connection whose items it takes; none when it makes its own.
    pub items_from: Option<String>,
    /// How far it goes.
    pub finish: Finish,
    /// Whether taxes or discounts make its total differ from its items: then the subtotal is compared.
    pub taxed: bool,
}

/// How far an invoice goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finish {
    /// It stays a draft.
    Draft,
    /// It is finalized.
    Finalize,
    /// It is finalized and sent.
    Send,
}

/// What the first run does with the rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    /// They are billed.
    All,
    /// They are recorded and never billed.
    OnlyNew,
}

/// What an edited row leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// Nothing.
    Ignore,
    /// A person is asked.
    Review,
    /// The customer is updated.
    Update,
}

/// What several rows with one key lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// All of them fail.
    Fail,
    /// The first counts.
    First,
    /// The last counts.
    Last,
    /// Identical ones count as one.
    Same,
}

/// Guards on one run.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The most rows that it may newly send.
    pub new_rows: Option<u64>,
    /// The most minor units that it may newly send, by lower-case currency; a currency that is not listed is not
    /// limited.
    pub amount: BTreeMap<String, i64>,
}

/// Headers of the columns to fill in.
#[derive(Clone, Debug, Default)]
pub struct WriteBack {
    /// Column and what stands in it.
    pub columns: Vec<(WriteBackField, String)>,
}

impl WriteBack {
    /// Whether it shows payments, which change without a run.
    pub fn shows_payments(&self) -> bool {
        use WriteBackField::{AmountPaid, PaidAt, Payment};
        self.columns.iter().any(|(field, _)| matches!(field, Payment | PaidAt | AmountPaid))
    }
}

/// What can be written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteBackField {
    /// The row's state.
    Status,
    /// The object's id.
    StripeId,
    /// The invoice's page.
    InvoiceUrl,
    /// What is wrong.
    Problem,
    /// Where the payment stands.
    Payment,
    /// When it was paid.
    PaidAt,
    /// What was paid.
    AmountPaid,
}

/// An example in `tests:`.
#[derive(Clone, Debug)]
pub struct MappingTest {
    /// What it shows.
    pub name: String,
    /// Rows: cells by header, with the line in the file.
    pub rows: Vec<Vec<(String, String)>>,
    /// What must come out.
    pub expect: Expect,
    /// Line in the file.
    pub line: u64,
}

/// What a test expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// `only_if` is false.
    Skipped,
    /// A problem with this code.
    Problem(String),
    /// These parameters and no others.
    Params(Param),
}

/// The target's operations that the actions use.
pub struct Operations<'a> {
    /// `POST /v1/customers`
    pub customer: &'a Operation,
    /// `POST /v1/invoiceitems`
    pub item: &'a Operation,
    /// `POST /v1/invoices`
    pub invoice: &'a Operation,
}
