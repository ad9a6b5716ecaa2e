//! Everything of ours that Stripe's search knows: for telling that a ledger is missing, never for avoiding doubles.
//!
//! Search may be an hour behind and does not know invoice items (docs.stripe.com/search).

use rowbill_connector::{Receipt, SendError};
use serde_json::Value;

use crate::http::Http;
use crate::outcome::is_foreign;
use crate::read::no_object;
use crate::receipt;

/// What can be searched and may carry our mark.
const SEARCHES: [&str; 2] = ["/v1/customers/search", "/v1/invoices/search"];
/// Objects with any `rowbill_op` (docs.stripe.com/search#query-language).
const OURS: &str = "-metadata[\"rowbill_op\"]:null";
/// Ten thousand objects of a kind; who has more knows enough.
const PAGES: usize = 100;

impl Http {
    /// `None` where this account or server cannot search.
    pub(crate) async fn search_ours(&self) -> Result<Option<Vec<Receipt>>, SendError> {
        let mut found = Vec::new();
        for path in SEARCHES {
            match self.search(path, &mut found).await {
                Ok(()) => {}
                Err(error) if is_unavailable(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(found))
    }

    async fn search(&self, path: &str, found: &mut Vec<Receipt>) -> Result<(), SendError> {
        let operation = format!("GET {path}");
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![("query", OURS.to_owned()), ("limit", "100".to_owned())];
            query.extend(next.take().map(|page| ("page", page)));
            let page = self.read(&operation, path, &query).await?;
            for value in page.get("data").and_then(Value::as_array).ok_or_else(no_object)? {
                receipt::check_mode(value, self.live, None)?;
                found.extend(receipt::read(value).filter(|receipt| receipt.op.is_some()));
            }
            next = page.get("next_page").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() {
                return Ok(());
            }
        }
        tracing::warn!(operation, pages = PAGES, "more of our objects than were read");
        Ok(())
    }
}

/// Not for every country, and not in every server that plays Stripe; a key without the permission cannot either.
fn is_unavailable(error: &SendError) -> bool {
    match error {
        SendError::Refused(_) => true,
        SendError::Halt(problem) => problem.code == "stripe.permission",
        // A 404 without a word comes from servers that have no search.
        SendError::Unknown(problem) => is_foreign(problem),
        SendError::NotSent { .. } => false,
    }
}
