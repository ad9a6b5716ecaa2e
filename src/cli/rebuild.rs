//! `rowbill ledger rebuild`: a lost ledger made again.

use std::sync::Arc;

use serde_json::json;

use super::context::{Context, Problems};
use super::exit;
use super::screen::{bold, unsure};
use crate::books::{self, Rebuilt};
use crate::ledger::sqlite::Draft;
use crate::run::Quiet;

/// Nothing is there under the ledger's name before it is whole.
pub async fn rebuild(context: &Context) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let path = project.settings.ledger.clone();
    let draft = Draft::new(&path).map_err(one)?;
    let names: Vec<String> = project.connections.iter().map(|connection| connection.name.clone()).collect();
    let mut engine = context.engine(project, &names, Arc::new(Quiet))?;
    let ledger = Arc::new(draft.ledger().await.map_err(one)?);
    engine.ledger = Some(ledger.clone());
    let rebuilt = books::rebuild(&engine).await?;
    drop(engine);
    if let Some(ledger) = Arc::into_inner(ledger) {
        ledger.close().await;
    }
    draft.put_in_place().map_err(one)?;
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": "ok", "ledger": path, "connections": rebuilt }));
    } else {
        for one in &rebuilt {
            text(context, one);
        }
        context.screen.line(format!("made {}", path.display()));
        context
            .screen
            .say("what people had decided about rows is lost; compare the books with `rowbill reconcile --all`");
    }
    Ok(exit::OK)
}

fn text(context: &Context, one: &Rebuilt) {
    let Rebuilt { connection, rows, found, differ, without, under_way, taken_as_sent, gone } = one;
    context.screen.line(format!("  {}   {rows} rows, {found} of them found at Stripe", bold(connection)));
    let notes = [
        (differ, "differ from their objects: the next run takes them for edited"),
        (without, "have no object: the next run takes them for new, or `first_run: only_new` leaves them alone"),
        (under_way, "invoices are not finished: the next run goes on with them"),
        (taken_as_sent, "open invoices are taken for mailed: Stripe does not tell"),
        (gone, "objects have no row in the source any more"),
    ];
    for (count, note) in notes.into_iter().filter(|(count, _)| **count > 0) {
        context.screen.line(format!("    {} {count} {note}", unsure("!")));
    }
}
