//! The ledger's own record: when it was made, and what must be in it.
//!
//! What came after the first version is counted in a table of its own, so that the first one stays as it was made.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Bound, Checksum, Damage};

/// How many records of a kind there are, and the sum of their checksums.
///
/// A checksum tells that a record is not what was written; only the tally tells that one is gone. The order of
/// writing does not matter to a sum, so it can be kept up with every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: i64,
    /// The sum of their checksums, wrapping.
    pub sum: i64,
}

impl Tally {
    /// Counts a record in.
    pub fn add(&mut self, checksum: i64) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(checksum);
    }

    /// Counts a record out.
    pub fn remove(&mut self, checksum: i64) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(checksum);
    }

    /// Takes the columns of a tally that is kept apart, and refuses them if their checksum does not fit.
    pub fn from_columns(name: &str, columns: &SqliteRow) -> Result<Self, Damage> {
        let read = || {
            Ok::<_, sqlx::Error>((Self { count: columns.try_get(0)?, sum: columns.try_get(1)? }, columns.try_get(2)?))
        };
        let (tally, checksum): (Self, i64) = read().map_err(|error| Damage(format!("tallies: {error}")))?;
        if checksum == tally.computed(name) {
            Ok(tally)
        } else {
            Err(Damage(format!("the checksum of the tally of {name} does not fit")))
        }
    }

    /// Binds the columns of a tally that is kept apart.
    pub fn bind<'q>(&self, name: &'static str, query: Bound<'q>) -> Bound<'q> {
        query.bind(name).bind(self.count).bind(self.sum).bind(self.computed(name))
    }

    fn computed(&self, name: &str) -> i64 {
        Checksum::default().text(name).number(self.count).number(self.sum).finish()
    }
}

/// The one record of the table `ledger`; written with every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// When the ledger was made (seconds, UTC).
    pub created: i64,
    /// All rows.
    pub rows: Tally,
    /// All operations.
    pub operations: Tally,
    /// All runs.
    pub runs: Tally,
    /// All positions; kept apart, see [`Tally::from_columns`].
    pub positions: Tally,
    /// All documents; kept apart as well.
    pub documents: Tally,
}

impl Summary {
    /// Of a ledger with nothing in it.
    pub fn new(now: i64) -> Self {
        Self { created: now, ..Self::default() }
    }

    /// Takes the columns, and refuses them if their checksum does not fit.
    pub fn from_columns(columns: &SqliteRow) -> Result<Self, Damage> {
        let (summary, checksum) = Self::read(columns).map_err(|error| Damage(format!("ledger: {error}")))?;
        if checksum == summary.computed() {
            Ok(summary)
        } else {
            Err(Damage("the checksum of the ledger's summary does not fit".to_owned()))
        }
    }

    fn read(columns: &SqliteRow) -> Result<(Self, i64), sqlx::Error> {
        let tally =
            |at: usize| Ok::<_, sqlx::Error>(Tally { count: columns.try_get(at)?, sum: columns.try_get(at + 1)? });
        let summary = Self {
            created: columns.try_get(0)?,
            rows: tally(1)?,
            operations: tally(3)?,
            runs: tally(5)?,
            ..Self::default()
        };
        Ok((summary, columns.try_get(7)?))
    }

    /// Binds the columns and their checksum.
    pub fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        self.numbers().into_iter().fold(query, Bound::bind).bind(self.computed())
    }

    fn numbers(&self) -> [i64; 7] {
        [
            self.created,
            self.rows.count,
            self.rows.sum,
            self.operations.count,
            self.operations.sum,
            self.runs.count,
            self.runs.sum,
        ]
    }

    fn computed(&self) -> i64 {
        self.numbers().into_iter().fold(Checksum::default(), Checksum::number).finish()
    }
}
