//! Settles one group: a draft, exactly its items, the total compared to the cent, then finalize and send.

mod finish;
mod late;
mod start_over;
mod total;

use std::collections::HashMap;

use indexmap::IndexMap;
use rowbill_connector::{Call, OperationId, Param, Problem, Receipt, SendError};

use super::customer::{Customers, NoCustomer, with_op};
use super::drive::{Driven, Driver, Operation};
use super::lines::{GroupTask, Line};
use super::records::group_digest;
use super::records::object_ref;
use super::report::Fate;
use super::row::Settled;
use crate::config::{Connection, Finish, Invoice};
use crate::ledger::{Change, OperationRecord, RowId, RowRecord, RowState};
use crate::mapping::identity::{Digest, Owner};
use crate::mapping::money::Minor;
use crate::protocol::WhenUnsure;

/// Settles groups of one connection.
pub struct Invoices<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Its invoice settings.
    pub invoice: &'a Invoice,
    /// How operations are driven.
    pub driver: &'a Driver,
    /// Whom they belong to.
    pub owner: &'a Owner,
    /// Customers of this run.
    pub customers: &'a Customers<'a>,
}

/// A step either gives what the next one needs, or ends the group for now.
type Step<T> = Result<Result<T, Settled>, Problem>;

impl Invoices<'_> {
    /// Settles one group. An error is the ledger's, and stops the run.
    pub async fn settle(&self, mut task: GroupTask) -> Result<Settled, Problem> {
        let mut course =
            Course { of: self, retry: task.retry, items: HashMap::new(), earlier: None, status: None, task: &mut task };
        match course.run().await? {
            Ok(settled) | Err(settled) => Ok(settled),
        }
    }
}

struct Course<'a> {
    of: &'a Invoices<'a>,
    task: &'a mut GroupTask,
    retry: bool,
    items: HashMap<String, Minor>,
    /// The invoice as it is now, when an earlier run made its draft: a restored ledger may not know how far it got.
    earlier: Option<Receipt>,
    /// The invoice's state after the last step of this run.
    status: Option<String>,
}

impl Course<'_> {
    async fn run(&mut self) -> Step<Settled> {
        let mut draft = self.stored("create_invoice").await?;
        if self.retry && self.is_gone(draft.as_ref()).await {
            if let Err(settled) = self.start_over().await? {
                return Ok(Err(settled));
            }
            draft = self.stored("create_invoice").await?;
        }
        if let Some(object) = draft.as_ref().and_then(OperationRecord::object)
            && let Err(settled) = self.look(object).await?
        {
            return Ok(Err(settled));
        }
        let was_open = draft.as_ref().is_some_and(OperationRecord::is_open);
        let customer = match self.customer(draft.as_ref()).await? {
            Ok(customer) => customer,
            Err(settled) => return Ok(Err(settled)),
        };
        let invoice = match self.draft(draft, customer.as_deref()).await? {
            Ok(invoice) => invoice,
            Err(settled) => return Ok(Err(settled)),
        };
        // A restored ledger does not know how far an earlier one went with it.
        if was_open && let Err(settled) = self.look(&invoice.id).await? {
            return Ok(Err(settled));
        }
        let customer = customer.or(invoice.customer.clone());
        let bound = match self.of.invoice.items_from {
            Some(_) => self.take_items(&invoice.id).await?,
            None => self.make_items(&invoice.id, customer.as_deref().unwrap_or_default()).await?,
        };
        if let Err(settled) = bound {
            return Ok(Err(settled));
        }
        let total = match self.check_total(&invoice.id).await? {
            Ok(total) => total,
            Err(settled) => return Ok(Err(settled)),
        };
        for (step, finish) in [("finalize", Finish::Finalize), ("send", Finish::Send)] {
            if self.of.invoice.finish >= finish
                && let Err(settled) = self.finish(step, &invoice.id).await?
            {
                return Ok(Err(settled));
            }
        }
        self.task.record.state = RowState::Done;
        self.task.record.problem = None;
        self.commit().await?;
        Ok(Ok(Settled { fate: Fate::Done, problem: None, amount: Some(total) }))
    }

    /// Reads the invoice as it is now, which may be more than this ledger has done; ends the group where a person must
    /// decide first.
    async fn look(&mut self, invoice: &str) -> Step<()> {
        match self.of.driver.line.target.get(invoice).await {
            Ok(receipt) => self.earlier = Some(receipt),
            Err(error) => return self.unreadable(&error).await.map(Err),
        }
        Ok(self.came_late().await?.map_or(Ok(()), Err))
    }

    /// The customer of a draft that is not made yet; a draft that exists has its own.
    async fn customer(&mut self, draft: Option<&OperationRecord>) -> Step<Option<String>> {
        if draft.is_some_and(OperationRecord::is_under_way) {
            self.of.customers.settle_open(self.task.head.as_ref().and_then(|head| head.about.as_ref())).await?;
            return Ok(Ok(None));
        }
        let Some(name) = self.task.head.as_ref().and_then(|head| head.about.clone()) else {
            return Ok(Err(Settled::not(Fate::Failed, Problem::new("row.no_customer", "the group names no customer"))));
        };
        match self.of.customers.id(&name, self.retry).await? {
            Ok(id) => Ok(Ok(Some(id))),
            Err(no) => self.without_customer(no).await.map(Err),
        }
    }

    async fn without_customer(&mut self, no: NoCustomer) -> Result<Settled, Problem> {
        let (state, fate, problem) = no.parts();
        // What a person has asked for is not forgotten because it has to wait.
        if state == RowState::Deferred && self.retry {
            return Ok(Settled::not(fate, problem));
        }
        self.task.record.state = state;
        self.task.record.problem = Some(problem.clone());
        self.commit().await?;
        Ok(Settled::not(fate, problem))
    }

    async fn draft(&mut self, stored: Option<OperationRecord>, customer: Option<&str>) -> Step<Receipt> {
        let step = "create_invoice";
        let id = self.of.owner.operation(step, &self.task.key);
        let mut params = self.task.head.as_ref().map(|head| head.params.clone()).unwrap_or_default();
        if let Some(customer) = customer {
            params.shift_insert(0, "customer".to_owned(), Param::Text(customer.to_owned()));
        }
        if let (None, Some(minor)) = (params.get("currency"), self.task.lines.iter().find_map(Line::amount)) {
            params.insert("currency".to_owned(), Param::Text(minor.currency));
        }
        // Never rely on the defaults: an upgrade of them has made empty invoices (stripe/stripe-node#1918).
        params.insert("pending_invoice_items_behavior".to_owned(), Param::Text("exclude".to_owned()));
        params.insert("auto_advance".to_owned(), Param::Bool(false));
        if let Some(head) = &self.task.head
            && (!stored.as_ref().is_some_and(OperationRecord::is_under_way)
                || self.task.record.request == Digest::default())
        {
            self.task.record.request =
                group_digest(Some(head), self.task.lines.iter().map(|line| line.prepared.as_ref()));
        }
        let call = Call { operation: "POST /v1/invoices", path: Vec::new(), params: with_op(params, &id.0) };
        let unsure = self.of.connection.when_unsure.unwrap_or(WhenUnsure::Ask);
        self.drive(step, id, &call, stored, unsure).await
    }

    /// Binds the items that another connection made: exactly these, in one call.
    async fn take_items(&mut self, invoice: &str) -> Step<()> {
        let mut lines = Vec::new();
        let is_on = |id: &String| self.earlier.as_ref().is_some_and(|earlier| earlier.items.contains(id));
        for item in self.task.lines.iter().filter_map(|line| line.item.as_ref()).filter(|item| !is_on(&item.id)) {
            let mut line = IndexMap::new();
            line.insert("invoice_item".to_owned(), Param::Text(item.id.clone()));
            lines.push(Param::Map(line));
        }
        let step = "add_lines";
        let id = self.of.owner.operation(step, &self.task.key);
        let stored = self.of.driver.ledger.operation(&id).await?;
        let is_open = stored.as_ref().is_some_and(OperationRecord::is_open);
        if !is_open && self.holds_all_items() {
            self.remember_invoice(invoice).await?;
            return Ok(Ok(()));
        }
        let params = IndexMap::from([("lines".to_owned(), Param::List(lines))]);
        let call = Call { operation: "POST /v1/invoices/{invoice}/add_lines", path: vec![invoice.to_owned()], params };
        let unsure = self.of.connection.when_unsure.unwrap_or(WhenUnsure::Resend);
        if let Err(settled) = self.drive(step, id, &call, stored, unsure).await? {
            return Ok(Err(settled));
        }
        self.remember_invoice(invoice).await?;
        Ok(Ok(()))
    }

    fn holds_all_items(&self) -> bool {
        let Some(earlier) = &self.earlier else { return false };
        let mut items = self.task.lines.iter().filter_map(|line| line.item.as_ref());
        items.all(|item| earlier.items.contains(&item.id))
    }

    /// The rows of the items learn which invoice they are on.
    async fn remember_invoice(&self, invoice: &str) -> Result<(), Problem> {
        let Some(items) = self.of.invoice.items_from.as_deref() else { return Ok(()) };
        let ids: Vec<RowId> = self.task.lines.iter().map(|line| RowId(line.member)).collect();
        let rows = self.of.driver.ledger.rows(items, &ids).await?;
        let changes: Vec<Change> = rows
            .into_iter()
            .flatten()
            .filter(|row| row.bound.as_deref() != Some(invoice))
            .map(|row| Change::Row(RowRecord { bound: Some(invoice.to_owned()), ..row }))
            .collect();
        if changes.is_empty() { Ok(()) } else { self.of.driver.ledger.commit(changes).await }
    }

    /// Makes the items on the draft itself, one operation per line.
    async fn make_items(&mut self, invoice: &str, customer: &str) -> Step<()> {
        for (index, step) in self.task.steps().into_iter().enumerate() {
            let line = &self.task.lines[index];
            let mut params = line.prepared.as_ref().map(|prepared| prepared.params.clone()).unwrap_or_default();
            params.shift_insert(0, "customer".to_owned(), Param::Text(customer.to_owned()));
            params.shift_insert(1, "invoice".to_owned(), Param::Text(invoice.to_owned()));
            let id = self.of.owner.operation(&step, &self.task.key);
            let stored = self.of.driver.ledger.operation(&id).await?;
            if let Some(done) = self.made_before(&step, stored.as_ref()) {
                self.items.insert(step, done);
                continue;
            }
            let call = Call { operation: "POST /v1/invoiceitems", path: Vec::new(), params: with_op(params, &id.0) };
            let unsure = self.of.connection.when_unsure.unwrap_or(WhenUnsure::Resend);
            match self.drive(&step, id, &call, stored, unsure).await? {
                Ok(receipt) => {
                    let minor = Minor::of(receipt.amount, receipt.currency.as_deref());
                    self.items.extend(minor.map(|minor| (step, minor)));
                }
                Err(settled) => return Ok(Err(settled)),
            }
        }
        Ok(Ok(()))
    }

    /// An item that an earlier run made, with the amount that it was given.
    fn made_before(&self, step: &str, stored: Option<&OperationRecord>) -> Option<Minor> {
        stored.filter(|stored| stored.is_done())?;
        let object = self.task.record.objects.iter().find(|object| object.step == step)?;
        Minor::of(object.amount, object.currency.as_deref())
    }

    async fn unreadable(&mut self, error: &SendError) -> Result<Settled, Problem> {
        self.of.driver.line.heed(error);
        match error {
            // Only an invoice that is gone is a question; any other refusal of a look may be another tomorrow.
            SendError::Refused(problem) if problem.code.ends_with(".resource_missing") => {
                self.task.record.state = RowState::NeedsReview;
                self.task.record.problem = Some(Problem { code: "row.check_total".to_owned(), ..problem.clone() });
                self.commit().await?;
                Ok(Settled::not(Fate::NeedsReview, problem.clone()))
            }
            other => Ok(Settled::not(Fate::Deferred, other.problem().clone())),
        }
    }

    async fn stored(&self, step: &str) -> Result<Option<OperationRecord>, Problem> {
        let id = self.of.owner.operation(step, &self.task.key);
        self.of.driver.ledger.operation(&id).await
    }

    async fn drive(
        &mut self,
        step: &str,
        id: OperationId,
        call: &Call,
        stored: Option<OperationRecord>,
        unsure: WhenUnsure,
    ) -> Step<Receipt> {
        let request = self.of.driver.line.target.encode(call);
        let operation = Operation { id, step: step.to_owned(), request, stored, retry: self.retry, unsure };
        let driven = self.of.driver.drive(operation, Some(&mut self.task.record), RowState::Sending).await?;
        match driven {
            Driven::Done(receipt) => {
                if !self.task.record.objects.iter().any(|object| object.step == step) {
                    self.task.record.objects.push(object_ref(step, &receipt));
                }
                Ok(Ok(receipt))
            }
            Driven::Failed(problem) => Ok(Err(Settled::not(Fate::Failed, problem))),
            Driven::Review(problem) => Ok(Err(Settled::not(Fate::NeedsReview, problem))),
            Driven::Deferred(problem) => Ok(Err(Settled::not(Fate::Deferred, problem))),
        }
    }

    async fn commit(&mut self) -> Result<(), Problem> {
        self.task.record.run.clone_from(&self.of.driver.run);
        self.task.record.at = self.of.driver.clock.now();
        self.of.driver.ledger.commit(vec![Change::Row(self.task.record.clone())]).await
    }
}
