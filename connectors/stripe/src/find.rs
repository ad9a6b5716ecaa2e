//! What became of a request whose answer we do not know: by list and metadata, never by search.

use std::ops::ControlFlow;

use rowbill_connector::{OperationId, Problem, Receipt, Request, SendError};
use rowbill_stripe_spec::{Paging, catalog, paged};

use crate::http::Http;
use crate::kind::Kind;
use crate::list::Listing;
use crate::read::no_object;
use crate::receipt;

/// Stripe's clock and ours may differ by this much, in seconds.
const SKEW: i64 = 300;

/// The mark that every object of a row carries in its metadata.
const MARK: &str = "metadata[rowbill_op]";

/// Where the effect of an operation can be seen.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// It makes an object with our mark, which this list has.
    Listed(String),
    /// It moves an invoice into one of these states, or out of `draft`.
    State(&'static [&'static str]),
    /// It puts items onto an invoice.
    Lines,
    /// It has the same effect however often it is done, so there is nothing to look for.
    Repeatable,
    /// Nobody can see whether it was done.
    Hidden,
}

impl Sight {
    fn of(operation: &str) -> Self {
        match operation {
            "POST /v1/invoices/{invoice}/finalize" => {
                return Self::State(&["open", "paid", "void", "uncollectible"]);
            }
            "POST /v1/invoices/{invoice}/pay" => return Self::State(&["paid"]),
            "POST /v1/invoices/{invoice}/void" => return Self::State(&["void"]),
            "POST /v1/invoices/{invoice}/mark_uncollectible" => return Self::State(&["uncollectible"]),
            "POST /v1/invoices/{invoice}/add_lines" => return Self::Lines,
            // No field says that an invoice was mailed. Sending it again leaves it as it is, but the customer may get a
            // second mail; who calls decides (`when_unsure`).
            "POST /v1/invoices/{invoice}/send" => return Self::Repeatable,
            _ => {}
        }
        match operation.split_once(' ') {
            Some(("DELETE", _)) => Self::Repeatable,
            Some(("POST", path)) if path.ends_with('}') => Self::Repeatable,
            Some(("POST", path)) if paged(&format!("GET {path}")) == Some(Paging::List) => {
                Self::Listed(format!("GET {path}"))
            }
            _ => Self::Hidden,
        }
    }
}

impl Http {
    /// `None` is certain: no request of this operation that is no longer under way has made anything.
    pub(crate) async fn find(
        &self,
        request: &Request,
        op: &OperationId,
        since: i64,
    ) -> Result<Option<Receipt>, SendError> {
        let body: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
        match Sight::of(&request.operation) {
            Sight::Listed(list) if body.iter().any(|(name, value)| name == MARK && *value == op.0) => {
                self.find_listed(&list, request, &body, op, since).await
            }
            Sight::State(states) => self.find_state(request, states).await,
            Sight::Lines => self.find_lines(request, &body).await,
            Sight::Repeatable => Ok(None),
            Sight::Listed(_) | Sight::Hidden => Err(hidden(request)),
        }
    }

    async fn find_listed(
        &self,
        list: &str,
        request: &Request,
        body: &[(String, String)],
        op: &OperationId,
        since: i64,
    ) -> Result<Option<Receipt>, SendError> {
        let since = (since - SKEW).max(0);
        let takes =
            |name: &str| catalog().operations.get(list).is_some_and(|list| list.params.properties.contains_key(name));
        let given = |name: &'static str| {
            let value = body.iter().find(|(key, value)| key == name && !value.is_empty());
            value.filter(|_| takes(name)).map(|(_, value)| (name, value.clone()))
        };
        let about = ["customer", "payment_intent", "charge"];
        let mut query: Vec<_> = about.into_iter().filter_map(given).collect();
        query.extend(takes("created").then(|| ("created[gte]", since.to_string())));
        if let Some(email) = given("email") {
            let narrow = query.iter().cloned().chain([email]).collect();
            if let Some(found) = self.first_marked(list, &request.path, narrow, since, op).await? {
                return Ok(Some(found));
            }
            // A customer's e-mail can have been changed by hand since: not there is certain only without it.
        }
        self.first_marked(list, &request.path, query, since, op).await
    }

    async fn first_marked(
        &self,
        operation: &str,
        path: &str,
        query: Vec<(&str, String)>,
        since: i64,
        op: &OperationId,
    ) -> Result<Option<Receipt>, SendError> {
        let listing = Listing { operation, path, query, since: Some(since), at_most: None };
        let mut found = None;
        self.walk(&listing, |value| {
            found = receipt::read(value).filter(|receipt| receipt.op.as_ref() == Some(op));
            if found.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        Ok(found)
    }

    async fn find_state(&self, request: &Request, states: &[&str]) -> Result<Option<Receipt>, SendError> {
        let invoice = self.invoice_of(request).await?;
        let there = invoice.status.as_deref().is_some_and(|status| states.contains(&status));
        Ok(there.then_some(invoice))
    }

    /// Lines are added all or none, so the items of the request are all there or the request was not done.
    async fn find_lines(&self, request: &Request, body: &[(String, String)]) -> Result<Option<Receipt>, SendError> {
        let bound = |(name, _): &&(String, String)| name.starts_with("lines[") && name.ends_with("][invoice_item]");
        let wanted: Vec<_> = body.iter().filter(bound).map(|(_, item)| item).collect();
        if wanted.is_empty() {
            return Err(hidden(request));
        }
        let mut invoice = self.invoice_of(request).await?;
        invoice.items = self.line_items(parent(&request.path)).await?;
        let there = wanted.into_iter().all(|item| invoice.items.contains(item));
        Ok(there.then_some(invoice))
    }

    async fn invoice_of(&self, request: &Request) -> Result<Receipt, SendError> {
        let template = Kind::named("invoice").map_or("/v1/invoices/{invoice}", |kind| kind.one);
        let value = self.read(&format!("GET {template}"), parent(&request.path), &[]).await?;
        receipt::read(&value).ok_or_else(no_object)
    }
}

/// `/v1/invoices/in_1` of `/v1/invoices/in_1/finalize`.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(parent, _)| parent)
}

fn hidden(request: &Request) -> SendError {
    let message = format!("Stripe has no way to see whether `{}` was done.", request.operation);
    let advice = "Look at the object in Stripe, then say what became of it: `rowbill rows resolve`.";
    SendError::Unknown(Problem::new("stripe.not_observable", message).advise(advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_looked_for_where_it_shows() {
        let listed = |path: &str| Sight::Listed(format!("GET {path}"));
        let cases = [
            ("POST /v1/customers", listed("/v1/customers")),
            ("POST /v1/invoiceitems", listed("/v1/invoiceitems")),
            ("POST /v1/invoices", listed("/v1/invoices")),
            ("POST /v1/products", listed("/v1/products")),
            ("POST /v1/customers/{customer}", Sight::Repeatable),
            ("POST /v1/invoices/{invoice}/send", Sight::Repeatable),
            ("POST /v1/invoices/{invoice}/add_lines", Sight::Lines),
            ("POST /v1/invoices/{invoice}/pay", Sight::State(&["paid"])),
            ("DELETE /v1/customers/{customer}", Sight::Repeatable),
            ("POST /v1/invoices/create_preview", Sight::Hidden),
            ("POST /v1/invoices/{invoice}/attach_payment", Sight::Hidden),
            ("nonsense", Sight::Hidden),
        ];
        for (operation, sight) in cases {
            assert_eq!(Sight::of(operation), sight, "{operation}");
        }
    }
}
