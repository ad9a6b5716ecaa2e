//! A row that says of a payment which the target never sees: claimed, then confirmed or cancelled.

use rowbill_connector::{Param, Problem};

use super::{Named, Step, left_out};
use crate::config::Connection;
use crate::ledger::{ObjectRef, RowState};
use crate::mapping::money::Minor;
use crate::mapping::recipe::Prepared;
use crate::payments::{ClaimRecord, ClaimState, PaymentRecord};
use crate::run::claims::{Claiming, Received, Sum, Untaken};
use crate::run::row::{RowTask, Rows, Settled};

/// The step under which a row's claim is kept; its id is the claim's.
const CLAIM: &str = "claim";

impl Rows<'_> {
    pub(super) async fn record_payment(&self, mut task: RowTask) -> Result<Settled, Problem> {
        match self.recorded(&mut task).await? {
            Ok(settled) | Err(settled) => Ok(settled),
        }
    }

    async fn recorded(&self, task: &mut RowTask) -> Step<Settled> {
        let Some(prepared) = task.spooled.prepared.clone() else { return Ok(Err(left_out(task))) };
        let named = match self.named(&prepared).await? {
            Ok(named) => named,
            Err(problem) => return self.not_now(task, RowState::Deferred, problem).await.map(Err),
        };
        let (owner, key) = self.maker(task, &named).await?;
        let by = format!("connection {}", self.connection.name);
        let claiming = Claiming { engine: self.engine, connection: owner, by: &by };
        let id = self.owner.operation(CLAIM, &task.spooled.key).0;
        let taken = take(&claiming, id, &Named { made_by: Some((owner.name.clone(), key)), ..named }, &prepared).await;
        match taken {
            Ok((claim, is_new)) => {
                let object = ObjectRef {
                    step: self.connection.action.name().to_owned(),
                    id: claim.invoice.clone(),
                    amount: claim.amount,
                    currency: claim.currency.clone(),
                    url: None,
                };
                let named = Named { invoice: claim.invoice.clone(), made_by: None };
                let settled = self.done(task, object, &named).await?;
                let amount = if is_new { Minor::of(claim.amount, claim.currency.as_deref()) } else { None };
                Ok(Ok(Settled { amount, ..settled }))
            }
            Err(Untaken::Broken(problem)) => Err(problem),
            Err(Untaken::Refused(problem)) => self.not_now(task, RowState::Failed, problem).await.map(Err),
            Err(Untaken::Later(problem)) => self.not_now(task, RowState::Deferred, problem).await.map(Err),
        }
    }

    /// The connection and the row that made the invoice, where they are known; else this one.
    async fn maker(&self, task: &RowTask, named: &Named) -> Result<(&Connection, Vec<String>), Problem> {
        let known = match &named.made_by {
            Some(made_by) => Some(made_by.clone()),
            None => PaymentRecord::find(self.driver.ledger.as_ref(), &named.invoice)
                .await?
                .map(|payment| (payment.connection, payment.key)),
        };
        let found = known.and_then(|(name, key)| Some((self.engine.project.connection(&name).ok()?, key)));
        Ok(found.unwrap_or_else(|| (self.connection, task.spooled.key.clone())))
    }
}

/// Brings the claim to where the row says it is; and whether it is newly confirmed.
async fn take(
    claiming: &Claiming<'_>,
    id: String,
    named: &Named,
    prepared: &Prepared,
) -> Result<(ClaimRecord, bool), Untaken> {
    let text = |name: &str| match prepared.params.get(name) {
        Some(Param::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let state = text("state").unwrap_or_else(|| ClaimState::Claimed.name().to_owned());
    let method = text("method").ok_or_else(|| missing("method"))?;
    let claim = claiming.kept(id, named, &method, text("note").as_ref()).await?;
    if claim.invoice != named.invoice {
        let message = format!("the claim is about invoice {}, and not {}", claim.invoice, named.invoice);
        let problem = Problem::new("claims.state", message).advise("undo the edit; make a row of its own");
        return Err(Untaken::Refused(problem));
    }
    let before = claim.state;
    let claim = match state.as_str() {
        "confirmed" => {
            let amount = match (prepared.params.get("amount"), prepared.params.get("currency")) {
                (Some(Param::Int(minor)), Some(Param::Text(code))) => Sum::Minor(*minor, code),
                _ => return Err(missing("amount")),
            };
            let paid_on = text("paid_on").ok_or_else(|| missing("paid_on"))?;
            let reference = text("reference");
            claiming.confirm(claim, &Received { amount, paid_on: &paid_on, reference: reference.as_ref() }).await?
        }
        "cancelled" => claiming.cancel(claim, &text("reason").ok_or_else(|| missing("reason"))?).await?,
        _ if claim.state == ClaimState::Claimed => claim,
        _ => return Err(Untaken::Refused(super::super::claims::settled(&claim))),
    };
    let is_new = claim.state == ClaimState::Confirmed && before != ClaimState::Confirmed;
    Ok((claim, is_new))
}

fn missing(name: &str) -> Untaken {
    let problem = Problem::new("row.missing", format!("`{name}` of the payment is empty"));
    Untaken::Refused(problem.advise("fill in the cell, or add it to the mapping"))
}
