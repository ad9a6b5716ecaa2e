//! `rowbill send-test`: one row to a test account, outside the ledger.

use futures::StreamExt;
use indexmap::IndexMap;
use rowbill_connector::{Call, Filter, IdempotencyKey, Param, Problem, Receipt, SendError, Target};
use serde_json::json;

use super::context::{Context, Problems};
use super::screen::{dim, good, harmless};
use super::{exit, run_now};
use crate::config::{Action, Connection, Finish, Project};
use crate::connectors;
use crate::mapping::binding::Binding;
use crate::mapping::object::ObjectName;
use crate::mapping::params::Surroundings;
use crate::mapping::recipe::Prepared;
use crate::mapping::row::Outcome;

pub async fn send_test(context: &Context, name: &str, row: Option<&str>, cleanup: bool) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let connection = project.connection(name).map_err(one)?;
    let account = project.settings.accounts.get(&connection.account);
    let account = account.ok_or_else(|| one(Problem::new("config.unknown_account", "there is no such account")))?;
    if account.live {
        let problem = Problem::new(
            "guard.live_test",
            format!("account `{}` is LIVE: send-test is for test accounts", account.name),
        );
        return Err(one(problem.advise("name a test account in the mapping, or look with `rowbill preview`")));
    }
    if let Action::OnInvoice(act) = connection.action {
        let message = format!("{} is done to invoices that are there, and send-test makes its own", act.name());
        let problem = Problem::new("send_test.no_invoice", message);
        return Err(one(problem.advise("look with `rowbill preview`, then send one row: run-now NAME --only KEY")));
    }
    let target = connectors::target(account).map_err(one)?;
    let (row, head) = one_row(&project, connection, row).await?;
    let mut test = Test { target: &*target, made: Vec::new() };
    let sent = test.send(context, &project, connection, row, head).await;
    if cleanup {
        test.clean_up(context).await;
    }
    let objects: Vec<_> = test
        .made
        .iter()
        .map(|(step, receipt)| json!({ "step": step, "id": receipt.id, "url": target.link(&receipt.id) }))
        .collect();
    sent.map_err(|error| one(error.problem().clone()))?;
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "objects": objects, "cleaned_up": cleanup }));
    } else {
        for (step, receipt) in &test.made {
            context.screen.line(format!(
                "  {} {step:18} {}  {}",
                good("✔"),
                harmless(&receipt.id),
                dim(&target.link(&receipt.id))
            ));
        }
        let told = if cleanup {
            "made and deleted again"
        } else {
            "test objects, with rowbill_test in their metadata; --cleanup deletes them"
        };
        context.screen.say(told);
    }
    Ok(exit::OK)
}

/// The row to send, mapped; the first that can be sent unless a key names it.
async fn one_row(
    project: &Project,
    connection: &Connection,
    key: Option<&str>,
) -> Result<(Prepared, Option<Prepared>), Problems> {
    let one = |problem| vec![problem];
    let source =
        connectors::source(connection, project.settings.google.as_ref(), std::time::Duration::ZERO).map_err(one)?;
    let mut reading = source.read().await.map_err(one)?;
    let binding = Binding::new(&connection.recipe, &reading.header, &project.settings.zone)?;
    let around = Surroundings { currencies: &connectors::catalog().currencies, zone: &project.settings.zone };
    let wanted = run_now::key(key)?.map(|key| binding.typed_key(&key));
    // An invoice of items is tried with a line of its own, made by the rules of the items' connection.
    let items = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref());
    let recipe = match items {
        Some(items) => &project.connection(items).map_err(one)?.recipe,
        None => &connection.recipe,
    };
    let lines = Binding::new(recipe, &reading.header, &project.settings.zone)?;
    while let Some(batch) = reading.batches.next().await {
        for row in batch.map_err(one)? {
            let mapped = lines.map(recipe, &row, &around);
            let group = connection.action.invoice().map(|invoice| binding.group_key(&row, &invoice.group_by).0);
            if wanted.as_ref().is_some_and(|wanted| *wanted != group.unwrap_or(mapped.key)) {
                continue;
            }
            match mapped.outcome {
                Outcome::Ready(prepared) => {
                    let head = connection
                        .action
                        .invoice()
                        .map(|invoice| binding.head(&invoice.customer, &invoice.block, &row, &around));
                    return Ok((prepared, head.transpose().map_err(one)?));
                }
                Outcome::Failed(problem) if wanted.is_some() => return Err(one(problem)),
                _ => {}
            }
        }
    }
    Err(one(Problem::new("config.key", "there is no such row that can be sent").advise("see `rowbill preview`")))
}

struct Test<'a> {
    target: &'a dyn Target,
    made: Vec<(String, Receipt)>,
}

impl Test<'_> {
    async fn send(
        &mut self,
        context: &Context,
        project: &Project,
        connection: &Connection,
        row: Prepared,
        head: Option<Prepared>,
    ) -> Result<(), SendError> {
        match &connection.action {
            Action::CreateCustomer => {
                self.post("create_customer", "POST /v1/customers", &[], marked(row.params)).await.map(drop)
            }
            Action::AddInvoiceItem => {
                let customer = self.customer(context, project, row.about).await?;
                let params = with(row.params, "customer", customer);
                self.post("add_invoice_item", "POST /v1/invoiceitems", &[], marked(params)).await.map(drop)
            }
            Action::CreateInvoice(invoice) => {
                let head = head.unwrap_or_else(Prepared::empty);
                let customer = self.customer(context, project, head.about).await?;
                let mut params = with(head.params, "customer", customer.clone());
                params.insert("pending_invoice_items_behavior".into(), Param::Text("exclude".into()));
                params.insert("auto_advance".into(), Param::Bool(false));
                if let Some(currency) = row.params.get("currency") {
                    params.entry("currency".to_owned()).or_insert_with(|| currency.clone());
                }
                let draft = self.post("create_invoice", "POST /v1/invoices", &[], marked(params)).await?;
                let item = with(with(row.params, "customer", customer), "invoice", draft.id.clone());
                self.post("item", "POST /v1/invoiceitems", &[], marked(item)).await?;
                let path = [draft.id];
                if invoice.finish >= Finish::Finalize {
                    self.post("finalize", "POST /v1/invoices/{invoice}/finalize", &path, IndexMap::new()).await?;
                }
                if invoice.finish >= Finish::Send {
                    self.post("send", "POST /v1/invoices/{invoice}/send", &path, IndexMap::new()).await?;
                }
                Ok(())
            }
            // Refused before.
            Action::OnInvoice(_) => Ok(()),
        }
    }

    async fn post(
        &mut self,
        step: &str,
        operation: &'static str,
        path: &[String],
        params: IndexMap<String, Param>,
    ) -> Result<Receipt, SendError> {
        let request = self.target.encode(&Call { operation, path: path.to_vec(), params });
        let key = IdempotencyKey(format!("rowbill-test-{}", ulid::Ulid::generate()));
        self.target.ready(operation).await;
        let receipt = self.target.send(&request, &key).await?;
        if !self.made.iter().any(|(_, made)| made.id == receipt.id) {
            self.made.push((step.to_owned(), receipt.clone()));
        }
        Ok(receipt)
    }

    /// The customer that is named, or a test customer in its place.
    async fn customer(
        &mut self,
        context: &Context,
        project: &Project,
        name: Option<ObjectName>,
    ) -> Result<String, SendError> {
        let mut email = None;
        match name {
            Some(ObjectName::Id(id)) => return Ok(id),
            Some(ObjectName::ByEmail { email: named, .. }) => {
                let filter = Filter { email: Some(named.clone()), at_most: Some(1), ..Filter::default() };
                if let Some(found) = self.target.list("customer", &filter).await?.pop() {
                    return Ok(found.id);
                }
                email = Some(named);
            }
            Some(ObjectName::From { connection, key }) => {
                let ledger = context.ledger_to_read(project).await.map_err(SendError::Halt)?;
                if let Some(ledger) = ledger {
                    let id = crate::ledger::RowId(crate::mapping::identity::row_id(&key));
                    let row = ledger.row(&connection, id).await.map_err(SendError::Halt)?;
                    if let Some(object) = row.and_then(|row| row.objects.into_iter().next()) {
                        return Ok(object.id);
                    }
                }
            }
            None => {}
        }
        let mut params =
            IndexMap::from([("description".to_owned(), Param::Text("made by rowbill send-test".to_owned()))]);
        params.extend(email.map(|email| ("email".to_owned(), Param::Text(email))));
        self.post("customer", "POST /v1/customers", &[], marked(params)).await.map(|receipt| receipt.id)
    }

    /// Deletes what was made, last first; an invoice that is finalized can only be voided.
    async fn clean_up(&mut self, context: &Context) {
        for index in (0..self.made.len()).rev() {
            let id = self.made[index].1.id.clone();
            let is_open = self.made.iter().any(|(step, _)| step == "create_invoice")
                && id.starts_with("in_")
                && self.target.get(&id).await.is_ok_and(|receipt| receipt.status.as_deref() != Some("draft"));
            let on_invoice =
                id.starts_with("ii_") && self.made.iter().any(|(_, receipt)| receipt.id.starts_with("in_"));
            let done = if is_open {
                let request = self.target.encode(&Call {
                    operation: "POST /v1/invoices/{invoice}/void",
                    path: vec![id.clone()],
                    params: IndexMap::new(),
                });
                let key = IdempotencyKey(format!("rowbill-test-{}", ulid::Ulid::generate()));
                self.target.send(&request, &key).await.map(drop)
            } else if on_invoice {
                Ok(())
            } else {
                self.target.delete(&id).await
            };
            if let Err(error) = done {
                context.screen.say(harmless(&format!("{id} stays: {}", error.problem().message)));
            }
        }
    }
}

/// Marks an object as a test: no ledger will ever take it for a row's.
fn marked(mut params: IndexMap<String, Param>) -> IndexMap<String, Param> {
    let metadata = params.entry("metadata".to_owned()).or_insert_with(|| Param::Map(IndexMap::new()));
    if let Param::Map(metadata) = metadata {
        metadata.insert("rowbill_test".to_owned(), Param::Text("send-test".to_owned()));
    }
    params
}

fn with(mut params: IndexMap<String, Param>, name: &str, value: String) -> IndexMap<String, Param> {
    params.shift_insert(0, name.to_owned(), Param::Text(value));
    params
}
