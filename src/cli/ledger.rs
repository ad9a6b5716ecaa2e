//! `rowbill ledger`: make it, check it, copy it, rename a connection in it.

use rowbill_connector::Problem;
use serde_json::json;

use super::args::LedgerCommand;
use super::context::{Context, Problems};
use super::exit;
use super::screen::harmless;
use crate::ledger::sqlite::SqliteLedger;
use crate::ledger::{Change, Ledger, RowFilter, RowState};

pub async fn ledger(context: &Context, command: LedgerCommand) -> Result<u8, Problems> {
    let one = |problem| vec![problem];
    let project = context.project()?;
    let path = project.settings.ledger.clone();
    let told = match command {
        LedgerCommand::Create => {
            SqliteLedger::create(&path).await.map_err(one)?;
            format!("made {}", path.display())
        }
        LedgerCommand::Verify => {
            let ledger = SqliteLedger::open_read_only(&path).await.map_err(one)?;
            let records = ledger.verify().await?;
            format!("{}: {records} records, all as they were written", path.display())
        }
        LedgerCommand::Backup { file } => {
            let ledger = SqliteLedger::open_read_only(&path).await.map_err(one)?;
            ledger.backup(&file).await.map_err(one)?;
            format!("wrote {}", file.display())
        }
        LedgerCommand::Rebuild => return super::rebuild::rebuild(context).await,
        LedgerCommand::Rename { old, new } => {
            let ledger = SqliteLedger::open(&path).await.map_err(one)?;
            no_open_questions(&ledger, &old).await.map_err(one)?;
            ledger.commit(vec![Change::Rename { from: old.clone(), to: new.clone() }]).await.map_err(one)?;
            format!("the rows of `{old}` are those of `{new}` now")
        }
    };
    if context.screen.is_json() {
        context.screen.json(&json!({ "v": 1, "result": "ok", "message": told }));
    } else {
        context.screen.line(harmless(&told));
    }
    Ok(exit::OK)
}

/// Open operations are found by ids that hold the connection's name: they must be settled before it changes.
async fn no_open_questions(ledger: &SqliteLedger, name: &str) -> Result<(), Problem> {
    let filter = RowFilter { states: vec![RowState::Sending, RowState::NeedsReview], after: None, limit: 1 };
    if ledger.list_rows(name, &filter).await?.is_empty() {
        return Ok(());
    }
    Err(Problem::new("ledger.rename_open", format!("`{name}` has rows that are under way or need a person"))
        .advise(format!("settle them first under the old name: rowbill run-now {name}, rowbill rows {name} --failed")))
}
