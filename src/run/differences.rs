//! What an edit changed, in words: the request that was sent beside the one that would be sent now.

use std::collections::BTreeMap;

use rowbill_connector::{Call, Problem};

use super::drive::Driver;
use super::row::RowTask;
use crate::config::{Action, Connection};
use crate::mapping::identity::Owner;

/// `amount 12000 → 12500`, one text per parameter.
pub async fn differences(
    driver: &Driver,
    owner: &Owner,
    connection: &Connection,
    task: &RowTask,
) -> Result<Vec<String>, Problem> {
    let mut ids = vec![owner.operation(connection.action.name(), &task.spooled.key)];
    if matches!(connection.action, Action::CreateCustomer) && task.record.revision > 0 {
        ids.push(owner.operation(&format!("update_customer.{}", task.record.revision), &task.spooled.key));
    }
    let sent = driver.ledger.operations(&ids).await?.into_iter().flatten().last();
    let (Some(sent), Some(prepared)) = (sent, &task.spooled.prepared) else { return Ok(Vec::new()) };
    let call = Call { operation: "", path: Vec::new(), params: prepared.params.clone() };
    let now = fields(&driver.line.target.encode(&call).body);
    let before = fields(&sent.body);
    let own = |name: &str| name == "customer" || name == "metadata[rowbill_op]";
    let names: std::collections::BTreeSet<&String> =
        before.keys().chain(now.keys()).filter(|name| !own(name)).collect();
    Ok(names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name))
        .map(|name| format!("{name} {} → {}", shown(before.get(name)), shown(now.get(name))))
        .collect())
}

fn fields(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn shown(value: Option<&String>) -> &str {
    value.map_or("nothing", String::as_str)
}
