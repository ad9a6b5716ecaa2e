//! What an edit changed, in words: the request that was sent beside the one that would be sent now.

use std::collections::{BTreeMap, BTreeSet};

use rowbill_connector::{Call, Problem};

use super::drive::Driver;
use super::row::RowTask;
use crate::config::{Action, Connection};
use crate::mapping::identity::Owner;

/// The names of parameters that were sent and are now left out, such as `name` or `metadata[crm_id]`.
pub async fn emptied(
    driver: &Driver,
    owner: &Owner,
    connection: &Connection,
    task: &RowTask,
) -> Result<Vec<String>, Problem> {
    let (before, now) = sides(driver, owner, connection, task).await?;
    Ok(before.into_keys().filter(|name| !is_own(name) && !now.contains_key(name)).collect())
}

/// `amount 12000 → 12500`, one text per parameter.
pub async fn differences(
    driver: &Driver,
    owner: &Owner,
    connection: &Connection,
    task: &RowTask,
) -> Result<Vec<String>, Problem> {
    let (before, now) = sides(driver, owner, connection, task).await?;
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).filter(|name| !is_own(name)).collect();
    Ok(names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name))
        .map(|name| format!("{name} {} → {}", shown(before.get(name)), shown(now.get(name))))
        .collect())
}

/// The parameters that were sent last, and those that would be sent now; both empty where nothing was sent.
async fn sides(
    driver: &Driver,
    owner: &Owner,
    connection: &Connection,
    task: &RowTask,
) -> Result<(Fields, Fields), Problem> {
    let mut ids = vec![owner.operation(connection.action.name(), &task.spooled.key)];
    if matches!(connection.action, Action::CreateCustomer) {
        let updates = (1..=task.record.revision).rev().take(1);
        ids.extend(updates.map(|revision| owner.operation(&format!("update_customer.{revision}"), &task.spooled.key)));
    }
    let sent = driver.ledger.operations(&ids).await?.into_iter().flatten().last();
    let (Some(sent), Some(prepared)) = (sent, &task.spooled.prepared) else { return Ok(Default::default()) };
    let mut params = prepared.params.clone();
    if matches!(connection.action, Action::OnInvoice(_)) {
        // Only compared with the invoice's, and not sent.
        params.shift_remove("currency");
    }
    let call = Call { operation: "", path: Vec::new(), params };
    let now = fields(&driver.line.target.encode(&call).body);
    Ok((fields(&sent.body), now))
}

type Fields = BTreeMap<String, String>;

/// Set by rowbill, not by the mapping.
fn is_own(name: &str) -> bool {
    matches!(name, "customer" | "invoice" | "payment_intent" | "charge" | "metadata[rowbill_op]")
}

fn fields(body: &[u8]) -> Fields {
    form_urlencoded::parse(body).into_owned().collect()
}

fn shown(value: Option<&String>) -> &str {
    value.map_or("nothing", String::as_str)
}
