//! What every store refuses, whatever it is made of.

use rowbill_connector::Problem;

/// The stored state of an operation is not the one that the change was made from.
pub fn conflict(operation: &str) -> Problem {
    Problem::new("ledger.conflict", format!("The operation {operation} was changed by somebody else in the meantime."))
        .advise("Run it again; if this comes back, look for a second rowbill that works with the same ledger.")
}

/// The new name of a connection is in use.
pub fn rename_taken(name: &str) -> Problem {
    Problem::new("ledger.rename_taken", format!("The ledger already has rows of a connection named {name}."))
        .advise("Choose another name; `rowbill status` lists those in use.")
}

/// The old name of a connection has nothing.
pub fn rename_unknown(name: &str) -> Problem {
    Problem::new("ledger.rename_unknown", format!("The ledger has no rows of a connection named {name}."))
        .advise("Check the spelling: `rowbill ledger rename OLD NEW`; `rowbill status` lists the names.")
}
