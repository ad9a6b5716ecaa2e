//! Settles one row: a customer or an invoice item.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rowbill_connector::{Call, Param, Problem};
use tokio::sync::OwnedMutexGuard;

use super::amounts::{amount_of, amount_sent, billed, differs, field_sent};
use super::customer::{Customers, NoCustomer, with_op};
use super::differences::{differences, emptied};
use super::drive::{Driven, Driver, Operation};
use super::engine::Engine;
use super::index::{Class, Doubles};
use super::records::object_ref;
use super::report::Fate;
use super::survey::Spooled;
use crate::config::{Action, Connection, OnChange};
use crate::ledger::{Change, OperationRecord, RowRecord, RowState};
use crate::mapping::identity::Owner;
use crate::mapping::money::Minor;
use crate::mapping::recipe::Prepared;
use crate::protocol::WhenUnsure;

/// What the target calls the update of a customer.
const UPDATE: &str = "POST /v1/customers/{customer}";

/// A row to settle.
pub struct RowTask {
    /// What the survey remembered.
    pub spooled: Spooled,
    /// Its class.
    pub class: Class,
    /// Its number.
    pub number: u32,
    /// More rows that stand behind it.
    pub followers: u64,
    /// The ledger's record, or a blank one.
    pub record: RowRecord,
    /// The ledger's operation of its first step.
    pub stored: Option<OperationRecord>,
}

impl RowTask {
    /// Its object was found by a list after the ledger had forgotten it.
    fn is_found(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.body.is_empty())
    }
}

/// How a row or group was settled.
#[derive(Debug)]
pub struct Settled {
    /// What became of it.
    pub fate: Fate,
    /// Why, unless it is done.
    pub problem: Option<Problem>,
    /// What was newly billed.
    pub amount: Option<Minor>,
}

impl Settled {
    /// Not done, and why.
    pub fn not(fate: Fate, problem: Problem) -> Self {
        Self { fate, problem: Some(problem), amount: None }
    }
}

/// Settles rows of one connection.
pub struct Rows<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// How operations are driven.
    pub driver: &'a Driver,
    /// Whom they belong to.
    pub owner: &'a Owner,
    /// Customers of this run.
    pub customers: &'a Customers<'a>,
    /// What runs share.
    pub engine: &'a Engine,
}

impl Rows<'_> {
    /// Settles one row. An error is the ledger's, and stops the run.
    pub async fn settle(&self, mut task: RowTask) -> Result<Settled, Problem> {
        match task.class {
            _ if let Action::OnInvoice(act) = self.connection.action => self.act(act, task).await,
            Class::Update => self.update(task).await,
            Class::Resume if task.record.revision_under_way() => self.update(task).await,
            _ => {
                let is_found = task.is_found() && matches!(self.connection.action, Action::CreateCustomer);
                let settled = self.create(&mut task).await?;
                if is_found && settled.fate == Fate::Done && self.connection.on_change == OnChange::Update {
                    // What the customer holds is not known any more: it is made to hold what the row says.
                    task.class = Class::Update;
                    return self.update(task).await;
                }
                self.after_resume(task, settled).await
            }
        }
    }

    async fn create(&self, task: &mut RowTask) -> Result<Settled, Problem> {
        let step = self.connection.action.name();
        let under_way = task.stored.as_ref().is_some_and(OperationRecord::is_under_way);
        let Some(prepared) = task.spooled.prepared.clone().or_else(|| under_way.then(Prepared::empty)) else {
            let problem =
                task.spooled.problem.clone().unwrap_or_else(|| Problem::new("row.skipped", "the row is left out now"));
            return Ok(Settled::not(Fate::Deferred, problem));
        };
        let _alone = self.alone(&prepared).await;
        if self.connection.match_existing
            && let Some(settled) = self.adopt_existing(task, &prepared, under_way).await?
        {
            return Ok(settled);
        }
        let mut params = prepared.params.clone();
        if under_way {
            self.customers.settle_open(prepared.about.as_ref()).await?;
        } else if let Some(name) = &prepared.about {
            match self.customers.id(name, task.record.asked_again()).await? {
                Ok(id) => drop(params.shift_insert(0, "customer".to_owned(), Param::Text(id))),
                Err(no) => return self.without_customer(task, no).await,
            }
        }
        let operation = self.operation(task, step, params);
        // Found by a list, without the bytes that made it: what the row says now is what it is compared with.
        let is_found = task.is_found();
        let sent = task.stored.as_ref().filter(|_| under_way).and_then(|stored| amount_sent(&stored.body));
        let expected = if under_way && !is_found { sent } else { amount_of(&prepared.params) };
        if !under_way || is_found {
            task.record.content = task.spooled.content;
            task.record.request = task.spooled.request;
        }
        let driven = self.driver.drive(operation, Some(&mut task.record), RowState::Done).await?;
        self.outcome(task, driven, expected.filter(|_| self.is_money())).await
    }

    fn is_money(&self) -> bool {
        matches!(self.connection.action, Action::AddInvoiceItem)
    }

    fn operation(&self, task: &RowTask, step: &str, params: IndexMap<String, Param>) -> Operation {
        let id = self.owner.operation(step, &task.spooled.key);
        let name = match self.connection.action {
            Action::AddInvoiceItem => "POST /v1/invoiceitems",
            _ => "POST /v1/customers",
        };
        let call = Call { operation: name, path: Vec::new(), params: with_op(params, &id.0) };
        Operation {
            id,
            step: step.to_owned(),
            request: self.driver.line.target.encode(&call),
            stored: task.stored.clone(),
            retry: task.record.asked_again(),
            unsure: self.connection.when_unsure.unwrap_or(WhenUnsure::Resend),
        }
    }

    async fn outcome(&self, task: &mut RowTask, driven: Driven, expected: Option<Minor>) -> Result<Settled, Problem> {
        match driven {
            Driven::Done(receipt) => match differs(&receipt, expected.as_ref()) {
                None => Ok(Settled {
                    fate: Fate::Done,
                    problem: None,
                    amount: expected.or_else(|| billed(&receipt, self.is_money())),
                }),
                Some(problem) => {
                    task.record.state = RowState::NeedsReview;
                    task.record.problem = Some(problem.clone());
                    self.driver.ledger.commit(vec![Change::Row(task.record.clone())]).await?;
                    Ok(Settled::not(Fate::NeedsReview, problem))
                }
            },
            Driven::Failed(problem) => Ok(Settled::not(Fate::Failed, problem)),
            Driven::Review(problem) => Ok(Settled::not(Fate::NeedsReview, problem)),
            Driven::Deferred(problem) => Ok(Settled::not(Fate::Deferred, problem)),
        }
    }

    /// Looking for a customer and making one is one act.
    async fn alone(&self, prepared: &Prepared) -> Option<OwnedMutexGuard<()>> {
        match prepared.params.get("email") {
            Some(Param::Text(email)) if self.connection.match_existing => {
                Some(self.driver.line.shared.persons.alone(email).await)
            }
            _ => None,
        }
    }

    /// The one customer that already has the e-mail becomes the row's; also while its own is being made, when it is
    /// somebody else's.
    async fn adopt_existing(
        &self,
        task: &mut RowTask,
        prepared: &Prepared,
        under_way: bool,
    ) -> Result<Option<Settled>, Problem> {
        let found = match (task.stored.as_ref().filter(|_| under_way), prepared.params.get("email")) {
            // It is being made with the e-mail that was sent, whatever the row says now.
            (Some(open), _) => match field_sent(&open.body, "email") {
                Some(email) => self.customers.rival(&email, open).await,
                None => return Ok(None),
            },
            (None, Some(Param::Text(email))) => self.customers.with_email_of_any(email).await?,
            (None, _) => return Ok(None),
        };
        match found {
            Ok(None) => Ok(None),
            Ok(Some(customer)) => {
                let record = &mut task.record;
                record.state = RowState::Done;
                record.problem = None;
                record.content = task.spooled.content;
                record.request = task.spooled.request;
                record.objects = vec![object_ref("create_customer", &customer)];
                self.commit(record).await?;
                Ok(Some(Settled { fate: Fate::Done, problem: None, amount: None }))
            }
            // The row stays under way: what it was sent as is not what it says now.
            Err(no) if under_way => {
                let (_, fate, problem) = no.parts();
                Ok(Some(Settled::not(fate, problem)))
            }
            Err(no) => self.without_customer(task, no).await.map(Some),
        }
    }

    async fn without_customer(&self, task: &mut RowTask, no: NoCustomer) -> Result<Settled, Problem> {
        let (state, fate, problem) = no.parts();
        // What a person has asked for is not forgotten because it has to wait.
        if state == RowState::Deferred && task.record.asked_again() {
            return Ok(Settled::not(fate, problem));
        }
        task.record.state = state;
        task.record.problem = Some(problem.clone());
        task.record.content = task.spooled.content;
        task.record.request = task.spooled.request;
        self.commit(&mut task.record).await?;
        Ok(Settled::not(fate, problem))
    }

    pub(super) async fn commit(&self, record: &mut RowRecord) -> Result<(), Problem> {
        record.run.clone_from(&self.driver.run);
        record.at = self.driver.clock.now();
        self.driver.ledger.commit(vec![Change::Row(record.clone())]).await
    }

    /// An edited customer is sent again under a revision of its own.
    async fn update(&self, mut task: RowTask) -> Result<Settled, Problem> {
        let Some(customer) = task.record.objects.iter().find(|object| object.step == "create_customer").cloned() else {
            let problem = Problem::new("row.no_object", "there is no customer to update");
            return Ok(Settled::not(Fate::NeedsReview, problem));
        };
        // Not simply the next number: a restored ledger may have forgotten that it was used, for other bytes.
        let next = (task.record.revision + 1).max(self.driver.clock.minute());
        let revision = if task.record.revision_under_way() { task.record.revision } else { next };
        let step = format!("update_customer.{revision}");
        let id = self.owner.operation(&step, &task.spooled.key);
        let stored = self.driver.ledger.operation(&id).await?;
        let mut params = task.spooled.prepared.as_ref().map(|prepared| prepared.params.clone()).unwrap_or_default();
        if task.class == Class::Update
            && let Some(kept) = self.clear(&task, &mut params).await?
        {
            return self.cannot_clear(task, &kept).await;
        }
        let call = Call { operation: UPDATE, path: vec![customer.id.clone()], params };
        let request = self.driver.line.target.encode(&call);
        let retry = task.record.asked_again();
        let operation = Operation { id, step: step.clone(), request, stored, retry, unsure: WhenUnsure::Resend };
        let before = task.record.clone();
        task.record.revision = revision;
        if task.class == Class::Update {
            task.record.members = vec![task.spooled.content, task.spooled.request];
        }
        let driven = self.driver.drive(operation, Some(&mut task.record), RowState::Done).await?;
        task.record.objects = before.objects;
        match driven {
            Driven::Done(_) => {
                if let [content, request] = task.record.members[..] {
                    task.record.content = content;
                    task.record.request = request;
                }
                task.record.members.clear();
                task.record.state = RowState::Done;
                self.commit(&mut task.record).await?;
                let settled = Settled { fate: Fate::Done, problem: None, amount: None };
                // The row may have been edited again while this update was open.
                Box::pin(self.after_resume(task, settled)).await
            }
            driven => {
                self.commit(&mut task.record).await?;
                self.outcome(&mut task, driven, None).await
            }
        }
    }

    /// Cells that were emptied since: what the target can clear is cleared; the first that it cannot is given back.
    async fn clear(&self, task: &RowTask, params: &mut IndexMap<String, Param>) -> Result<Option<String>, Problem> {
        let was_accepted = task.record.problem.as_ref().is_some_and(|problem| problem.code == "row.accepted");
        let operation = &self.engine.catalog.operations[UPDATE];
        for name in emptied(self.driver, self.owner, self.connection, task).await? {
            let (top, inner) = name.split_once('[').map_or((name.as_str(), None), |(top, rest)| (top, Some(rest)));
            let schema = operation.params.properties.get(top);
            match (inner, schema) {
                (Some(key), _) if top == "metadata" => {
                    let entry = params.entry("metadata".to_owned()).or_insert_with(|| Param::Map(IndexMap::new()));
                    if let Param::Map(metadata) = entry {
                        metadata.insert(key.trim_end_matches(']').to_owned(), Param::Text(String::new()));
                    }
                }
                (_, Some(schema)) if schema.unset && !params.contains_key(top) => {
                    params.insert(top.to_owned(), Param::Text(String::new()));
                }
                _ if was_accepted || params.get(top) == Some(&Param::Text(String::new())) => {}
                _ => return Ok(Some(name)),
            }
        }
        Ok(None)
    }

    async fn cannot_clear(&self, mut task: RowTask, name: &str) -> Result<Settled, Problem> {
        let problem =
            Problem::new("row.cannot_clear", format!("`{name}` is empty now, and Stripe cannot clear it by an update"))
                .advise("clear it in Stripe by hand, then `rowbill rows accept NAME KEY`; or fill in the cell again");
        task.record.state = RowState::NeedsReview;
        task.record.problem = Some(problem.clone());
        task.record.members = vec![task.spooled.content, task.spooled.request];
        self.commit(&mut task.record).await?;
        Ok(Settled::not(Fate::NeedsReview, problem))
    }

    /// A row that was edited while its operation was open is done as it was sent; the edit is a matter of its own.
    pub(super) async fn after_resume(&self, mut task: RowTask, settled: Settled) -> Result<Settled, Problem> {
        let is_edited = task.class == Class::Resume
            && settled.fate == Fate::Done
            && task.spooled.prepared.is_some()
            && task.spooled.request != task.record.request
            && task.spooled.content != task.record.content;
        match self.connection.on_change {
            OnChange::Update if is_edited => {
                task.class = Class::Update;
                self.update(task).await
            }
            OnChange::Review if is_edited => self.ask(task).await,
            _ => Ok(settled),
        }
    }

    /// Asks a person about an edited row, and remembers what exactly was asked.
    pub async fn ask(&self, mut task: RowTask) -> Result<Settled, Problem> {
        let difference = differences(self.driver, self.owner, self.connection, &task).await?;
        let problem = super::classify::edited_problem(&difference);
        task.record.state = RowState::NeedsReview;
        task.record.problem = Some(problem.clone());
        task.record.members = vec![task.spooled.content, task.spooled.request];
        self.commit(&mut task.record).await?;
        Ok(Settled::not(Fate::NeedsReview, problem))
    }
}

impl RowRecord {
    /// A person asked for another try.
    pub fn asked_again(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.code == "row.retry")
    }

    /// Its object exists, and an update of it was left open.
    fn revision_under_way(&self) -> bool {
        self.state == RowState::Sending
            && self.objects.iter().any(|object| object.step == "create_customer")
            && self.revision > 0
    }
}

/// The problem of a group in two currencies.
pub fn mixed(currencies: &BTreeSet<String>) -> Problem {
    let codes: Vec<String> = currencies.iter().map(|code| code.to_uppercase()).collect();
    let message = format!("the rows of this group are in several currencies: {}", codes.join(", "));
    Problem::new("row.mixed_currencies", message).advise("put the currency's column into group_by")
}

/// The problem of a row whose key others have as well.
pub fn same_key(number: u32, doubles: &Doubles) -> Option<Problem> {
    let (first, count) = &doubles.keys[*doubles.failed.get(&number)?];
    let others: Vec<String> = first.iter().filter(|other| **other != number).map(u32::to_string).collect();
    let more = count - 1 - others.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("row {number} has the same key as row {}{more}", others.join(", "));
    Some(
        Problem::new("row.same_key", message).advise(
            "remove the rows that are too many, add a column to `key:`, or say `duplicates: first | last | same`",
        ),
    )
}
