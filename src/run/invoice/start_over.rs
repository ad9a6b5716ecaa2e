//! A person deleted the draft and asks for another try.

use std::collections::BTreeSet;

use rowbill_connector::{Problem, SendError};

use super::{Course, Step};
use crate::ledger::{OperationRecord, RowState};
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
