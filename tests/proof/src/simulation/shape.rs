//! What a seed decides before anything happens: how large the world is, how it is configured, and what can go wrong in it.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::StdRng;

/// A way in which things go wrong, or a person gets in the way. Each seed has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The process dies at some call of a port.
    Crash,
    /// The process is asked to stop.
    Stop,
    /// The sandbox answers as on a bad day: 4xx, 5xx, 429, 409, closed connections.
    Answers,
    /// The sandbox takes up to three minutes, so that it acts when nobody listens any more.
    Late,
    /// The network loses requests and answers.
    Network,
    /// An account cannot be reached for a while.
    Unreachable,
    /// The key is revoked, and given back.
    Revoked,
    /// The key may do less for a while.
    Permissions,
    /// The ledger cannot be written for a while.
    DiskFull,
    /// The ledger says that it could not write, and has written.
    DiskLies,
    /// The process stands still while it writes: for minutes, or a day.
    Standstill,
    /// An old backup of the ledger is put back.
    Restore,
    /// The ledger is lost, and a new one is begun.
    Lost,
    /// Hours and days go by between the runs.
    Nights,
    /// rowbill's clock is set ahead or back, by days at most.
    Clock,
    /// Rows are edited, added, deleted, sorted.
    Edits,
    /// The same in the middle of a run.
    EditsMidway,
    /// Cells that no row can be made of, and keys that stand in two rows.
    BadCells,
    /// The source cannot be read to its end.
    Source,
    /// Runs of one row, or of a few.
    Parts,
    /// Several connections run at once.
    AtOnce,
    /// The person leaves rows out.
    Skips,
    /// Reads and writes of the ledger take their time.
    SlowDisk,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Crash,
        Self::Stop,
        Self::Answers,
        Self::Late,
        Self::Network,
        Self::Unreachable,
        Self::Revoked,
        Self::Permissions,
        Self::DiskFull,
        Self::DiskLies,
        Self::Standstill,
        Self::Restore,
        Self::Lost,
        Self::Nights,
        Self::Clock,
        Self::Edits,
        Self::EditsMidway,
        Self::BadCells,
        Self::Source,
        Self::Parts,
        Self::AtOnce,
        Self::Skips,
        Self::SlowDisk,
    ];
}

/// The world of one seed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Shape {
    /// What goes wrong.
    pub troubles: BTreeSet<Trouble>,
    /// In one of so many runs each of them happens midway.
    pub one_in: u32,
    /// So many things happen before everything calms down.
    pub steps: u32,
    /// Customers at the start.
    pub customers: u32,
    /// Orders at the start.
    pub orders: u32,
    /// Bills of each bills table at the start.
    pub bills: u32,
    /// Members of the second account at the start.
    pub members: u32,
    /// Customers are matched by e-mail; some are at Stripe already.
    pub matches: bool,
    /// Orders wait until they are ready.
    pub ready: bool,
    /// A person is asked also about items that were not found.
    pub asks: bool,
    /// The most new rows of one run.
    pub new_rows: Option<u32>,
    /// Requests a second of the second account.
    pub rate: Option<u32>,
    /// The second account's sandbox limits on its own as well.
    pub limited: bool,
    /// `duplicates:` of the orders.
    pub duplicates: &'static str,
    /// How far bills and fees go.
    pub finish: [&'static str; 2],
}

impl Shape {
    /// Draws one.
    pub fn draw(dice: &mut StdRng) -> Self {
        let share = dice.random_range(1..=6);
        let mut troubles: BTreeSet<Trouble> =
            Trouble::ALL.into_iter().filter(|_| dice.random_range(0..10) < share).collect();
        if !troubles.contains(&Trouble::Edits) {
            troubles.remove(&Trouble::EditsMidway);
        }
        let finish = || ["draft", "finalize", "send"];
        Self {
            troubles,
            one_in: [1, 2, 3, 6][dice.random_range(0..4)],
            steps: dice.random_range(4..14),
            customers: dice.random_range(1..7),
            orders: dice.random_range(1..14),
            bills: dice.random_range(1..4),
            members: dice.random_range(1..6),
            matches: dice.random(),
            ready: dice.random_range(0..4) == 0,
            asks: dice.random_range(0..4) == 0,
            new_rows: (dice.random_range(0..4) == 0).then(|| dice.random_range(1..6)),
            rate: dice.random::<bool>().then(|| dice.random_range(2..30)),
            limited: dice.random_range(0..4) == 0,
            duplicates: ["fail", "first", "last", "same"][dice.random_range(0..4)],
            finish: [finish()[dice.random_range(0..3)], finish()[dice.random_range(0..3)]],
        }
    }

    /// Whether it can go wrong so.
    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }
}
