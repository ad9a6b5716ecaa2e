//! Lists, page after page, newest first.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rowbill_connector::{Filter, Problem, Receipt, SendError};
use serde_json::Value;

use crate::http::Http;
use crate::kind::Kind;
use crate::read::no_object;
use crate::receipt;

/// The largest page (docs.stripe.com/api/pagination).
const PAGE: usize = 100;

/// What is asked for.
pub(crate) struct Listing<'a> {
    /// `GET` and the path template.
    pub(crate) operation: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(&'a str, String)>,
    /// Objects made before this second end the list, which is sorted by it.
    pub(crate) since: Option<i64>,
    pub(crate) at_most: Option<usize>,
}

impl Http {
    /// Gives every object of a list to `visit`, until it says stop.
    pub(crate) async fn walk<V>(&self, listing: &Listing<'_>, mut visit: V) -> Result<(), SendError>
    where
        V: FnMut(&Value) -> ControlFlow<()> + Send,
    {
        let mut after: Option<String> = None;
        loop {
            let page = self.page(listing, after.as_deref()).await?;
            let data = page.get("data").and_then(Value::as_array).ok_or_else(no_object)?;
            for value in data {
                receipt::check_mode(value, self.live, None)?;
                if too_old(value, listing.since) || visit(value).is_break() {
                    return Ok(());
                }
            }
            if page.get("has_more").and_then(Value::as_bool) != Some(true) {
                return Ok(());
            }
            let last = data.last().and_then(|value| value.get("id")).and_then(Value::as_str).map(str::to_owned);
            if last.is_none() || last == after {
                return Err(endless(listing));
            }
            after = last;
        }
    }

    /// Gives every object of a list to `take`.
    pub(crate) async fn each(
        &self,
        path: &str,
        query: Vec<(&str, String)>,
        since: Option<i64>,
        mut take: impl FnMut(&Value) + Send,
    ) -> Result<(), SendError> {
        let operation = format!("GET {path}");
        self.walk(&Listing { operation: &operation, path, query, since, at_most: None }, |value| {
            take(value);
            ControlFlow::Continue(())
        })
        .await
    }

    async fn page(&self, listing: &Listing<'_>, after: Option<&str>) -> Result<Value, SendError> {
        let mut query = listing.query.clone();
        query.push(("limit", listing.at_most.unwrap_or(PAGE).clamp(1, PAGE).to_string()));
        query.extend(after.map(|id| ("starting_after", id.to_owned())));
        self.read(listing.operation, listing.path, &query).await
    }

    /// All objects of a kind that a filter lets through.
    pub(crate) async fn all(&self, kind: &Kind, filter: &Filter) -> Result<Vec<Receipt>, SendError> {
        let most = filter.at_most.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        if most == 0 {
            return Ok(found);
        }
        let operation = format!("GET {}", kind.list);
        let listing = Listing {
            operation: &operation,
            path: kind.list,
            query: query(filter),
            since: filter.created_since,
            at_most: filter.at_most,
        };
        self.walk(&listing, |value| {
            let fields = if filter.fields { receipt::fields(value) } else { BTreeMap::new() };
            found.extend(receipt::read(value).map(|receipt| Receipt { fields, ..receipt }));
            if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        Ok(found)
    }

    /// The invoice items behind all lines of the invoice at this path.
    pub(crate) async fn line_items(&self, invoice: &str) -> Result<Vec<String>, SendError> {
        let operation = "GET /v1/invoices/{invoice}/lines";
        let path = format!("{invoice}/lines");
        let listing = Listing { operation, path: &path, query: Vec::new(), since: None, at_most: None };
        let mut items = Vec::new();
        self.walk(&listing, |line| {
            items.extend(receipt::line_item(line));
            ControlFlow::Continue(())
        })
        .await?;
        Ok(items)
    }
}

fn query(filter: &Filter) -> Vec<(&'static str, String)> {
    let since = filter.created_since.map(|since| since.to_string());
    let given = [
        ("created[gte]", since),
        ("email", filter.email.clone()),
        ("customer", filter.customer.clone()),
        ("invoice", filter.invoice.clone()),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn too_old(value: &Value, since: Option<i64>) -> bool {
    // Not by an invoice item's `date`: what ends a list too early would be missed, and made twice.
    let created = value.get("created").and_then(Value::as_i64);
    created.zip(since).is_some_and(|(created, since)| created < since)
}

/// A list that says there is more and does not move on would be read for ever.
fn endless(listing: &Listing<'_>) -> SendError {
    let message = format!("The pages of {} do not end.", listing.operation);
    SendError::Unknown(Problem::new("stripe.list_endless", message))
}
