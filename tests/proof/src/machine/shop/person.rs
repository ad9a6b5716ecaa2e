//! The person who looks at what is a question, and into Stripe.

use rowbill_stripe_sandbox::ObjectEntry;
use serde_json::Value;

use super::{MAPPINGS, Shop};
use crate::journal;

impl Shop<'_> {
    /// Answers every question; a question that nobody should have to answer is a violation.
    pub fn answer(&self) {
        for (connection, _) in MAPPINGS {
            let failed = self.run(&["rows", connection, "--failed"]);
            for row in failed.json["rows"].as_array().unwrap_or_else(|| panic!("{failed:#?}")) {
                self.answer_for(connection, row);
            }
        }
    }

    fn answer_for(&self, connection: &str, row: &Value) {
        let code = row["problem"]["code"].as_str().unwrap_or_default();
        // It waits for the next run, perhaps because it was answered before.
        if row["state"] == "deferred" || code == "row.retry" {
            return;
        }
        assert_eq!((row["state"].as_str(), code), (Some("needs_review"), "row.unsure"), "{row:#}");
        let key: Vec<&str> = row["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let key = key.join(",");
        let mut args = vec!["rows", "resolve", connection, &key];
        let made = self.made(row);
        args.extend(made.as_ref().map_or(vec!["--none"], |id| vec!["--stripe-id", id]));
        let answered = self.run(&args);
        assert_eq!(answered.code, Some(0), "{answered:#?}");
    }

    /// Whether the step that is open was done after all: an invoice whose mail went out.
    fn made(&self, row: &Value) -> Option<String> {
        let mut objects = row["objects"].as_array()?.iter();
        let invoice = objects.find(|object| object["step"] == "create_invoice")?["id"].as_str()?;
        let sends = journal::posts_of(&self.stripe, "POST /v1/invoices/{invoice}/send");
        let is_sent =
            |change: &ObjectEntry| change.id == invoice && sends.iter().any(|send| send.seq == change.request);
        journal::changes(&self.stripe).iter().any(is_sent).then(|| invoice.to_owned())
    }
}
