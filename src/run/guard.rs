//! Guards: what stops a run before its first call.

use std::collections::BTreeMap;

use rowbill_connector::{Currency, Problem};

use super::report::Amounts;
use crate::config::Connection;
use crate::mapping::money::display;

/// Whether what a run would newly send is within the limits of its connection.
pub fn limits(
    connection: &Connection,
    new_rows: u64,
    amounts: &Amounts,
    currencies: &BTreeMap<String, Currency>,
) -> Result<(), Problem> {
    let advice = "look at `rowbill plan`; if it is right, raise `limits:` in the mapping or send a part with --limit N";
    if let Some(most) = connection.limits.new_rows.filter(|most| new_rows > *most) {
        let message = format!("{new_rows} rows would be newly sent, more than the limit of {most}; nothing was sent");
        return Err(Problem::new("guard.new_rows", message).advise(advice));
    }
    for (code, most) in &connection.limits.amount {
        let sum = amounts.0.get(code).copied().unwrap_or(0);
        if sum > *most {
            let (sum, most) = (display(sum, code, currencies), display(*most, code, currencies));
            let message = format!("{sum} would be newly billed, more than the limit of {most}; nothing was sent");
            return Err(Problem::new("guard.amount", message).advise(advice));
        }
    }
    Ok(())
}
