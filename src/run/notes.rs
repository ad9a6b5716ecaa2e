//! What is worth knowing of a plan, and is no row's problem.

use rowbill_connector::Problem;

use super::engine::Engine;
use super::index::Class;
use super::survey::Survey;
use crate::config::Connection;
use crate::ledger::RowFilter;

/// Things that no row's problem says.
pub fn notes(engine: &Engine, survey: &Survey) -> Vec<Problem> {
    let mut notes = Vec::new();
    let differ = survey.entries.iter().filter(|entry| entry.class == Class::WouldDiffer).count();
    if differ > 0 {
        let message = format!("{differ} done rows would differ by the mapping as it is now; they stay as they are");
        notes.push(Problem::new("plan.would_differ", message).advise("a changed mapping never sends done rows again"));
    }
    for group in survey.groups.iter().filter(|group| group.class == Class::Create) {
        for (code, minor) in &group.amounts.0 {
            let minimum = engine.catalog.currencies.get(code).and_then(|currency| currency.minimum);
            if let Some(minimum) = minimum.filter(|minimum| *minor > 0 && minor < minimum) {
                let least = crate::mapping::money::display(minimum, code, &engine.catalog.currencies);
                let sum = crate::mapping::money::display(*minor, code, &engine.catalog.currencies);
                let row = group.rows.first().map_or(0, |at| survey.entries[*at as usize].number);
                let message =
                    format!("the invoice of row {row} comes to {sum}; the least that Stripe charges is {least}");
                notes.push(
                    Problem::new("plan.below_minimum", message)
                        .advise("Stripe marks it as paid and keeps the amount for the next invoice"),
                );
            }
        }
    }
    notes
}

/// Items that are on an invoice, though no row of the source stands for them any more.
pub async fn orphans(engine: &Engine, connection: &Connection, survey: &Survey) -> Result<Vec<Problem>, Problem> {
    let items = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref());
    let (Some(items), Some(ledger)) = (items, &engine.ledger) else { return Ok(Vec::new()) };
    let here: std::collections::HashSet<_> = survey.entries.iter().map(|entry| entry.content).collect();
    let mut notes = Vec::new();
    let mut filter = RowFilter { states: Vec::new(), after: None, limit: 1000 };
    loop {
        let rows = ledger.list_rows(items, &filter).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(notes) };
        filter.after = Some(last);
        for row in rows.into_iter().filter(|row| !here.contains(&row.id.0)) {
            let (Some(invoice), Some(object)) = (&row.bound, row.objects.first()) else { continue };
            let message = format!(
                "item {} ({}) is on invoice {invoice}, but its row is gone from the source",
                object.id,
                row.key.join(", ")
            );
            notes.push(Problem::new("plan.orphan_item", message).advise("the invoice stays as it is"));
        }
    }
}
