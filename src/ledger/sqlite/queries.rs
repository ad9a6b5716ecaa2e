//! Every query of the ledger, in SQL that SQLite and PostgreSQL both take.
//!
//! Statements for several records exist in a few fixed sizes, so that each is prepared once per connection; a shorter
//! list of ids is filled up with its last id.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// A table of records.
struct Table {
    name: &'static str,
    /// The columns that identify a record. Look-ups by list take the last of them; the others are fixed.
    key: &'static [&'static str],
    /// All columns, in the order in which they are read and bound.
    columns: &'static [&'static str],
    /// What the writer needs to know of a record that is there already; the last of the key first.
    held: &'static str,
}

/// The rows of all connections.
const ROWS: Table = Table {
    name: "rows",
    key: &["connection", "id"],
    columns: &[
        "connection",
        "id",
        "key",
        "state",
        "content",
        "request",
        "revision",
        "problem",
        "objects",
        "members",
        "bound",
        "run",
        "at",
        "checksum",
    ],
    held: "id, checksum",
};

/// The operations of all rows.
const OPERATIONS: Table = Table {
    name: "operations",
    key: &["id"],
    columns: &[
        "id",
        "connection",
        "row_id",
        "step",
        "operation",
        "path",
        "body",
        "state",
        "generation",
        "first_sent",
        "last_sent",
        "doubts",
        "object",
        "problem",
        "run",
        "at",
        "checksum",
    ],
    held: "id, checksum, state, generation, first_sent, last_sent, doubts, object",
};

/// The runs of all connections.
const RUNS: Table = Table {
    name: "runs",
    key: &["id"],
    columns: &["id", "connection", "started", "finished", "report", "checksum"],
    held: "id, checksum",
};

/// Where the connections stand in their schedules.
const POSITIONS: Table = Table {
    name: "positions",
    key: &["connection"],
    columns: &["connection", "state", "checksum"],
    held: "connection, checksum",
};

/// Payments, events, cursors.
const DOCUMENTS: Table = Table {
    name: "documents",
    key: &["kind", "id"],
    columns: &["kind", "id", "owner", "state", "record", "checksum"],
    held: "id, checksum",
};

/// How many ids one look-up takes.
pub const LOOK_UP_SIZES: [usize; 4] = [1, 8, 64, 500];
/// How many records one statement writes.
pub const WRITE_SIZES: [usize; 3] = [1, 8, 64];

/// The statements of one table.
pub struct Statements {
    /// The table's name.
    pub name: &'static str,
    look_up: [String; 4],
    held: [String; 4],
    upsert: [String; 3],
    /// All records.
    pub all: String,
    /// SQLite's alone: how many records lie in the table, the sums of the upper and lower halves of their checksums,
    /// and how many of them cannot be found through the index that look-ups use.
    pub proof: String,
    /// The next 500 records of one connection after an id.
    pub of_connection: String,
    /// Whether a connection has any records.
    pub has_connection: String,
    /// Deletes the records of one connection.
    pub delete_connection: String,
}

/// The statements for [`ROWS`].
pub static ROW_STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements::new(&ROWS));
/// The statements for [`OPERATIONS`].
pub static OPERATION_STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements::new(&OPERATIONS));
/// The statements for [`RUNS`].
pub static RUN_STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements::new(&RUNS));
/// The statements for [`POSITIONS`].
pub static POSITION_STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements::new(&POSITIONS));

/// The statements for [`DOCUMENTS`].
pub static DOCUMENT_STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements::new(&DOCUMENTS));

impl Statements {
    fn new(table: &Table) -> Self {
        let columns = table.columns.join(", ");
        let name = table.name;
        Self {
            name,
            look_up: LOOK_UP_SIZES.map(|size| select(table, &columns, size)),
            held: LOOK_UP_SIZES.map(|size| select(table, table.held, size)),
            upsert: WRITE_SIZES.map(|size| upsert(table, size)),
            all: format!("SELECT {columns} FROM {name}"),
            proof: proof(table),
            of_connection: format!(
                "SELECT {columns} FROM {name} WHERE connection = $1 AND id > $2 ORDER BY id LIMIT 500"
            ),
            has_connection: format!("SELECT 1 FROM {name} WHERE connection = $1 LIMIT 1"),
            delete_connection: format!("DELETE FROM {name} WHERE connection = $1"),
        }
    }

    /// Reads records by id: the statement, and how many ids it takes.
    pub fn look_up(&'static self, wanted: usize) -> (&'static str, usize) {
        let at = fitting(wanted);
        (&self.look_up[at], LOOK_UP_SIZES[at])
    }

    /// Reads what the writer needs to know of records: the statement, and how many ids it takes.
    pub fn held(&'static self, wanted: usize) -> (&'static str, usize) {
        let at = fitting(wanted);
        (&self.held[at], LOOK_UP_SIZES[at])
    }

    /// Inserts or replaces as many of the records that are left as one statement can.
    pub fn upsert(&'static self, left: usize) -> (&'static str, usize) {
        let at = WRITE_SIZES.iter().rposition(|size| *size <= left).unwrap_or_default();
        (&self.upsert[at], WRITE_SIZES[at])
    }
}

/// The smallest look-up that takes all of a chunk.
fn fitting(wanted: usize) -> usize {
    LOOK_UP_SIZES.iter().position(|size| *size >= wanted).unwrap_or(LOOK_UP_SIZES.len() - 1)
}

/// The columns before the last of the key are fixed values; the last one is looked for in a list.
fn select(table: &Table, columns: &str, size: usize) -> String {
    let (last, fixed) = table.key.split_last().expect("every table has a key");
    let mut sql = format!("SELECT {columns} FROM {} WHERE ", table.name);
    for (at, column) in fixed.iter().enumerate() {
        let _ = write!(sql, "{column} = {} AND ", placeholders(at + 1, 1));
    }
    let _ = write!(sql, "{last} IN ({})", placeholders(fixed.len() + 1, size));
    sql
}

fn upsert(table: &Table, size: usize) -> String {
    let width = table.columns.len();
    let values: Vec<_> = (0..size).map(|record| format!("({})", placeholders(record * width + 1, width))).collect();
    let replaced: Vec<_> = table.columns.iter().filter(|column| !table.key.contains(column)).collect();
    let replaced: Vec<_> = replaced.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    format!(
        "INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) DO UPDATE SET {}",
        table.name,
        table.columns.join(", "),
        values.join(", "),
        table.key.join(", "),
        replaced.join(", ")
    )
}

/// Goes through the table, and from each record by its key through the index back to that very record.
fn proof(table: &Table) -> String {
    let name = table.name;
    let same: Vec<_> = table.key.iter().map(|column| format!("found.{column} = lying.{column}")).collect();
    format!(
        "SELECT count(*), coalesce(sum(lying.checksum >> 32), 0), coalesce(sum(lying.checksum & 4294967295), 0), \
         coalesce(sum(NOT EXISTS (SELECT 1 FROM {name} AS found INDEXED BY {name}_by_key \
         WHERE {} AND found.rowid = lying.rowid)), 0) FROM {name} AS lying NOT INDEXED",
        same.join(" AND ")
    )
}

/// Placeholders in the order in which values are bound; `$1`, `$2`, … for PostgreSQL.
///
/// SQLite takes those too, but finds each of them by its name at every execution, in a list: with 500 of them that is
/// most of the time of a look-up.
fn placeholders(_first: usize, count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Rows of a connection after an id, in one of seven states.
pub const LIST_ROWS: &str = "SELECT connection, id, key, state, content, request, revision, problem, objects, members, \
    bound, run, at, checksum FROM rows WHERE connection = $1 AND id > $2 AND state IN ($3, $4, $5, $6, $7, $8, $9) \
    ORDER BY id LIMIT $10";

/// The operations that a run was the last to write. Asked so seldom that an index would cost more than it gives.
pub static OPERATIONS_OF_RUN: LazyLock<String> = LazyLock::new(|| {
    let columns = OPERATIONS.columns.join(", ");
    format!("SELECT {columns} FROM operations WHERE run = $1 ORDER BY id")
});

/// Documents of an owner after an id, in any state or in one.
pub const LIST_DOCUMENTS: [&str; 2] = [
    "SELECT kind, id, owner, state, record, checksum FROM documents \
     WHERE kind = $1 AND owner = $2 AND id > $3 ORDER BY id LIMIT $4",
    "SELECT kind, id, owner, state, record, checksum FROM documents \
     WHERE kind = $1 AND owner = $2 AND state = $3 AND id > $4 ORDER BY id LIMIT $5",
];

/// Forgets one row.
pub const DELETE_ROW: &str = "DELETE FROM rows WHERE connection = $1 AND id = $2";

/// Forgets one run.
pub const DELETE_RUN: &str = "DELETE FROM runs WHERE id = $1";

/// Forgets one document.
pub const DELETE_DOCUMENT: &str = "DELETE FROM documents WHERE kind = $1 AND id = $2";

/// Runs between two ids, of all connections or of one, the oldest or the newest first. Their ids sort by time.
pub const LIST_RUNS: [[&str; 2]; 2] = [
    [
        "SELECT id, connection, started, finished, report, checksum FROM runs \
         WHERE id > $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        "SELECT id, connection, started, finished, report, checksum FROM runs \
         WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
    ],
    [
        "SELECT id, connection, started, finished, report, checksum FROM runs \
         WHERE connection = $1 AND id > $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        "SELECT id, connection, started, finished, report, checksum FROM runs \
         WHERE connection = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4",
    ],
];

/// The tally of a table that came after the first version.
pub const READ_TALLY: &str = "SELECT count, sum, checksum FROM tallies WHERE name = $1";

/// Makes or replaces it.
pub const WRITE_TALLY: &str = "INSERT INTO tallies (name, count, sum, checksum) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (name) DO UPDATE SET count = excluded.count, sum = excluded.sum, checksum = excluded.checksum";

/// When an operation of a connection was last written.
pub const READ_MARK: &str = "SELECT at, checksum FROM marks WHERE connection = $1";

/// Moves that time on, never back.
pub const WRITE_MARK: &str = "INSERT INTO marks (connection, at, checksum) VALUES ($1, $2, $3) \
    ON CONFLICT (connection) DO UPDATE SET at = excluded.at, checksum = excluded.checksum WHERE excluded.at > marks.at";

/// Forgets it.
pub const DELETE_MARK: &str = "DELETE FROM marks WHERE connection = $1";

/// The ledger's own record.
pub const READ_SUMMARY: &str = "SELECT created, row_count, row_sum, operation_count, operation_sum, \
    run_count, run_sum, checksum FROM ledger WHERE id = 1";

/// Makes or replaces the ledger's own record.
pub const WRITE_SUMMARY: &str = "INSERT INTO ledger (id, created, row_count, row_sum, operation_count, \
    operation_sum, run_count, run_sum, checksum) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (id) DO UPDATE SET created = excluded.created, \
    row_count = excluded.row_count, row_sum = excluded.row_sum, operation_count = excluded.operation_count, \
    operation_sum = excluded.operation_sum, run_count = excluded.run_count, run_sum = excluded.run_sum, \
    checksum = excluded.checksum";

#[cfg(test)]
mod tests {
    use super::{ROW_STATEMENTS, RUN_STATEMENTS};

    #[test]
    fn a_look_up_fixes_the_first_of_the_key_and_lists_the_last() {
        let (sql, size) = ROW_STATEMENTS.look_up(5);
        assert_eq!(size, 8);
        assert!(sql.ends_with("WHERE connection = ? AND id IN (?, ?, ?, ?, ?, ?, ?, ?)"), "{sql}");
    }

    #[test]
    fn an_upsert_replaces_all_but_the_key() {
        let (sql, size) = RUN_STATEMENTS.upsert(7);
        assert_eq!(size, 1);
        assert_eq!(
            sql,
            "INSERT INTO runs (id, connection, started, finished, report, checksum) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, started = excluded.started, \
             finished = excluded.finished, report = excluded.report, checksum = excluded.checksum"
        );
    }
}
