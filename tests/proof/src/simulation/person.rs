//! The person who answers questions: about failed rows, edits, and what became of something at Stripe.

use std::collections::BTreeSet;
use std::sync::Arc;

use rowbill::config::Action;
use rowbill::ledger::{Ledger, RowFilter, RowRecord, RowState};
use rowbill::run::decision::{Deciding, Decision};
use rowbill_connector::Target;
use rowbill_stripe_sandbox::{Change, Entry, Sandbox};

use super::business::{NAMES, account_of, table_of};
use super::process::Process;
use super::shape::Trouble;
use super::undo;
use super::world::{World, hold};
use crate::journal::PERSON;

/// Answers everything that is asked. What nobody should have to answer is a violation.
pub async fn answer(world: &World, process: &Process) -> Result<(), String> {
    let ledger = world.ledger();
    let states = vec![RowState::Failed, RowState::NeedsReview];
    for name in NAMES {
        let filter = RowFilter { states: states.clone(), after: None, limit: 1000 };
        let rows = ledger.list_rows(name, &filter).await.map_err(|problem| problem.message)?;
        for row in rows {
            let Some(decision) = decide(world, name, &row).await? else { continue };
            world.tell(|| format!("    {name} {:?} ({}): {decision:?}", row.key, code(&row)));
            world.count("decisions");
            take(world, process, name, &row, &decision).await?;
        }
    }
    Ok(())
}

async fn take(
    world: &World,
    process: &Process,
    name: &str,
    row: &RowRecord,
    decision: &Decision,
) -> Result<(), String> {
    let engine = &process.engine;
    let connection = engine.project.connection(name).map_err(|problem| problem.message)?;
    let line = engine.line(connection).map_err(|problem| problem.message)?;
    let ledger = world.ledger();
    let halting = Arc::clone(&line);
    let target = move || Ok(Arc::clone(&line.target) as Arc<dyn Target>);
    let now = engine.clock.now();
    let deciding = Deciding { ledger: &*ledger, connection, owner: engine.owner(connection), target: &target, now };
    let deciding = deciding.take(&row.key, decision);
    tokio::select! {
        biased;
        () = process.power.gone() => {}
        taken = deciding => if let Err(problem) = taken {
            world.tell(|| format!("      refused: {} {}", problem.code, problem.message));
            if problem.code == "stripe.key_refused" {
                halting.halt(problem);
            }
        }
    }
    Ok(())
}

fn code(row: &RowRecord) -> &str {
    row.problem.as_ref().map_or("", |problem| problem.code.as_str())
}

/// What the person says; nothing where the table is put right instead.
async fn decide(world: &World, name: &str, row: &RowRecord) -> Result<Option<Decision>, String> {
    let code = code(row);
    let is_failed = row.state == RowState::Failed;
    // A customer that is left out would leave its orders waiting for ever.
    let may_skip = row.objects.is_empty() && code != "row.unsure" && name != "customers";
    if may_skip && world.strikes(Trouble::Skips, 6) {
        return Ok(Some(Decision::Skip));
    }
    Ok(match code {
        "stripe.invoice_not_editable" if was_forgotten(world, name) => {
            undo::group(world, name, row);
            Some(Decision::Retry)
        }
        _ if is_failed && code.starts_with("stripe.") => Some(Decision::Retry),
        _ if is_failed => None,
        "row.unsure" => Some(look(world, name, row).map_or(Decision::IsNot, Decision::Is)),
        "row.changed_after_done" | "row.joined_after_invoice" => {
            hold(&world.accepted).insert(format!("{name} {}", row.key.join(",")));
            Some(Decision::Accept)
        }
        "row.group_changed_midway" => {
            if prefers_deleting(world, name, row) && delete_draft(world, name, row).await {
                Some(Decision::Retry)
            } else {
                undo::group(world, name, row);
                None
            }
        }
        // Its rows were changed since some of its items were made, or the ledger has forgotten what they were.
        "row.check_total" if was_forgotten(world, name) || undo::was_changed(world, name, row) => {
            if !prefers_deleting(world, name, row) {
                undo::group(world, name, row);
            } else if !delete_draft(world, name, row).await {
                // It is no draft any more, and undoing the edits did not help.
                return Ok(Some(Decision::Accept));
            }
            Some(Decision::Retry)
        }
        "row.accepted" => None,
        "row.check_amount" if was_edited(world, name, row) => Some(Decision::Accept),
        _ => return Err(format!("I9: a question that nobody should have to answer: {name} {row:#?}")),
    })
}

/// Whether the draft goes rather than the edit: now and then, and always when the edit was undone before, in vain.
fn prefers_deleting(world: &World, name: &str, row: &RowRecord) -> bool {
    world.roll(2) == 0 || !hold(&world.undone).insert((name.to_owned(), row.key.clone()))
}

fn was_forgotten(world: &World, name: &str) -> bool {
    hold(&world.forgotten).contains_key(account_of(name))
}

/// The person deletes the draft of a group in Stripe.
async fn delete_draft(world: &World, name: &str, row: &RowRecord) -> bool {
    let Some(invoice) = row.objects.iter().find(|object| object.step == "create_invoice") else { return false };
    let request = http::Request::delete(format!("/v1/invoices/{}", invoice.id))
        .header("authorization", "Bearer rk_test_person")
        .header("stripe-version", PERSON)
        .body(Vec::new());
    let Ok(request) = request else { return false };
    let stripe = &world.stripe[account_of(name)];
    // Where no answer came, she looks.
    stripe.answer(request).await;
    let is_deleted = !stripe.objects("invoice").iter().any(|one| one["id"] == *invoice.id);
    if is_deleted {
        world.tell(|| format!("    the draft {} is deleted", invoice.id));
        world.count("drafts deleted");
        hold(&world.deleted).insert((name.to_owned(), row.key.clone()));
    }
    is_deleted
}

fn was_edited(world: &World, name: &str, row: &RowRecord) -> bool {
    let tables = hold(&world.tables);
    tables[table_of(name)].past.get(&row.key.join(",")).is_some_and(|past| past.len() > 1)
}

/// Whether the step that is open was done after all: by a look into Stripe, as a person has it.
fn look(world: &World, name: &str, row: &RowRecord) -> Option<String> {
    let stripe = &world.stripe[account_of(name)];
    let connection = world.project.connection(name).ok()?;
    let Action::CreateInvoice(_) = connection.action else {
        let op = world.project.owner(connection).operation(connection.action.name(), &row.key);
        return of_op(stripe, &op.0);
    };
    match row.objects.iter().find(|object| object.step == "create_invoice") {
        Some(invoice) => was_sent(stripe, &invoice.id).then(|| invoice.id.clone()),
        None => of_op(stripe, &world.project.owner(connection).operation("create_invoice", &row.key).0),
    }
}

fn of_op(stripe: &Sandbox, op: &str) -> Option<String> {
    let mut alive: BTreeSet<String> = BTreeSet::new();
    for entry in stripe.journal() {
        if let Entry::Object(object) = entry
            && object.rowbill_op.as_deref() == Some(op)
        {
            match object.change {
                Change::Deleted => alive.remove(&object.id),
                _ => alive.insert(object.id),
            };
        }
    }
    alive.pop_first()
}

fn was_sent(stripe: &Sandbox, invoice: &str) -> bool {
    let path = format!("/v1/invoices/{invoice}/send");
    let entries = stripe.journal();
    let sends: BTreeSet<u64> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Request(request) if request.path == path => Some(request.seq),
            _ => None,
        })
        .collect();
    entries.iter().any(|entry| matches!(entry, Entry::Object(object) if sends.contains(&object.request)))
}
