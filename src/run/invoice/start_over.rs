//! A person deleted the draft and asks for another try.

use std::collections::BTreeSet;

use rowbill_connector::{Problem, SendError};

use super::{Course, Step};
use crate::ledger::{Change, OperationRecord, RowFilter, RowRecord, RowState};
use crate::run::drive::{Driven, Operation};
use crate::run::lines::item_steps;
use crate::run::report::Fate;
use crate::run::row::Settled;

impl Course<'_> {
    /// Whether the invoice of an earlier try was deleted or voided at the target.
    pub(super) async fn is_gone(&self, draft: Option<&OperationRecord>) -> bool {
        let Some(object) = draft.and_then(OperationRecord::object) else { return false };
        match self.of.driver.line.target.get(object).await {
            Ok(receipt) => matches!(receipt.status.as_deref(), Some("deleted" | "void")),
            Err(SendError::Refused(problem)) => problem.code == "stripe.resource_missing",
            Err(_) => false,
        }
    }

    /// Its steps are forgotten, and items that it left behind go: those on record, and those whose answers were lost. The
    /// draft comes last: it is what tells a run after a crash that there is something to forget.
    pub(super) async fn start_over(&mut self) -> Step<()> {
        if let Err(settled) = self.release_items().await? {
            return Ok(Err(settled));
        }
        for step in self.steps().into_iter().chain(["create_invoice".to_owned()]) {
            let Some(stored) = self.stored(&step).await? else { continue };
            let stored = match self.settled(stored).await? {
                Ok(stored) => stored,
                Err(problem) => return Ok(Err(Settled::not(Fate::Deferred, problem))),
            };
            let Some(object) = stored.object() else { continue };
            // An item that went with its draft cannot be deleted again, and need not be.
            if step.starts_with("item.")
                && let Err(error) = self.of.driver.line.target.delete(object).await
                && !matches!(error, SendError::Refused(_))
            {
                return self.unreadable(&error).await.map(Err);
            }
            self.of.driver.forget(stored).await?;
        }
        self.task.record.objects.clear();
        self.commit().await?;
        Ok(Ok(()))
    }

    /// Items that another connection made are free again, also those whose rows have gone to another group since.
    async fn release_items(&mut self) -> Step<()> {
        let Some(items) = self.of.invoice.items_from.as_deref() else { return Ok(Ok(())) };
        let draft = self.stored("create_invoice").await?;
        let Some(invoice) = draft.as_ref().and_then(OperationRecord::object) else { return Ok(Ok(())) };
        let ledger = &self.of.driver.ledger;
        let mut filter = RowFilter { limit: 1000, ..RowFilter::default() };
        loop {
            let rows = ledger.list_rows(items, &filter).await?;
            let Some(last) = rows.last().map(|row| row.id) else { return Ok(Ok(())) };
            filter.after = Some(last);
            for row in rows.into_iter().filter(|row| row.bound.as_deref() == Some(invoice)) {
                let Some(item) = row.objects.iter().find(|object| object.step == "add_invoice_item") else { continue };
                match self.of.driver.line.target.get(&item.id).await {
                    Ok(item) if item.invoice.is_none() => {
                        ledger.commit(vec![Change::Row(RowRecord { bound: None, ..row })]).await?;
                    }
                    Ok(_) | Err(SendError::Refused(_)) => {}
                    Err(error) => return self.unreadable(&error).await.map(Err),
                }
            }
        }
    }

    /// All steps on the draft that may have made something: of the rows as they were, as they are, and of what is on
    /// record.
    fn steps(&self) -> BTreeSet<String> {
        let mut steps: BTreeSet<String> = ["add_lines", "finalize", "send"].map(str::to_owned).into_iter().collect();
        let made = self.task.record.objects.iter().map(|object| object.step.clone());
        steps.extend(made.filter(|step| step.starts_with("item.")));
        if self.of.invoice.items_from.is_none() {
            steps.extend(item_steps(&self.task.before));
            steps.extend(self.task.steps());
        }
        steps
    }

    /// An operation whose answer is open is settled first: the target repeats what it made, or refuses it now.
    async fn settled(&self, stored: OperationRecord) -> Result<Result<OperationRecord, Problem>, Problem> {
        if !stored.is_open() {
            return Ok(Ok(stored));
        }
        let operation = Operation::resumed(stored.clone());
        if let Driven::Deferred(problem) = self.of.driver.drive(operation, None, RowState::Sending).await? {
            return Ok(Err(problem));
        }
        let now = self.of.driver.ledger.operation(&stored.id).await?;
        Ok(Ok(now.unwrap_or(stored)))
    }
}
