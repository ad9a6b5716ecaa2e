//! Rules of the product that are broken on purpose, through its ports: the simulation must find each of them.

use super::shape::{Shape, Trouble};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// An intent is acknowledged before it is on the disk.
    IntentsNotSynced,
    /// Each attempt goes out under a key of its own.
    NewKeyEachTime,
    /// The clock stands still, and Stripe's is not listened to: an intent stays young for ever.
    StoppedClock,
    /// What is written back goes to the row's number.
    MarksByRowNumber,
    /// An open operation is sent with what the row says now.
    EditedUnderOldKey,
    /// What was made since a backup is not looked up.
    NoListAfterRestore,
    /// A lost answer counts as a refusal: after `retry` the row is sent under a new key.
    LostIsRefused,
    /// Amounts are sent a cent short.
    CentShort,
}

impl Broken {
    /// Switches on what it takes to see it.
    pub fn shape(self, shape: &mut Shape) {
        let needed: &[Trouble] = match self {
            Self::IntentsNotSynced => &[
                Trouble::Crash,
                Trouble::Edits,
                Trouble::EditsMidway,
                Trouble::Late,
                Trouble::Network,
                Trouble::Nights,
            ],
            Self::NewKeyEachTime | Self::CentShort => &[Trouble::Network],
            Self::StoppedClock => &[Trouble::Nights],
            Self::MarksByRowNumber => &[Trouble::Edits, Trouble::EditsMidway],
            Self::EditedUnderOldKey => {
                &[Trouble::Crash, Trouble::Edits, Trouble::EditsMidway, Trouble::Late, Trouble::Network]
            }
            Self::NoListAfterRestore => &[Trouble::Restore, Trouble::Nights],
            Self::LostIsRefused => &[Trouble::Network, Trouble::Late],
        };
        // Some hide in what else goes wrong: a new process looks at Stripe first, and a run that is stopped sends little.
        if matches!(self, Self::StoppedClock | Self::IntentsNotSynced | Self::EditedUnderOldKey) {
            shape.troubles.clear();
            shape.steps += 10;
        }
        shape.troubles.extend(needed);
        shape.one_in = 1;
    }
}
