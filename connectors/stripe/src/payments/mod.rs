//! What became of an invoice: read from Stripe, told by its events.
//!
//! Since 2025-03-31 (basil) neither charges nor payment intents name their invoice: `invoice_payment` objects stand between
//! them (docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices).

mod bill;
mod cash;
mod endpoint;
mod event;
mod signature;

use async_trait::async_trait;
use rowbill_connector::{
    Bill, Delivery, Endpoint, Event, IdempotencyKey, Payments, Problem, Receipt, SendError, Subject,
};
use serde_json::Value;

use crate::read::no_object;
use crate::receipt;
use crate::target::StripeTarget;

pub use event::KINDS;
#[doc(hidden)]
pub use signature::{sign, verify};

/// So many types one list of events takes (docs.stripe.com/api/events/list).
const MOST_TYPES: usize = 20;

#[async_trait]
impl Payments for StripeTarget {
    async fn bill(&self, invoice: &str) -> Result<Bill, SendError> {
        bill::read(&self.http, invoice).await
    }

    async fn made_of(&self, kind: &str, bill: &Bill) -> Result<Vec<Receipt>, SendError> {
        let of_target = bill.payments.iter().filter(|payment| payment.is_of_target);
        let asks: Vec<(&str, &str, String)> = match kind {
            "credit_note" => vec![("/v1/credit_notes", "invoice", bill.invoice.clone())],
            _ => of_target.map(|payment| ("/v1/refunds", payment.parameter(), payment.id.clone())).collect(),
        };
        let mut made = Vec::new();
        for (path, filter, id) in asks {
            self.http.each(path, vec![(filter, id)], None, |value| made.extend(receipt::read(value))).await?;
        }
        Ok(made)
    }

    async fn invoices_of(&self, subject: &Subject) -> Result<Vec<String>, SendError> {
        let intent = match subject {
            Subject::Invoice(id) => return Ok(vec![id.clone()]),
            Subject::Other => return Ok(Vec::new()),
            Subject::Intent(id) => id.clone(),
            Subject::Charge(id) => match self.intent_of(id).await? {
                Some(intent) => intent,
                None => return Ok(Vec::new()),
            },
        };
        let query = vec![("payment[type]", "payment_intent".to_owned()), ("payment[payment_intent]", intent)];
        let mut invoices = Vec::new();
        self.http
            .each("/v1/invoice_payments", query, None, |payment| {
                invoices.extend(payment.get("invoice").and_then(Value::as_str).map(str::to_owned));
            })
            .await?;
        invoices.sort();
        invoices.dedup();
        Ok(invoices)
    }

    async fn events_since(&self, since: i64) -> Result<Vec<Event>, SendError> {
        let mut events = Vec::new();
        for kinds in KINDS.chunks(MOST_TYPES) {
            let mut query = vec![("created[gte]", since.to_string())];
            query.extend(kinds.iter().map(|kind| ("types[]", (*kind).to_owned())));
            self.http.each("/v1/events", query, Some(since), |value| events.extend(event::read(value))).await?;
        }
        events.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        Ok(events)
    }

    async fn event(&self, id: &str) -> Result<Event, SendError> {
        let path = format!("/v1/events/{}", crate::encode::escape(id));
        let value = self.http.read("GET /v1/events/{id}", &path, &[]).await?;
        event::read(&value).ok_or_else(no_object)
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, SendError> {
        self.all_endpoints().await
    }

    async fn add_endpoint(&self, url: &str, key: &IdempotencyKey) -> Result<(Endpoint, String), SendError> {
        self.make_endpoint(url, key).await
    }

    fn receive(&self, delivery: &Delivery<'_>) -> Result<Event, Problem> {
        verify(delivery)?;
        let value: Option<Value> = serde_json::from_slice(delivery.body).ok();
        let event = value.as_ref().and_then(event::read).ok_or_else(|| {
            Problem::new("webhook.unreadable", "the delivery is signed, but its body is no event of Stripe's")
        })?;
        if event.livemode != self.config.live {
            let (is, wanted) = if event.livemode { ("live", "test") } else { ("test", "live") };
            let message = format!("the event is of {is} mode, and the account is in {wanted} mode");
            return Err(
                Problem::new("webhook.livemode", message).advise("give the endpoint of each mode its own account")
            );
        }
        match &event.account {
            Some(of) if Some(of) != self.config.connected_account.as_ref() => {
                Err(Problem::new("webhook.other_account", format!("the event is of the connected account {of}")))
            }
            _ => Ok(event),
        }
    }
}

impl StripeTarget {
    async fn intent_of(&self, charge: &str) -> Result<Option<String>, SendError> {
        let path = format!("/v1/charges/{}", crate::encode::escape(charge));
        let value = self.http.read("GET /v1/charges/{charge}", &path, &[]).await?;
        Ok(value.get("payment_intent").and_then(Value::as_str).map(str::to_owned))
    }
}
