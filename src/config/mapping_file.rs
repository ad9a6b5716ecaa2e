//! Reads a mapping file whose shape is right into a [`Connection`].

use std::collections::BTreeMap;

use rowbill_connector::{Catalog, Problem};

use super::block::{Builder, Roots, plain};
use super::connection::{
    Action, Connection, Duplicates, Expect, Finish, FirstRun, Invoice, Limits, MappingTest, OnChange, Operations,
    WriteBack, WriteBackField,
};
use super::file::File;
use super::schedule_file;
use super::source::SourceConfig;
use super::yaml::{Node, Value};
use crate::mapping::money::{Money, to_minor};
use crate::mapping::row::{CustomerExpr, Recipe};
use crate::protocol::WhenUnsure;

const ROW: Roots = Roots { row: true, group: false };
const GROUP: Roots = Roots { row: false, group: true };
const BOTH: Roots = Roots { row: true, group: true };

/// What a mapping file is read against.
pub struct Around<'a> {
    /// The target's data.
    pub catalog: &'a Catalog,
    /// The key columns of every connection, by name: for `from:` and `items_from:`.
    pub keys: &'a BTreeMap<String, Vec<String>>,
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
    let mut builder = Builder {
        file,
        columns: &source.columns,
        known: around.known.as_deref(),
        group: &group,
        currencies: &around.catalog.currencies,
        problems,
    };
    let operation = |name: &str| around.catalog.operations.get(name);
    let operations = Operations {
        customer: operation("POST /v1/customers")?,
        item: operation("POST /v1/invoiceitems")?,
        invoice: operation("POST /v1/invoices")?,
    };
    let mut reader = Reader { node, builder: &mut builder, around, operations };
    let (action, mut recipe) = reader.action(name)?;
    recipe.only_if = node.get("only_if").and_then(|condition| reader.builder.template(condition, ROW));
    let write_back = reader.write_back();
    recipe.written = write_back.columns.iter().map(|(_, header)| header.clone()).collect();
    let limits = reader.limits();
    let tests = reader.tests();
    let schedule = node.get("schedule").and_then(|schedule| schedule_file::read(file, schedule, problems));
    recipe.columns.clone_from(&source.columns);
    let text = |key: &str| node.get(key).and_then(Node::text);
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

struct Reader<'a, 'b> {
    node: &'a Node,
    builder: &'a mut Builder<'b>,
    around: &'a Around<'a>,
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
        self.create_invoice(name, self.node.get("create_invoice")?)
    }

    fn create_customer(&mut self, block: &Node) -> Option<(Action, Recipe)> {
        let key = self.key()?;
        let params = self.builder.block(block, &self.operations.customer.params, &[], &["expand"], ROW);
        if self.node.get("match_existing").is_some() && params.get("email").is_none() {
            let advice = "add `email:` to create_customer".to_owned();
            self.builder.tell(block, "mapping.missing_parameter", "match_existing needs the e-mail".into(), advice);
        }
        Some((Action::CreateCustomer, Recipe { key, block: params, ..Recipe::default() }))
    }

    fn add_invoice_item(&mut self, block: &Node) -> Option<(Action, Recipe)> {
        let key = self.key()?;
        let customer = self.customer(block, ROW);
        let params = self.builder.block(block, &self.operations.item.params, &["customer"], &["expand"], ROW);
        self.priced(block);
        Some((Action::AddInvoiceItem, Recipe { key, customer: Some(customer?), block: params, ..Recipe::default() }))
    }

    fn create_invoice(&mut self, name: &str, block: &Node) -> Option<(Action, Recipe)> {
        let group_by = self.group_by(block)?;
        let customer = self.customer(block, GROUP);
        let own = ["customer", "items_from", "items", "finish"];
        let reserved = ["pending_invoice_items_behavior", "auto_advance", "expand", "from_invoice", "subscription"];
        let params = self.builder.block(block, &self.operations.invoice.params, &own, &reserved, GROUP);
        self.collection(block);
        let items_from = self.items_from(name, block);
        let key = match &items_from {
            Some(connection) => self.around.keys.get(connection).cloned().unwrap_or_default(),
            None => group_by.clone(),
        };
        let items = block.get("items").map(|items| {
            self.priced(items);
            let reserved = ["customer", "invoice", "expand", "subscription", "customer_account"];
            self.builder.block(items, &self.operations.item.params, &[], &reserved, BOTH)
        });
        if items.is_none() == items_from.is_none() {
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
        let recipe = Recipe { key, block: items.unwrap_or_default(), ..Recipe::default() };
        let invoice = Invoice { group_by, customer: customer?, block: params, items_from, finish, taxed: has_taxes };
        Some((Action::CreateInvoice(Box::new(invoice)), recipe))
    }

    fn key(&mut self) -> Option<Vec<String>> {
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
        let elements: Vec<&Node> =
            if node.elements().is_empty() { vec![node] } else { node.elements().iter().collect() };
        for (index, (name, element)) in names.iter().zip(elements).enumerate() {
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
            || (is_unsure && crate::suggest::nearest(name, &declared).is_none() && !name.contains(' '))
        {
            return;
        }
        let message = format!("`{name}` in {setting} is not a column of the source");
        self.builder.tell(node, "mapping.unknown_column", message, crate::suggest::did_you_mean(name, &known));
    }

    fn customer(&mut self, block: &Node, roots: Roots) -> Option<CustomerExpr> {
        let Some(node) = block.get("customer") else {
            let advice = "name the customer: by_email:, or from: and key:, or id:, or a template that gives cus_…";
            self.builder.tell(block, "mapping.missing_parameter", "`customer` is missing".into(), advice.into());
            return None;
        };
        let Value::Map(entries) = &node.value else {
            return self.builder.template(node, roots).map(CustomerExpr::Id);
        };
        let allowed = ["id", "from", "key", "by_email", "if_missing"];
        for (key, _) in entries.iter().filter(|(key, _)| !allowed.contains(&key.text.as_str())) {
            let message = format!("`{}` does not name a customer", key.text);
            self.builder.tell(key.at, "config.unknown_key", message, crate::suggest::did_you_mean(&key.text, &allowed));
        }
        let ways: Vec<&str> = ["id", "from", "by_email"].into_iter().filter(|way| node.get(way).is_some()).collect();
        let [way] = ways[..] else {
            let message = "a customer is named in exactly one way".to_owned();
            self.builder.tell(node, "config.one_of", message, "use one of: id, from (with key), by_email".into());
            return None;
        };
        self.customer_by(way, node, roots)
    }

    fn customer_by(&mut self, way: &str, node: &Node, roots: Roots) -> Option<CustomerExpr> {
        let value = node.get(way)?;
        for (key, goes_with) in [("key", "from"), ("if_missing", "by_email")] {
            if let (Some(at), true) = (node.get(key), way != goes_with) {
                let message = format!("`{key}` goes with `{goes_with}`");
                self.builder.tell(at, "config.one_of", message, format!("take `{key}` out, or use `{goes_with}`"));
            }
        }
        match way {
            "id" => self.builder.template(value, roots).map(CustomerExpr::Id),
            "by_email" => {
                let create = match node.get("if_missing").and_then(Node::text) {
                    None | Some("fail") => false,
                    Some("create") => true,
                    Some(other) => {
                        let message = format!("`if_missing` cannot be `{other}`");
                        self.builder.tell(
                            node.get("if_missing")?,
                            "config.not_allowed",
                            message,
                            "write fail or create".into(),
                        );
                        false
                    }
                };
                Some(CustomerExpr::ByEmail { email: self.builder.template(value, roots)?, create })
            }
            _ => self.customer_from(value, node, roots),
        }
    }

    fn customer_from(&mut self, value: &Node, node: &Node, roots: Roots) -> Option<CustomerExpr> {
        let connection = value.text()?.to_owned();
        let names: Vec<&str> = self.around.keys.keys().map(String::as_str).collect();
        let Some(columns) = self.around.keys.get(&connection) else {
            let message = format!("there is no connection `{connection}`");
            self.builder.tell(
                value,
                "config.unknown_connection",
                message,
                crate::suggest::did_you_mean(&connection, &names),
            );
            return None;
        };
        let Some(key) = node.get("key") else {
            let advice = format!("add `key:` with what stands in {}'s {}", connection, columns.join(", "));
            self.builder.tell(node, "mapping.missing_parameter", "`from` needs a `key`".into(), advice);
            return None;
        };
        let parts: Vec<&Node> = if key.elements().is_empty() { vec![key] } else { key.elements().iter().collect() };
        if parts.len() != columns.len() {
            let message = format!("the key of `{connection}` has {} columns: {}", columns.len(), columns.join(", "));
            self.builder.tell(key, "mapping.key_length", message, "give one template for each, in this order".into());
        }
        let key = parts.into_iter().map(|part| self.builder.template(part, roots)).collect::<Option<Vec<_>>>()?;
        Some(CustomerExpr::From { connection, key })
    }

    fn items_from(&mut self, name: &str, block: &Node) -> Option<String> {
        let node = block.get("items_from")?;
        let connection = node.text().unwrap_or_default().to_owned();
        let names: Vec<&str> = self.around.keys.keys().map(String::as_str).filter(|other| *other != name).collect();
        if !names.contains(&connection.as_str()) {
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
        let ways = ["amount", "unit_amount_decimal", "pricing", "price_data"];
        if !ways.iter().any(|way| block.get(way).is_some()) {
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

    fn limits(&mut self) -> Limits {
        let Some(node) = self.node.get("limits") else { return Limits::default() };
        let new_rows = node.get("new_rows").and_then(Node::text).and_then(|text| text.parse().ok());
        let mut amount = BTreeMap::new();
        for (key, value) in node.get("amount").map(Node::entries).unwrap_or_default() {
            let code = key.text.to_lowercase();
            let major = value.text().and_then(|text| text.parse().ok()).unwrap_or_default();
            match to_minor(&Money { amount: major, currency: code.clone() }, self.builder.currencies) {
                Ok(minor) => drop(amount.insert(code, minor)),
                Err(problem) => {
                    let advice = problem.advice.unwrap_or_default();
                    self.builder.tell(key.at, "config.limit_amount", problem.message, advice);
                }
            }
        }
        Limits { new_rows, amount }
    }

    fn write_back(&mut self) -> WriteBack {
        let mut columns: Vec<(WriteBackField, String)> = Vec::new();
        let fields = [
            ("status", WriteBackField::Status),
            ("stripe_id", WriteBackField::StripeId),
            ("invoice_url", WriteBackField::InvoiceUrl),
            ("problem", WriteBackField::Problem),
        ];
        let Some(node) = self.node.get("write_back") else { return WriteBack::default() };
        for (key, value) in node.entries() {
            let (Some((_, field)), Some(header)) = (fields.iter().find(|(name, _)| *name == key.text), value.text())
            else {
                continue;
            };
            let is_read = self.builder.columns.iter().any(|column| column.header == header);
            if is_read || columns.iter().any(|(_, other)| other == header) {
                let message = format!("the column \"{header}\" would be written twice, or is read as well");
                self.builder.tell(value, "config.write_back", message, "name a column that nothing else uses".into());
            }
            columns.push((*field, header.to_owned()));
        }
        WriteBack { columns }
    }

    fn tests(&mut self) -> Vec<MappingTest> {
        let tests = self.node.get("tests").map(Node::elements).unwrap_or_default();
        tests.iter().filter_map(|node| self.test(node)).collect()
    }

    fn test(&mut self, node: &Node) -> Option<MappingTest> {
        let rows: Vec<&Node> = match node.get("row") {
            Some(row) => vec![row],
            None => node.get("rows")?.elements().iter().collect(),
        };
        let cells = |row: &Node| {
            let cells = row
                .entries()
                .iter()
                .map(|(key, value)| (key.text.clone(), value.text().unwrap_or_default().to_owned()));
            cells.collect::<Vec<_>>()
        };
        let expect = node.get("expect")?;
        let expect = match (expect.text(), expect.get("problem").and_then(Node::text)) {
            (Some("skipped"), _) => Expect::Skipped,
            (_, Some(code)) => Expect::Problem(code.to_owned()),
            _ => Expect::Params(plain(expect)),
        };
        let line = self.builder.file.position(node.at.start).0;
        Some(MappingTest {
            name: node.get("name")?.text()?.to_owned(),
            rows: rows.into_iter().map(cells).collect(),
            expect,
            line,
        })
    }
}
