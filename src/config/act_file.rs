//! Reads the block of what is done to an invoice.

use std::sync::LazyLock;

use rowbill_connector::Schema;

use super::act::Act;
use super::block::{Roots, Rules};
use super::connection::Action;
use super::mapping_file::Reader;
use super::yaml::{Node, Value};
use crate::mapping::object::ObjectKind;
use crate::mapping::recipe::Recipe;

const ROW: Roots = Roots { row: true, group: false };

/// What a row says of a payment that the target never sees.
pub static CLAIM: LazyLock<Schema> = LazyLock::new(|| {
    let of = |kind: &str, options: &[&str]| Schema {
        kind: Some(kind.to_owned()),
        options: options.iter().map(|&option| option.to_owned()).collect(),
        ..Schema::default()
    };
    let text = || of("string", &[]);
    let properties = [
        ("state", of("string", &["claimed", "confirmed", "cancelled"])),
        ("method", text()),
        ("note", text()),
        ("amount", of("integer", &[])),
        ("paid_on", text()),
        ("reference", text()),
        ("reason", text()),
    ];
    Schema {
        kind: Some("object".to_owned()),
        properties: properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect(),
        required: vec!["method".to_owned()],
        ..Schema::default()
    }
});

impl Reader<'_, '_> {
    pub(super) fn act(&mut self, act: Act, block: &Node) -> Option<(Action, Recipe)> {
        let key = self.key();
        let schema = match act {
            Act::RecordPayment => &*CLAIM,
            _ => &self.around.catalog.operations.get(act.operation())?.params,
        };
        let rules =
            Rules { own: &["invoice"], reserved: act.reserved(), is_action: true, ..Rules::new(act.name(), ROW) };
        let mut params = self.builder.block(block, schema, &rules);
        // Amounts tell their currency also where the target does not ask for it: it must be the invoice's.
        params.takes_currency = true;
        if !matches!(block.value, Value::Map(_)) {
            return None;
        }
        let about = self.object(ObjectKind::Invoice, block, ROW);
        Some((Action::OnInvoice(act), Recipe { key: key?, about: Some(about?), block: params, ..Recipe::default() }))
    }
}
