//! Invoice items that another connection made, as an invoice sees them.

use rowbill_connector::Problem;
use serde::{Deserialize, Serialize};

use super::index::Class;
use crate::ledger::RowRecord;

/// An invoice item that another connection made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its id at the target.
    pub id: String,
    /// Minor units.
    pub amount: Option<i64>,
    /// Lower-case currency code.
    pub currency: Option<String>,
    /// The invoice that it is on already.
    pub bound: Option<String>,
}

/// What the state of a row's item means for its invoice.
pub fn item_class(class: Class, why: Option<Problem>, items: &str) -> (Class, Option<Problem>) {
    let waits = |what: &str, why: Option<Problem>| {
        let detail = why.map(|problem| format!(": {}", problem.message)).unwrap_or_default();
        let problem = Problem::new("row.item_waits", format!("its item {what}{detail}"));
        (Class::Deferred, Some(problem.advise(format!("it is taken up by itself once `{items}` has settled it"))))
    };
    match class {
        Class::AlreadyDone | Class::WouldDiffer => (Class::Create, None),
        Class::Skipped => (Class::Skipped, None),
        Class::Failed => waits("failed", why),
        Class::NeedsReview => waits("needs a person", why),
        _ => waits("is not made yet", why),
    }
}

/// The item in the record of its row.
pub fn item_of(record: &RowRecord) -> Option<Item> {
    let object = record.objects.iter().find(|object| object.step == "add_invoice_item")?;
    Some(Item {
        id: object.id.clone(),
        amount: object.amount,
        currency: object.currency.clone(),
        bound: record.bound.clone(),
    })
}
