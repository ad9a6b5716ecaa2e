//! From the way a customer is named to its id.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use indexmap::IndexMap;
use rowbill_connector::{Call, Filter, OperationId, Param, Problem, Receipt, SendError};

use super::drive::{Driven, Driver, Operation};
use super::report::Fate;
use crate::config::Project;
use crate::ledger::{OperationRecord, RowId, RowState};
use crate::mapping::binding::normal;
use crate::mapping::identity::{Owner, row_id};
use crate::mapping::object::ObjectName;
use crate::protocol::{IN_FLIGHT, State, WhenUnsure};

/// Customers of one run.
pub struct Customers<'a> {
    /// How operations are driven.
    pub driver: &'a Driver,
    /// Whom they belong to.
    pub owner: &'a Owner,
    /// The configuration, for the keys of other connections.
    pub project: &'a Project,
    known: Mutex<HashMap<String, String>>,
}

/// Why there is no id.
pub enum NoCustomer {
    /// A person must change something.
    Failed(Problem),
    /// A person must decide.
    Review(Problem),
    /// Later.
    Deferred(Problem),
}

impl NoCustomer {
    /// What it means for the row that named the customer.
    pub fn parts(self) -> (RowState, Fate, Problem) {
        match self {
            Self::Failed(problem) => (RowState::Failed, Fate::Failed, problem),
            Self::Review(problem) => (RowState::NeedsReview, Fate::NeedsReview, problem),
            Self::Deferred(problem) => (RowState::Deferred, Fate::Deferred, problem),
        }
    }
}

impl<'a> Customers<'a> {
    /// None known yet.
    pub fn new(driver: &'a Driver, owner: &'a Owner, project: &'a Project) -> Self {
        Self { driver, owner, project, known: Mutex::default() }
    }

    /// The id of a customer. `retry` tries again what was refused.
    pub async fn id(&self, name: &ObjectName, retry: bool) -> Result<Result<String, NoCustomer>, Problem> {
        match name {
            ObjectName::Id(id) => Ok(Ok(id.clone())),
            ObjectName::From { connection, key } => self.of_row(connection, key).await,
            ObjectName::ByEmail { email, create } => {
                let _alone = if *create { Some(self.driver.line.shared.persons.alone(email).await) } else { None };
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(email).cloned();
                if let Some(id) = known {
                    return Ok(Ok(id));
                }
                let found = self.by_email(email, *create, retry).await?;
                if let Ok(id) = &found {
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(email.clone(), id.clone());
                }
                Ok(found)
            }
        }
    }

    /// What another connection made of a row, out of the ledger.
    async fn of_row(&self, connection: &str, key: &[String]) -> Result<Result<String, NoCustomer>, Problem> {
        let id = RowId(row_id(&self.compared(connection, key)));
        let row = self.driver.ledger.row(connection, id).await?;
        let object = row.and_then(|row| row.objects.into_iter().find(|object| object.step == "create_customer"));
        Ok(object.map(|object| object.id).ok_or_else(|| {
            let message = format!("`{connection}` has made no customer for {} yet", key.join(", "));
            let advice = format!("it is taken up again by itself once `{connection}` has made it");
            NoCustomer::Deferred(Problem::new("row.customer_not_yet", message).advise(advice))
        }))
    }

    async fn by_email(&self, email: &str, create: bool, retry: bool) -> Result<Result<String, NoCustomer>, Problem> {
        if let Some(open) = if create { self.under_way(email).await? } else { None } {
            return match self.rival(email, &open).await {
                Err(no) => Ok(Err(no)),
                Ok(Some(customer)) => Ok(Ok(customer.id)),
                Ok(None) => self.create(email, retry).await,
            };
        }
        match self.with_email_of_any(email).await? {
            Err(no) => Ok(Err(no)),
            Ok(Some(customer)) => Ok(Ok(customer.id)),
            Ok(None) if create => self.create(email, retry).await,
            Ok(None) => {
                let message = format!("there is no customer with the e-mail {email}");
                let advice = "make the customer first, or say `if_missing: create`; then run again";
                Ok(Err(NoCustomer::Failed(Problem::new("row.customer_missing", message).advise(advice))))
            }
        }
    }

    /// A customer that somebody else has made while the making of ours is open: sending ours again would make a second
    /// one with the same e-mail. It becomes the row's once nothing of ours can be in flight any more.
    pub async fn rival(&self, email: &str, open: &OperationRecord) -> Result<Option<Receipt>, NoCustomer> {
        let State::Intent(intent) = &open.state else { return Ok(None) };
        let found = self.with_email(email).await?.filter(|customer| customer.op.as_ref() != Some(&open.id));
        let age = self.driver.now() - intent.last_sent;
        if found.is_some() && age.abs() < IN_FLIGHT {
            let message = "a customer with this e-mail was made meanwhile, and our own may still be on its way";
            return Err(NoCustomer::Deferred(Problem::new("run.waiting", message)));
        }
        Ok(found)
    }

    /// As [`Self::with_email`], once no other connection's customer with this e-mail can be on its way.
    pub async fn with_email_of_any(&self, email: &str) -> Result<Result<Option<Receipt>, NoCustomer>, Problem> {
        let step = [email.to_lowercase()];
        let account = &self.project.connection(&self.driver.connection)?.account;
        let others = self
            .project
            .connections
            .iter()
            .filter(|other| other.account == *account && other.name != self.driver.connection);
        let ids: Vec<OperationId> =
            others.map(|other| self.project.owner(other).operation("customer", &step)).collect();
        let is_on_its_way = |stored: &OperationRecord| match &stored.state {
            State::Intent(intent) => (self.driver.now() - intent.last_sent).abs() < IN_FLIGHT,
            _ => false,
        };
        let stored = self.driver.ledger.operations(&ids).await?;
        if let Some(open) = stored.into_iter().flatten().find(is_on_its_way) {
            let message =
                format!("`{}` is making a customer with this e-mail, and its answer is missing", open.connection);
            return Ok(Err(NoCustomer::Deferred(Problem::new("run.waiting", message))));
        }
        Ok(self.with_email(email).await)
    }

    /// The one customer with an e-mail; several are a person's decision. Stripe compares e-mails with regard to case
    /// (docs.stripe.com/api/customers/list), so the lower-case form is asked for as well.
    pub async fn with_email(&self, email: &str) -> Result<Option<Receipt>, NoCustomer> {
        let mut found: Vec<Receipt> = Vec::new();
        let lower = email.to_lowercase();
        for form in std::iter::once(email).chain((lower != email).then_some(lower.as_str())) {
            let filter = Filter { email: Some(form.to_owned()), at_most: Some(3), ..Filter::default() };
            let customers =
                self.driver.line.target.list("customer", &filter).await.map_err(|error| self.unanswered(&error))?;
            for customer in customers.into_iter().filter(|customer| customer.status.as_deref() != Some("deleted")) {
                if !found.iter().any(|other| other.id == customer.id) {
                    found.push(customer);
                }
            }
        }
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().map(|customer| customer.id.as_str()).collect();
            let message = format!("several customers have the e-mail {email}: {}", ids.join(", "));
            let advice = "keep one of them in Stripe, or name the customer by its id; then run again";
            return Err(NoCustomer::Review(Problem::new("row.customer_ambiguous", message).advise(advice)));
        }
        Ok(found.pop())
    }

    /// A key as the other connection compares it: e-mails without regard to case.
    pub fn compared(&self, connection: &str, key: &[String]) -> Vec<String> {
        let Ok(other) = self.project.connection(connection) else { return key.to_vec() };
        let kind =
            |name: &String| other.recipe.columns.iter().find(|column| column.name == *name).map(|column| &column.kind);
        let names = other.action.invoice().map_or(&other.recipe.key, |invoice| &invoice.group_by);
        let parts = key.iter().zip(names);
        parts.map(|(text, name)| kind(name).map_or(text.clone(), |kind| normal(text.clone(), kind))).collect()
    }

    /// The making of this customer, where an earlier run left it open.
    async fn under_way(&self, email: &str) -> Result<Option<OperationRecord>, Problem> {
        let id = self.owner.operation("customer", &[email.to_lowercase()]);
        let stored = self.driver.ledger.operation(&id).await?;
        Ok(stored.filter(OperationRecord::is_open))
    }

    /// What is made for a customer may be known while the making of the customer itself is still open: a backup was taken
    /// in between. That is settled too, so that the ledger holds all that was made.
    pub async fn settle_open(&self, name: Option<&ObjectName>) -> Result<(), Problem> {
        let Some(ObjectName::ByEmail { email, create: true }) = name else { return Ok(()) };
        let _alone = self.driver.line.shared.persons.alone(email).await;
        let Some(open) = self.under_way(email).await? else { return Ok(()) };
        if let Ok(None) = self.rival(email, &open).await {
            self.driver.drive(Operation::resumed(open), None, RowState::Done).await?;
        }
        Ok(())
    }

    /// An operation of its own, so that it happens once.
    async fn create(&self, email: &str, retry: bool) -> Result<Result<String, NoCustomer>, Problem> {
        let id = self.owner.operation("customer", &[email.to_lowercase()]);
        let mut params = IndexMap::new();
        params.insert("email".to_owned(), Param::Text(email.to_owned()));
        let request = self.driver.line.target.encode(&Call {
            operation: "POST /v1/customers",
            path: Vec::new(),
            params: with_op(params, &id.0),
        });
        let mut stored = self.driver.ledger.operation(&id).await?;
        let mut retry = retry;
        if let Some(known) = stored.clone().filter(OperationRecord::is_done)
            && self.is_gone(&known).await
        {
            stored = Some(self.driver.forget(known).await?);
            retry = true;
        }
        // What is not found is not simply made again: somebody else may have made a customer with this e-mail meanwhile.
        let operation = Operation { id, step: "customer".to_owned(), request, stored, retry, unsure: WhenUnsure::Ask };
        let again = Operation { retry: true, unsure: WhenUnsure::Resend, ..operation.clone() };
        let driven = match self.driver.drive(operation, None, RowState::Done).await? {
            Driven::Review(_) => match self.with_email(email).await {
                Err(no) => return Ok(Err(no)),
                Ok(Some(customer)) => return Ok(Ok(customer.id)),
                Ok(None) => {
                    let stored = self.driver.ledger.operation(&again.id).await?;
                    self.driver.drive(Operation { stored, ..again }, None, RowState::Done).await?
                }
            },
            driven => driven,
        };
        Ok(match driven {
            Driven::Done(receipt) => Ok(receipt.id),
            Driven::Failed(problem) => Err(NoCustomer::Failed(problem)),
            Driven::Review(problem) => Err(NoCustomer::Review(problem)),
            Driven::Deferred(problem) => Err(NoCustomer::Deferred(problem)),
        })
    }

    /// Whether the object of an operation was deleted at the target.
    async fn is_gone(&self, known: &OperationRecord) -> bool {
        let Some(object) = known.object() else { return false };
        match self.driver.line.target.get(object).await {
            Ok(receipt) => receipt.status.as_deref() == Some("deleted"),
            Err(SendError::Refused(problem)) => problem.code == "stripe.resource_missing",
            Err(_) => false,
        }
    }

    fn unanswered(&self, error: &SendError) -> NoCustomer {
        self.driver.line.heed(error);
        match error {
            SendError::Refused(problem) => NoCustomer::Failed(problem.clone()),
            other => NoCustomer::Deferred(other.problem().clone()),
        }
    }
}

/// Parameters with the operation's id in the metadata, by which the ledger can be made again.
pub fn with_op(mut params: IndexMap<String, Param>, op: &str) -> IndexMap<String, Param> {
    let entry = params.entry("metadata".to_owned()).or_insert_with(|| Param::Map(IndexMap::new()));
    if let Param::Map(metadata) = entry {
        metadata.insert("rowbill_op".to_owned(), Param::Text(op.to_owned()));
    }
    params
}
