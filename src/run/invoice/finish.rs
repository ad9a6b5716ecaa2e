//! The last steps of an invoice: it is finalized, and sent.

use indexmap::IndexMap;
use rowbill_connector::{Call, Problem};

use super::{Course, Step};
use crate::config::Finish;
use crate::ledger::{Change, OperationRecord, RowState};
use crate::protocol::{IN_FLIGHT, State, WhenUnsure};
use crate::run::report::Fate;
use crate::run::row::Settled;

impl Course<'_> {
    pub(super) async fn finish(&mut self, step: &'static str, invoice: &str) -> Step<()> {
        let id = self.of.owner.operation(step, &self.task.key);
        let stored = self.of.driver.ledger.operation(&id).await?;
        let is_paid = self.status.as_deref().or(self.earlier.as_ref().and_then(|earlier| earlier.status.as_deref()))
            == Some("paid");
        if step == "send" && stored.is_none() && is_paid {
            // A zero invoice, or one below the minimum charge, is paid as soon as it is finalized: nobody is asked to pay.
            return Ok(Ok(()));
        }
        let is_done = stored.as_ref().is_some_and(OperationRecord::is_done);
        let status = self.earlier.as_ref().and_then(|earlier| earlier.status.as_deref()).unwrap_or("draft");
        let is_open = stored.as_ref().is_some_and(OperationRecord::is_open);
        if is_done || (step == "finalize" && !is_open && status != "draft") {
            return Ok(Ok(()));
        }
        let unsure = self.of.connection.when_unsure.unwrap_or(WhenUnsure::Ask);
        if self.of.invoice.finish == Finish::Send && unsure == WhenUnsure::Ask && self.may_be_sent().await? {
            return self.ask_whether_sent(invoice).await.map(Err);
        }
        let operation = match step {
            "finalize" => "POST /v1/invoices/{invoice}/finalize",
            _ => "POST /v1/invoices/{invoice}/send",
        };
        let call = Call { operation, path: vec![invoice.to_owned()], params: IndexMap::new() };
        match self.drive(step, id, &call, stored, unsure).await? {
            Ok(receipt) => {
                self.status.clone_from(&receipt.status);
                let object = self.task.record.objects.iter_mut().find(|object| object.step == "create_invoice");
                if let (Some(object), Some(url)) = (object, receipt.url) {
                    object.url = Some(url);
                }
                Ok(Ok(()))
            }
            Err(settled) => Ok(Err(settled)),
        }
    }

    /// Whether the invoice was open already and this ledger does not know how: an earlier one may have mailed it.
    pub(super) async fn may_be_sent(&self) -> Result<bool, Problem> {
        let was_open = self.earlier.as_ref().and_then(|earlier| earlier.status.as_deref()) == Some("open");
        Ok(was_open && self.stored("send").await?.is_none() && !self.is_finalized_by_us().await?)
    }

    /// Whether this ledger has finalized the invoice, or was about to, and no other can have gone on since: nobody puts a
    /// backup back while requests may be under way. After a longer while across a restart the ledger may be a backup from
    /// between the two steps.
    pub(super) async fn is_finalized_by_us(&self) -> Result<bool, Problem> {
        let Some(stored) = self.stored("finalize").await? else { return Ok(false) };
        let at = match &stored.state {
            State::Intent(intent) => intent.last_sent,
            State::Done { .. } => stored.at,
            _ => return Ok(false),
        };
        let driver = self.of.driver;
        let is_of_this_process = driver.line.adopted.get().is_some_and(|begun| at >= *begun);
        Ok(is_of_this_process || (driver.now() - at).abs() < IN_FLIGHT)
    }

    /// Stripe does not tell whether an invoice was mailed. The question is an operation that waits for its answer.
    pub(super) async fn ask_whether_sent(&mut self, invoice: &str) -> Result<Settled, Problem> {
        let id = self.of.owner.operation("send", &self.task.key);
        let message =
            format!("invoice {invoice} was open already, and this ledger does not know whether it was mailed");
        let advice = format!(
            "look at the invoice's history in Stripe; mailed: `rowbill rows resolve NAME KEY --stripe-id {invoice}`; not \
             mailed: `--none`, and the next run mails it"
        );
        let problem = Problem::new("row.unsure", message).advise(advice);
        let path = format!("/v1/invoices/{invoice}/send");
        let now = OperationRecord {
            id,
            connection: self.of.connection.name.clone(),
            row: self.task.record.id,
            step: "send".to_owned(),
            operation: "POST /v1/invoices/{invoice}/send".to_owned(),
            path,
            body: Vec::new(),
            state: State::Review { generation: 0 },
            problem: Some(problem.clone()),
            run: self.of.driver.run.clone(),
            at: self.of.driver.now(),
        };
        let record = &mut self.task.record;
        record.state = RowState::NeedsReview;
        record.problem = Some(problem.clone());
        (record.run, record.at) = (now.run.clone(), self.of.driver.clock.now());
        let row = Change::Row(record.clone());
        self.of.driver.ledger.commit(vec![Change::Operation { was: State::New, now }, row]).await?;
        Ok(Settled::not(Fate::NeedsReview, problem))
    }
}
