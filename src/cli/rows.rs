//! `rowbill rows`: rows that the ledger knows, and what a person decides about them.

use std::collections::HashMap;

use rowbill_connector::{OperationId, Problem, Receipt, SendError};
use serde_json::{Value, json};

use super::args::{RowsArgs, RowsCommand};
use super::context::{Context, Problems, owner};
use super::screen::{bold, dim, harmless};
use super::{exit, run_now};
use crate::config::{Action, Connection, Project};
use crate::connectors;
use crate::ledger::{Change, Ledger, OperationRecord, RowFilter, RowId, RowRecord, RowState};
use crate::mapping::binding::normal;
use crate::mapping::identity::row_id;
use crate::mapping::time;
use crate::protocol::State;
use crate::run::{Clock, amount_sent, asked_about, item_step};

pub async fn rows(context: &Context, args: RowsArgs) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let Some(command) = args.command else {
        let name = args.name.unwrap_or_default();
        let connection = project.connection(&name).map_err(one)?;
        let key = run_now::key(args.key.as_deref())?;
        return list(context, &project, connection, key, args.failed, args.limit).await.map_err(one);
    };
    let (name, key) = match &command {
        RowsCommand::Retry { name, key }
        | RowsCommand::Skip { name, key }
        | RowsCommand::Accept { name, key }
        | RowsCommand::Resolve { name, key, .. } => (name.clone(), key.clone()),
    };
    let connection = project.connection(&name).map_err(one)?;
    let key = run_now::key(Some(&key))?.unwrap_or_default();
    let ledger = context.ledger_to_write(&project).await.map_err(one)?;
    let row = find(&*ledger, connection, &key).await.map_err(one)?;
    let decision = Decision { context, project: &project, connection, ledger: &*ledger, row };
    decision.take(&command).await.map_err(one)?;
    Ok(exit::OK)
}

async fn list(
    context: &Context,
    project: &Project,
    connection: &Connection,
    key: Option<Vec<String>>,
    failed: bool,
    limit: u32,
) -> Result<u8, Problem> {
    let ledger = context.ledger_to_read(project).await?;
    let rows = match (&ledger, key) {
        (None, _) => Vec::new(),
        (Some(ledger), Some(key)) => vec![find(&**ledger, connection, &key).await?],
        (Some(ledger), None) => {
            let states = if failed {
                vec![RowState::Failed, RowState::NeedsReview, RowState::Deferred, RowState::Sending]
            } else {
                Vec::new()
            };
            ledger.list_rows(&connection.name, &RowFilter { states, after: None, limit }).await?
        }
    };
    let values: Vec<Value> = rows.iter().map(value).collect();
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "connection": connection.name, "rows": values }));
        return Ok(exit::OK);
    }
    for row in &rows {
        let mut objects: Vec<&str> = row.objects.iter().map(|object| object.id.as_str()).collect();
        objects.dedup();
        let key = harmless(&row.key.join(","));
        context.screen.line(format!(
            "  {}  {:12} {}  {}",
            bold(&key),
            word(row.state),
            objects.join(" "),
            dim(&time::display(row.at))
        ));
        if let Some(problem) = &row.problem {
            context.screen.line(format!("      {}", harmless(&problem.message)));
        }
    }
    Ok(exit::OK)
}

fn value(row: &RowRecord) -> Value {
    json!({
        "key": row.key, "state": word(row.state), "objects": row.objects, "payment": Value::Null, "problem": row.problem,
        "invoice": row.bound, "run": row.run, "at": time::display(row.at),
    })
}

/// The words of the equation; an open operation waits.
fn word(state: RowState) -> &'static str {
    match state {
        RowState::Done => "done",
        RowState::There => "already_there",
        RowState::Failed => "failed",
        RowState::NeedsReview => "needs_review",
        RowState::Deferred | RowState::Sending => "deferred",
        RowState::Skipped => "skipped",
    }
}

async fn find(ledger: &dyn Ledger, connection: &Connection, key: &[String]) -> Result<RowRecord, Problem> {
    let columns = connection.action.invoice().map_or(&connection.recipe.key, |invoice| &invoice.group_by);
    let key: Vec<String> = key
        .iter()
        .zip(columns)
        .map(|(text, name)| {
            let column = connection.recipe.columns.iter().find(|column| column.name == *name);
            let text = crate::mapping::column::clean(text);
            column.map_or(text.clone(), |column| normal(text, &column.kind))
        })
        .collect();
    let row = ledger.rows(&connection.name, &[RowId(row_id(&key))]).await?.pop().flatten();
    row.ok_or_else(|| {
        Problem::new("config.key", format!("the ledger knows no row {} of {}", key.join(","), connection.name))
            .advise("see `rowbill rows`; a key of several columns is one CSV record")
    })
}

struct Decision<'a> {
    context: &'a Context,
    project: &'a Project,
    connection: &'a Connection,
    ledger: &'a dyn Ledger,
    row: RowRecord,
}

impl Decision<'_> {
    async fn take(mut self, command: &RowsCommand) -> Result<(), Problem> {
        match command {
            RowsCommand::Retry { .. } => self.retry().await,
            RowsCommand::Skip { .. } => self.skip().await,
            RowsCommand::Accept { .. } => self.accept().await,
            RowsCommand::Resolve { stripe_id: Some(id), .. } => self.resolve(id).await,
            RowsCommand::Resolve { .. } => {
                if !self.has_problem("row.unsure") {
                    let problem =
                        Problem::new("rows.nothing_to_resolve", "no operation of this row waits for a decision");
                    return Err(problem.advise("see `rowbill rows`"));
                }
                self.again().await
            }
        }
    }

    async fn retry(&mut self) -> Result<(), Problem> {
        self.needs_state(
            &[RowState::Failed, RowState::NeedsReview, RowState::Deferred, RowState::Skipped],
            "tried again",
        )?;
        if self.has_problem("row.joined_after_invoice") {
            let problem = Problem::new("rows.state", "the invoice of this group is made; it is not made again");
            return Err(problem.advise("undo the edit, or take it: rowbill rows accept NAME KEY"));
        }
        if self.has_problem("row.unsure") {
            let problem = Problem::new("rows.unsure", "only a look into Stripe tells whether this was made");
            return Err(
                problem.advise("`rowbill rows resolve NAME KEY --stripe-id ID`, or `--none` if it is not there")
            );
        }
        self.again().await
    }

    async fn again(&mut self) -> Result<(), Problem> {
        let is_done = !self.row.objects.is_empty() && !matches!(self.connection.action, Action::CreateInvoice(_));
        self.row.state = if is_done { RowState::Done } else { RowState::Failed };
        self.row.problem = Some(Problem::new("row.retry", "it is tried again by the next run"));
        self.save(&format!("it is tried again by the next run: rowbill run-now {}", self.connection.name), Vec::new())
            .await
    }

    async fn skip(&mut self) -> Result<(), Problem> {
        self.needs_state(&[RowState::Failed, RowState::NeedsReview, RowState::Deferred], "skipped")?;
        self.row.state = RowState::Skipped;
        self.row.problem = Some(Problem::new("row.skipped_by_person", "a person said to leave it out"));
        self.save("it is left out from now on", Vec::new()).await
    }

    /// Takes exactly the edit that was put to the person.
    async fn accept(&mut self) -> Result<(), Problem> {
        if self.has_problem("row.check_amount") {
            return self.settle("the object is taken as it is in Stripe").await;
        }
        let nothing = || {
            Problem::new("rows.nothing_to_accept", "no edit of this row waits for a decision")
                .advise("see `rowbill rows`")
        };
        if matches!(self.connection.action, Action::CreateInvoice(_)) {
            self.row.members = asked_about(&self.row.members).ok_or_else(nothing)?.to_vec();
            return self
                .settle("the rows are taken as they are now; the invoice stays as it is, and the rest is not billed")
                .await;
        }
        let [content, request] = self.row.members[..] else { return Err(nothing()) };
        if matches!(self.connection.action, Action::CreateCustomer) {
            self.row.problem = Some(Problem::new("row.accepted", "the edit was accepted; the next run sends it"));
            return self.save("the next run updates the customer", Vec::new()).await;
        }
        self.row.content = content;
        self.row.request = request;
        self.row.members.clear();
        self.settle("the edit is accepted; what Stripe has stays as it is").await
    }

    async fn settle(&mut self, told: &str) -> Result<(), Problem> {
        self.row.state = if self.row.objects.is_empty() { RowState::There } else { RowState::Done };
        self.row.problem = None;
        self.save(told, Vec::new()).await
    }

    fn has_problem(&self, code: &str) -> bool {
        self.row.problem.as_ref().is_some_and(|problem| problem.code == code)
    }

    /// The person found the object: the open operation is done with it.
    async fn resolve(&mut self, id: &str) -> Result<(), Problem> {
        self.needs_state(&[RowState::NeedsReview], "resolved")?;
        let open = self.open_operation().await?;
        let account = self
            .project
            .settings
            .accounts
            .get(&self.connection.account)
            .ok_or_else(|| Problem::new("config.unknown_account", "there is no such account"))?;
        let receipt = connectors::target(account)?.get(id).await.map_err(|error| match error {
            SendError::Refused(problem) => problem.advise("check the id, and that it is of this account and mode"),
            other => other.problem().clone(),
        })?;
        fits(&open, &receipt)?;
        let was = open.state.clone();
        let now = OperationRecord { state: State::Done { object: receipt.id.clone() }, problem: None, ..open };
        let object = crate::ledger::ObjectRef {
            step: now.step.clone(),
            id: receipt.id.clone(),
            amount: receipt.amount,
            currency: receipt.currency.clone(),
            url: receipt.url.clone(),
        };
        self.row.objects.retain(|other| other.step != object.step);
        self.row.objects.push(object);
        let is_group = matches!(self.connection.action, Action::CreateInvoice(_));
        self.row.state = if is_group { RowState::Sending } else { RowState::Done };
        self.row.problem = None;
        self.save(&format!("{id} is this row's"), vec![Change::Operation { was, now }]).await
    }

    async fn open_operation(&self) -> Result<OperationRecord, Problem> {
        let owner = owner(self.project, self.connection);
        let mut steps: Vec<String> =
            ["create_customer", "add_invoice_item", "create_invoice", "add_lines", "finalize", "send"]
                .map(str::to_owned)
                .to_vec();
        let mut seen = HashMap::new();
        for member in &self.row.members {
            let nth: &mut u32 = seen.entry(*member).or_default();
            *nth += 1;
            steps.push(item_step(member, *nth));
        }
        let ids: Vec<OperationId> = steps.iter().map(|step| owner.operation(step, &self.row.key)).collect();
        let stored = self.ledger.operations(&ids).await?;
        stored.into_iter().flatten().find(|stored| matches!(stored.state, State::Review { .. })).ok_or_else(|| {
            Problem::new("rows.nothing_to_resolve", "no operation of this row waits for a decision")
                .advise("see `rowbill rows`")
        })
    }

    fn needs_state(&self, states: &[RowState], what: &str) -> Result<(), Problem> {
        if states.contains(&self.row.state) {
            return Ok(());
        }
        let message = format!("this row is {}: it cannot be {what}", word(self.row.state));
        Err(Problem::new("rows.state", message).advise("see `rowbill rows`"))
    }

    async fn save(&mut self, told: &str, mut changes: Vec<Change>) -> Result<(), Problem> {
        self.row.at = Clock::default().now();
        changes.push(Change::Row(self.row.clone()));
        self.ledger.commit(changes).await?;
        if self.context.screen.is_json() {
            self.context
                .screen
                .json(&json!({ "v": 1, "connection": self.connection.name, "rows": [value(&self.row)] }));
        } else {
            self.context.screen.line(format!("{}: {told}", harmless(&self.row.key.join(","))));
        }
        Ok(())
    }
}

/// Whether an object can be what an operation made: its kind, its mark, its amount.
fn fits(open: &OperationRecord, receipt: &Receipt) -> Result<(), Problem> {
    let wrong = |what: String| {
        let message = format!("{} is not what this row was sent as: {what}", receipt.id);
        Err(Problem::new("rows.other_object", message).advise("check the id in Stripe; nothing was changed"))
    };
    let kind = match open.operation.as_str() {
        "POST /v1/customers" => "customer",
        "POST /v1/invoiceitems" => "invoiceitem",
        _ => "invoice",
    };
    if receipt.object != kind {
        return wrong(format!("it is of the kind {}, not {kind}", receipt.object));
    }
    if let Some(op) = receipt.op.as_ref().filter(|op| kind != "invoice" && **op != open.id) {
        return wrong(format!("it carries the mark of another operation ({})", op.0));
    }
    match (amount_sent(&open.body), receipt.amount) {
        (Some(sent), Some(amount)) if kind == "invoiceitem" && sent.amount != amount => {
            wrong(format!("it is over {amount}, not {} (in minor units)", sent.amount))
        }
        _ => Ok(()),
    }
}
