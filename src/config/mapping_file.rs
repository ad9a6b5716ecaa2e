//! Reads a mapping file whose shape is right into a [`Connection`].

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::{Catalog, Problem};

use super::act::Act;
use super::block::{Builder, Roots, Rules, is_slip_of};
use super::connection::{Action, Connection, Duplicates, Finish, FirstRun, Invoice, OnChange, Operations};
use super::file::File;
use super::source::SourceConfig;
use super::yaml::{Node, Value};
use super::{schedule_file, shapes};
use crate::mapping::object::ObjectKind;
use crate::mapping::recipe::Recipe;
use crate::protocol::WhenUnsure;

/// The parameters of an item that say what it costs: one of them must come out.
const PRICES: &[&str] = &["amount", "unit_amount_decimal", "pricing", "price_data"];
const ROW: Roots = Roots { row: true, group: false };
const GROUP: Roots = Roots { row: false, group: true };
const BOTH: Roots = Roots { row: true, group: true };

/// What a mapping file is read against.
pub struct Around<'a> {
    /// The target's data.
    pub catalog: &'a Catalog,
    /// The key columns of every connection, by name: for `from:` and `items_from:`.
    pub keys: &'a BTreeMap<String, Vec<String>>,
    /// Mappings that could not be read: what names them is not wrong for that.
    pub broken: &'a BTreeSet<String>,
    /// The short names of the source's columns, where its header could be read.
    pub known: Option<Vec<String>>,
}

/// Reads one mapping. Mistakes are collected; what could not be read is left out.
pub fn read(
    name: &str,
    file: &File,
    node: &Node,
    source: SourceConfig,
    around: &Around<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Connection> {
    let group = texts(node.get("group_by").or_else(|| node.get("key")));
    let beside: Vec<&str> = shapes::MAPPING_FIELDS.iter().map(|field| field.name).collect();
    let mut builder = Builder {
        file,
        columns: &source.columns,
        known: around.known.as_deref(),
        group: &group,
        currencies: &around.catalog.currencies,
        sure: source.sure,
        beside: &beside,
        problems,
    };
    let operation = |name: &str| around.catalog.operations.get(name);
    let operations = Operations {
        customer: operation("POST /v1/customers")?,
        item: operation("POST /v1/invoiceitems")?,
        invoice: operation("POST /v1/invoices")?,
    };
    let mut reader = Reader { node, builder: &mut builder, around, operations };
    let made = reader.action(name);
    let only_if = node.get("only_if").and_then(|condition| reader.condition(condition));
    let write_back = reader.write_back();
    let limits = reader.limits();
    let tests = reader.tests();
    let schedule = node.get("schedule").and_then(|schedule| schedule_file::read(file, schedule, problems));
    let (action, mut recipe) = made?;
    recipe.only_if = only_if;
    recipe.written = write_back.columns.iter().map(|(_, header)| header.clone()).collect();
    recipe.columns.clone_from(&source.columns);
    let text = |key: &str| node.get(key).and_then(Node::text);
    let is_claim = matches!(action, Action::OnInvoice(Act::RecordPayment));
    Some(Connection {
        name: name.to_owned(),
        file: file.clone(),
        title: text("title").map(str::to_owned),
        account: text("account")?.to_owned(),
        action,
        recipe,
        first_run: if text("first_run") == Some("only_new") { FirstRun::OnlyNew } else { FirstRun::All },
        on_change: match text("on_change") {
            Some("ignore") => OnChange::Ignore,
            Some("update") => OnChange::Update,
            // A claim goes on to be confirmed or cancelled.
            _ if is_claim => OnChange::Update,
            _ => OnChange::Review,
        },
        match_existing: text("match_existing").is_some(),
        duplicates: match text("duplicates") {
            Some("first") => Duplicates::First,
            Some("last") => Duplicates::Last,
            Some("same") => Duplicates::Same,
            _ => Duplicates::Fail,
        },
        when_unsure: text("when_unsure").map(|word| if word == "ask" { WhenUnsure::Ask } else { WhenUnsure::Resend }),
        limits,
        write_back,
        schedule,
        tests,
        source,
    })
}

/// One text or a list of them.
pub fn texts(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    match node.text() {
        Some(text) => vec![text.to_owned()],
        None => node.elements().iter().filter_map(Node::text).map(str::to_owned).collect(),
    }
}

/// The node itself, or the elements of a list.
pub fn elements(node: &Node) -> Vec<&Node> {
    if node.elements().is_empty() { vec![node] } else { node.elements().iter().collect() }
}

pub(super) struct Reader<'a, 'b> {
    pub(super) node: &'a Node,
    pub(super) builder: &'a mut Builder<'b>,
    pub(super) around: &'a Around<'a>,
    operations: Operations<'a>,
}

impl Reader<'_, '_> {
    fn action(&mut self, name: &str) -> Option<(Action, Recipe)> {
        if let Some(block) = self.node.get("create_customer") {
            return self.create_customer(block);
        }
        if let Some(block) = self.node.get("add_invoice_item") {
            return self.add_invoice_item(block);
        }
        for act in Act::ALL {
            if let Some(block) = self.node.get(act.name()) {
                return self.act(act, block);
            }
        }
        self.create_invoice(name, self.node.get("create_invoice")?)
    }

    fn create_customer(&mut self, block: &Node) -> Option<(Action, Recipe)> {
        let key = self.key();
        let rules = Rules { reserved: &["expand"], is_action: true, ..Rules::new("create_customer", ROW) };
        let params = self.builder.block(block, &self.operations.customer.params, &rules);
        if self.node.get("match_existing").is_some() && params.get("email").is_none() {
            let advice = "add `email:` to create_customer".to_owned();
            self.builder.tell(block, "mapping.missing_parameter", "match_existing needs the e-mail".into(), advice);
        }
        Some((Action::CreateCustomer, Recipe { key: key?, block: params, ..Recipe::default() }))
    }

    fn add_invoice_item(&mut self, block: &Node) -> Option<(Action, Recipe)> {
        let key = self.key();
        let own = ["customer"];
        let rules = Rules { own: &own, reserved: &["expand"], is_action: true, ..Rules::new("add_invoice_item", ROW) };
        let params = self.builder.block(block, &self.operations.item.params, &rules);
        if !matches!(block.value, Value::Map(_)) {
            return None;
        }
        let customer = self.object(ObjectKind::Customer, block, ROW);
        self.priced(block);
        let recipe = Recipe { key: key?, about: Some(customer?), block: params, priced: PRICES, ..Recipe::default() };
        Some((Action::AddInvoiceItem, recipe))
    }

    fn create_invoice(&mut self, name: &str, block: &Node) -> Option<(Action, Recipe)> {
        let group_by = self.group_by(block);
        let group = group_by.clone().unwrap_or_default();
        let own = ["customer", "items_from", "items", "finish"];
        let reserved = ["pending_invoice_items_behavior", "auto_advance", "expand", "from_invoice", "subscription"];
        let rules = Rules { own: &own, reserved: &reserved, is_action: true, ..Rules::new("create_invoice", GROUP) };
        let params = self.builder.block(block, &self.operations.invoice.params, &rules);
        if !matches!(block.value, Value::Map(_)) {
            return None;
        }
        let customer = self.object(ObjectKind::Customer, block, GROUP);
        self.collection(block);
        let items_from = self.items_from(name, block);
        let key = match &items_from {
            Some(connection) => self.around.keys.get(connection).cloned().unwrap_or_default(),
            None => group,
        };
        let items = block.get("items").map(|items| {
            self.priced(items);
            let reserved = ["customer", "invoice", "expand", "subscription", "customer_account"];
            let rules = Rules { reserved: &reserved, ..Rules::new("`items`", BOTH) };
            self.builder.block(items, &self.operations.item.params, &rules)
        });
        let priced = if items.is_some() { PRICES } else { &[] };
        if let (Some(_), Some(node)) = (&items, block.get("items_from")) {
            let message = "an invoice has both `items_from` and `items`".to_owned();
            let advice = "keep exactly one: items that another connection makes, or items of these rows".to_owned();
            self.builder.tell(node, "mapping.items", message, advice);
        } else if items.is_none() && items_from.is_none() {
            let advice =
                "`items_from: CONNECTION` takes items that another connection makes; `items:` makes them of the rows";
            let message = "an invoice needs exactly one of `items_from` and `items`".to_owned();
            self.builder.tell(block, "mapping.items", message, advice.into());
        }
        let taxes = ["automatic_tax", "default_tax_rates", "discounts", "shipping_cost"];
        let item_taxes = ["tax_rates", "discounts"];
        let has_taxes = taxes.iter().any(|name| params.get(name).is_some())
            || items.iter().any(|items| item_taxes.iter().any(|name| items.get(name).is_some()));
        let finish = self.finish(block);
        let recipe = Recipe { key, block: items.unwrap_or_default(), priced, ..Recipe::default() };
        let invoice =
            Invoice { group_by: group_by?, customer: customer?, block: params, items_from, finish, taxed: has_taxes };
        Some((Action::CreateInvoice(Box::new(invoice)), recipe))
    }

    /// A condition without a template is the same for every row: nearly always the template's braces are missing.
    fn condition(&mut self, node: &Node) -> Option<crate::mapping::template::Template> {
        let template = self.builder.template(node, ROW)?;
        if let Some(text) = template.constant() {
            let message = "this condition is the same for every row".to_owned();
            self.builder.tell(
                node,
                "mapping.condition",
                message,
                format!("write it as a template: ${{{{ {} }}}}", text.trim()),
            );
        }
        Some(template)
    }

    pub(super) fn key(&mut self) -> Option<Vec<String>> {
        if let Some(group_by) = self.node.get("group_by") {
            let message = "`group_by` is for create_invoice".to_owned();
            self.builder.tell(
                group_by,
                "mapping.group_by",
                message,
                "name the columns that identify a row in `key:`".into(),
            );
        }
        self.columns_of("key")
    }

    fn group_by(&mut self, block: &Node) -> Option<Vec<String>> {
        if let (Some(_), Some(key)) = (self.node.get("group_by"), self.node.get("key")) {
            let message = "`group_by` is the key too: one invoice per group, ever".to_owned();
            self.builder.tell(key, "mapping.group_by", message, "take `key:` out".into());
        }
        if self.node.get("group_by").is_none() && self.node.get("key").is_none() {
            let message = "create_invoice needs `group_by`".to_owned();
            let advice = "name the columns whose values make one invoice, such as group_by: [email, month]".to_owned();
            self.builder.tell(block, "config.missing_key", message, advice);
            return None;
        }
        self.columns_of(if self.node.get("group_by").is_some() { "group_by" } else { "key" })
    }

    /// The columns named in `key:` or `group_by:`, which must be columns.
    fn columns_of(&mut self, setting: &str) -> Option<Vec<String>> {
        let Some(node) = self.node.get(setting) else {
            let message = format!("`{setting}` is missing in a mapping");
            let advice = format!(
                "add `{setting}:` with the columns that identify a row, such as {setting}: [id]; never its number"
            );
            self.builder.tell(self.node, "config.missing_key", message, advice);
            return None;
        };
        let names = texts(Some(node));
        for (index, (name, element)) in names.iter().zip(elements(node)).enumerate() {
            if names[..index].contains(name) {
                let message = format!("`{name}` stands twice in {setting}");
                self.builder.tell(element, "config.duplicate_key", message, "name each column once".into());
            }
            self.known_column(name, element, setting);
        }
        Some(names)
    }

    fn known_column(&mut self, name: &str, node: &Node, setting: &str) {
        let declared: Vec<&str> = self.builder.columns.iter().map(|column| column.name.as_str()).collect();
        let known: Vec<&str> =
            self.builder.known.map_or(declared.clone(), |known| known.iter().map(String::as_str).collect());
        let is_unsure = self.builder.known.is_none();
        if known.contains(&name)
            || !self.builder.sure
            || (is_unsure && crate::suggest::nearest(name, &declared).is_none() && !name.contains(' '))
        {
            return;
        }
        let message = format!("`{name}` in {setting} is not a column of the source");
        self.builder.tell(node, "mapping.unknown_column", message, self.builder.column_advice(name, &known));
    }

    fn items_from(&mut self, name: &str, block: &Node) -> Option<String> {
        let node = block.get("items_from")?;
        let connection = node.text().unwrap_or_default().to_owned();
        let names: Vec<&str> = self.around.keys.keys().map(String::as_str).filter(|other| *other != name).collect();
        if !names.contains(&connection.as_str()) && !self.around.broken.contains(&connection) {
            let message = format!("there is no connection `{connection}` to take items from");
            self.builder.tell(
                node,
                "config.unknown_connection",
                message,
                crate::suggest::did_you_mean(&connection, &names),
            );
        }
        Some(connection)
    }

    fn finish(&mut self, block: &Node) -> Finish {
        match block.get("finish").map(|node| (node, node.text().unwrap_or_default())) {
            None | Some((_, "draft")) => Finish::Draft,
            Some((_, "finalize")) => Finish::Finalize,
            Some((_, "send")) => Finish::Send,
            Some((node, other)) => {
                let advice = crate::suggest::did_you_mean(other, &["draft", "finalize", "send"]);
                self.builder.tell(node, "config.not_allowed", format!("`finish` cannot be `{other}`"), advice);
                Finish::Draft
            }
        }
    }

    /// What Stripe asks of `collection_method` (docs.stripe.com/api/invoices/create).
    fn collection(&mut self, block: &Node) {
        let sends = block.get("collection_method").and_then(Node::text) == Some("send_invoice");
        let due = block.get("days_until_due").or_else(|| block.get("due_date"));
        match (sends, due) {
            (true, None) => {
                let at = block.get("collection_method").map_or(block.at, |node| node.at);
                let message = "collection_method: send_invoice needs a due date".to_owned();
                self.builder.tell(
                    at,
                    "mapping.missing_parameter",
                    message,
                    "add `days_until_due: 14` (or due_date)".into(),
                );
            }
            (false, Some(at))
                if block.get("collection_method").is_none_or(|node| node.text() == Some("charge_automatically")) =>
            {
                let message = "a due date goes only with collection_method: send_invoice".to_owned();
                self.builder.tell(at, "mapping.due_date", message, "add `collection_method: send_invoice`".into());
            }
            _ => {}
        }
    }

    /// An item says what it costs, and an amount in minor units says in which currency.
    fn priced(&mut self, block: &Node) {
        let is_told = is_slip_of(block, &self.operations.item.params, PRICES);
        if !is_told && !PRICES.iter().any(|way| block.get(way).is_some()) {
            let message = "nothing says what the item costs".to_owned();
            self.builder.tell(
                block,
                "mapping.missing_parameter",
                message,
                "add `amount: ${{ row.total }}` with a column of type money".into(),
            );
        }
        let Some(amount) = block.get("amount").filter(|_| block.get("currency").is_none()) else { return };
        let text = amount.text().unwrap_or_default();
        let is_money = self.builder.columns.iter().any(|column| {
            matches!(column.kind, crate::mapping::column::ColumnType::Money(_))
                && text.contains(&format!("row.{}", column.name))
        });
        let is_plain = text.trim().parse::<i64>().is_ok()
            || self.builder.columns.iter().any(|column| {
                column.kind == crate::mapping::column::ColumnType::Integer
                    && text.contains(&format!("row.{}", column.name))
            });
        if is_plain && !is_money {
            let message = "an amount in minor units needs a `currency`".to_owned();
            self.builder.tell(
                amount,
                "mapping.currency_missing",
                message,
                "add `currency: eur`, or declare the column as money".into(),
            );
        }
    }
}
