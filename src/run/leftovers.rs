//! Rows without a request of their own in this run: those that failed before it, and those that left the source while
//! their operations were open.

use rowbill_connector::Problem;

use super::drive::{Driver, Operation};
use super::engine::Engine;
use super::index::{Class, Entry};
use super::records::blank;
use super::report::placed;
use super::row::same_key;
use super::spool::NOWHERE;
use super::survey::{Scope, Spooled, Survey};
use crate::config::Connection;
use crate::ledger::{Change, OperationRecord, RowFilter, RowRecord, RowState};

/// Rows that failed before anything was sent are remembered, so that people can look at them.
pub async fn record_failures(
    engine: &Engine,
    connection: &Connection,
    scope: &Scope<'_>,
    survey: &mut Survey,
) -> Result<(), Problem> {
    if connection.action.invoice().is_some() {
        return Ok(());
    }
    let ledger = engine.ledger()?;
    let failed: Vec<Entry> = survey
        .entries
        .iter()
        .filter(|entry| entry.class == Class::Failed && entry.spool != NOWHERE && entry.id != [0; 16])
        .copied()
        .collect();
    for chunk in failed.chunks(500) {
        let ids: Vec<_> = chunk.iter().map(|entry| crate::ledger::RowId(entry.id)).collect();
        let known = ledger.rows(&connection.name, &ids).await?;
        let mut changes = Vec::new();
        for (entry, known) in chunk.iter().zip(known) {
            let spooled: Spooled = survey.spool.get(entry.spool)?;
            let Some(problem) = same_key(entry.number, &survey.doubles).or(spooled.problem) else { continue };
            // What was made stays on record as made.
            let may_change = |known: &RowRecord| {
                known.objects.is_empty() && matches!(known.state, RowState::Failed | RowState::Deferred)
            };
            if !known.as_ref().is_none_or(may_change) {
                continue;
            }
            let problem = placed(problem, &survey.origin, u64::from(entry.number));
            let row = blank(connection, &spooled.key, scope);
            let (content, request) = (spooled.content, spooled.request);
            changes.push(Change::Row(RowRecord {
                state: RowState::Failed,
                problem: Some(problem),
                content,
                request,
                ..row
            }));
        }
        if !changes.is_empty() {
            ledger.commit(changes).await?;
        }
    }
    Ok(())
}

/// Whether operations of this connection are open.
pub async fn leftovers(engine: &Engine, connection: &Connection) -> Result<bool, Problem> {
    Ok(!engine.ledger()?.list_rows(&connection.name, &open_rows(connection, 1)).await?.is_empty())
}

/// Rows with operations that may be open: also groups that changed midway, which wait for a person.
fn open_rows(connection: &Connection, limit: u32) -> RowFilter {
    let mut states = vec![RowState::Sending];
    states.extend(connection.action.invoice().map(|_| RowState::NeedsReview));
    RowFilter { states, after: None, limit }
}

/// Operations that an earlier run left open for rows which have since left the source are settled all the same.
pub async fn settle_leftovers(
    engine: &Engine,
    connection: &Connection,
    driver: &Driver,
    survey: &Survey,
) -> Result<(), Problem> {
    let ledger = engine.ledger()?;
    let open = ledger.list_rows(&connection.name, &open_rows(connection, 1000)).await?;
    let resumed: std::collections::HashSet<_> =
        survey.entries.iter().filter(|entry| entry.class == Class::Resume).map(|entry| entry.id).collect();
    let owner = engine.owner(connection);
    // A row of this run that is open now has been tried just now.
    for mut row in open.into_iter().filter(|row| !resumed.contains(&row.id.0) && row.run != driver.run) {
        let id = owner.operation(connection.action.name(), &row.key);
        let stored = ledger.operation(&id).await?;
        if connection.action.invoice().is_some() {
            settle_group(driver, stored, row).await?;
        } else if let Some(stored) = stored {
            resume(driver, stored, &mut row).await?;
        }
    }
    Ok(())
}

/// A group that is not as it was: whether its draft exists must be known to somebody; nothing else is done for it.
async fn settle_group(driver: &Driver, draft: Option<OperationRecord>, mut row: RowRecord) -> Result<(), Problem> {
    let question = Some(row.clone()).filter(|row| row.state == RowState::NeedsReview);
    let knows = |draft: &OperationRecord| row.objects.iter().any(|object| Some(&*object.id) == draft.object());
    if let Some(draft) = draft.filter(|draft| draft.is_open() || (draft.is_done() && !knows(draft))) {
        let id = draft.id.clone();
        resume(driver, draft, &mut row).await?;
        let is_open = driver.ledger.operation(&id).await?.is_some_and(|draft| draft.is_open());
        match question {
            Some(question) if row.state == RowState::Sending => {
                let row = RowRecord { state: question.state, problem: question.problem, ..row };
                return driver.ledger.commit(vec![Change::Row(row)]).await;
            }
            _ if is_open => return Ok(()),
            _ => {}
        }
    }
    if row.state == RowState::Sending { gone(driver, &mut row).await } else { Ok(()) }
}

/// A group whose rows left the source while its invoice was being made: nobody can tell what it was to be.
async fn gone(driver: &Driver, row: &mut RowRecord) -> Result<(), Problem> {
    let invoice = row.objects.iter().find(|object| object.step == "create_invoice");
    let what = invoice
        .map_or("its invoice was not made yet".to_owned(), |object| format!("invoice {} stays as it is", object.id));
    let message =
        format!("the rows of {} left the source while its invoice was being made; {what}", row.key.join(", "));
    row.state = RowState::NeedsReview;
    row.problem = Some(
        Problem::new("row.group_changed_midway", message)
            .advise("put the rows back and run again, or delete the draft in Stripe"),
    );
    row.at = driver.clock.now();
    driver.ledger.commit(vec![Change::Row(row.clone())]).await
}

/// Settles an open operation of a row that is not in the source any more.
async fn resume(driver: &Driver, stored: OperationRecord, row: &mut RowRecord) -> Result<(), Problem> {
    let is_last = stored.step != "create_invoice";
    let operation = Operation::resumed(stored);
    let after = if is_last { RowState::Done } else { RowState::Sending };
    driver.drive(operation, Some(row), after).await.map(|_| ())
}
