//! `rowbill explain CODE`: what a code means and how to mend it.

use rowbill_connector::Problem;

use super::context::Context;
use super::exit;
use super::screen::{bold, harmless};
use crate::suggest::nearest;

/// All codes with their explanations: one `## code` heading each. Read by people on the web as well.
const CODES: &str = include_str!("../../docs/problems.md");

pub fn explain(context: &Context, code: &str) -> u8 {
    let sections: Vec<(&str, &str)> = CODES
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, text)| (name.trim().trim_matches('`'), text.trim()))
        .collect();
    match sections.iter().find(|(name, _)| *name == code) {
        Some((name, text)) => {
            if context.screen.is_json() {
                context.screen.json(&serde_json::json!({ "v": 1, "code": name, "text": text }));
            } else {
                context.screen.line(format!("{}\n\n{text}", bold(name)));
            }
            exit::OK
        }
        None if code.starts_with("stripe.") => {
            let code = harmless(code);
            context.screen.line(format!("{code} is Stripe's own code: see https://docs.stripe.com/error-codes"));
            exit::OK
        }
        None => {
            let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
            let near = nearest(code, &names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let problem = Problem::new("explain.unknown", format!("there is no problem with the code `{code}`{near}"));
            context.screen.refused(exit::OTHER, &[problem.advise("docs/problems.md has all codes")], &context.root());
            exit::OTHER
        }
    }
}
