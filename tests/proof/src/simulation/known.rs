//! What the simulation has found and the promise does not cover: limits that `docs/reliability.md` names. A seed that
//! meets one ends there, and is counted as excused.

use super::world::{World, hold};

/// A limit that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The ledger was forgotten while a bill was a draft, one of its rows was edited, and a person deleted the draft: the
    /// item of the row as it was is not in the group's new record, and `rows retry` leaves it behind.
    ItemsLeftBehind,
    /// A person deleted a draft, and then a backup from before that was put back: it says that the bill is done, and the
    /// person takes it so.
    DeletionForgotten,
    /// A request of `if_missing: create` is still on its way when the process dies; another connection with
    /// `match_existing: email` does not see it, and makes a second customer with the same e-mail.
    SecondCustomer,
}

impl Known {
    const ALL: [Self; 3] = [Self::ItemsLeftBehind, Self::DeletionForgotten, Self::SecondCustomer];

    /// The one that a violation comes from.
    pub fn of(world: &World, violation: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.explains(world, violation))
    }

    fn explains(self, world: &World, violation: &str) -> bool {
        let was_forgotten = !hold(&world.forgotten).is_empty();
        let was_deleted = !hold(&world.deleted).is_empty();
        match self {
            Self::ItemsLeftBehind => was_forgotten && was_deleted && violation.contains("I2: "),
            Self::DeletionForgotten => was_forgotten && was_deleted && violation.contains("I5: "),
            Self::SecondCustomer => violation.contains("row.customer_ambiguous"),
        }
    }

    /// For counting.
    pub fn name(self) -> &'static str {
        match self {
            Self::ItemsLeftBehind => "excused: items left behind",
            Self::DeletionForgotten => "excused: deletion forgotten",
            Self::SecondCustomer => "excused: second customer",
        }
    }
}
