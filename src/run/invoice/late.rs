//! Rows that are not on an invoice which an earlier ledger has made and finalized: they came later.

use rowbill_connector::{Problem, SendError};

use super::Course;
use crate::config::Finish;
use crate::ledger::{ObjectRef, OperationRecord, RowState};
use crate::mapping::identity::Digest;
use crate::protocol::WhenUnsure;
use crate::run::members::{joined_late, with_question};
use crate::run::records::object_ref;
use crate::run::report::Fate;
use crate::run::row::Settled;

impl Course<'_> {
    /// A question to a person, when an invoice is final and has not all of the rows: whoever has finalized it, nothing can
    /// be put onto it any more.
    pub(super) async fn came_late(&mut self) -> Result<Option<Settled>, Problem> {
        let Some(earlier) = self.earlier.clone() else { return Ok(None) };
        if earlier.status.as_deref() == Some("draft") {
            return Ok(None);
        }
        let on_it = self.on_it(&earlier.items).await?;
        if on_it.len() == self.task.lines.len() {
            return Ok(None);
        }
        let is_to_be_mailed = self.of.invoice.finish == Finish::Send;
        let asks = self.of.connection.when_unsure.unwrap_or(WhenUnsure::Ask) == WhenUnsure::Ask;
        if is_to_be_mailed && asks && self.may_be_sent().await? {
            return self.ask_whether_sent(&earlier.id).await.map(Some);
        }
        let mut objects = vec![object_ref("create_invoice", &earlier)];
        for (step, item) in on_it.iter().filter_map(|(_, own)| own.as_ref()) {
            match self.of.driver.line.target.get(item).await {
                Ok(item) => objects.push(object_ref(step, &item)),
                Err(SendError::Refused(_)) => {}
                Err(error) => return self.unreadable(&error).await.map(Some),
            }
        }
        let problem = joined_late(&format!("invoice {}", earlier.id));
        self.remember(objects, on_it.into_iter().map(|(member, _)| member).collect(), &problem);
        self.commit().await?;
        Ok(Some(Settled::not(Fate::NeedsReview, problem)))
    }

    /// The rows that are on the invoice; of a row whose item is made here, its step and the item.
    async fn on_it(&self, items: &[String]) -> Result<Vec<(Digest, Option<(String, String)>)>, Problem> {
        let mut on_it = Vec::new();
        for (line, step) in self.task.lines.iter().zip(self.task.steps()) {
            let own = match &line.item {
                Some(item) if items.contains(&item.id) => Some(None),
                Some(_) => None,
                None => {
                    let stored = self.stored(&step).await?;
                    let object = stored.as_ref().and_then(OperationRecord::object);
                    object.filter(|id| items.iter().any(|item| item == id)).map(|id| Some((step, id.to_owned())))
                }
            };
            on_it.extend(own.map(|own| (line.member, own)));
        }
        Ok(on_it)
    }

    fn remember(&mut self, objects: Vec<ObjectRef>, mut made: Vec<Digest>, problem: &Problem) {
        made.sort_unstable();
        let mut now: Vec<Digest> = self.task.lines.iter().map(|line| line.member).collect();
        now.sort_unstable();
        let record = &mut self.task.record;
        record.objects = objects;
        record.members = with_question(made, &now);
        record.state = RowState::NeedsReview;
        record.problem = Some(problem.clone());
    }
}
