//! What can be wrong with a ledger, in words and with the command that helps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rowbill_connector::Problem;

use super::stored::Damage;

/// SQLite's primary result codes that mean something of their own here.
mod result {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const NOT_A_DATABASE: i32 = 26;
}

const RESTORE: &str = "Keep the file as it is, put a backup made by `rowbill ledger backup` in its place, and check that one \
    with `rowbill ledger verify`. What was sent since the backup is found at Stripe and taken over. Without a backup, \
    move the file away, and `rowbill ledger rebuild` makes it again from Stripe.";

/// Why something could not be read or written.
#[derive(Debug)]
pub enum Trouble {
    /// What was read is not what was written.
    Damage(Damage),
    /// SQLite or the disk refused.
    Sql(sqlx::Error),
}

impl From<Damage> for Trouble {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// A ledger's file as a person named it; tells what is wrong with it.
#[derive(Clone, Debug)]
pub struct LedgerPath(Arc<PathBuf>);

impl LedgerPath {
    /// The ledger at this path.
    pub fn new(path: &Path) -> Self {
        Self(Arc::new(path.to_owned()))
    }

    fn says(&self, code: &str, what: &str) -> Problem {
        Problem::new(code, format!("The ledger {} {what}", self.0.display()))
    }

    /// There is no file.
    pub fn missing(&self) -> Problem {
        self.says("ledger.missing", "is not there.").advise(
            "If there was one, restore a backup of it, or make it again from Stripe with `rowbill ledger rebuild`. If this is \
             a new installation, make one with `rowbill ledger create`.",
        )
    }

    /// There is a file already.
    pub fn exists(&self) -> Problem {
        self.says("ledger.exists", "is there already, and nothing was changed.")
            .advise("Check it with `rowbill ledger verify`; to start anew, move it away yourself first.")
    }

    /// Another process owns it.
    pub fn locked(&self, owner: &str) -> Problem {
        self.says("ledger.locked", &format!("belongs to another rowbill{owner}."))
            .advise("Wait until that one is done, or stop it; `rowbill status` can be used meanwhile.")
    }

    /// It is not what was written.
    pub fn damaged(&self, what: &str) -> Problem {
        self.says("ledger.damaged", &format!("is damaged: {what}.")).advise(RESTORE)
    }

    /// It was written by a newer rowbill.
    pub fn newer(&self, found: i64, known: i64) -> Problem {
        self.says(
            "ledger.newer",
            &format!("has version {found}, and this rowbill knows versions up to {known}."),
        )
        .advise(
            "Use the newer rowbill that wrote it (`rowbill --version`), or restore a backup from before the upgrade.",
        )
    }

    /// It was written by an older rowbill, and may only be read here.
    pub fn older(&self, found: i64, known: i64) -> Problem {
        self.says("ledger.older", &format!("has version {found}, and this rowbill writes version {known}."))
            .advise("Any command that writes brings it up to date: `rowbill run-now NAME`.")
    }

    /// A write was asked of a ledger that was opened for reading.
    pub fn read_only(&self) -> Problem {
        self.says("ledger.read_only", "was opened for reading only.")
    }

    /// The writer has ended.
    pub fn stopped(&self) -> Problem {
        self.says("ledger.unwritable", "is closed.").advise("Start the command again.")
    }

    /// The file system refused.
    pub fn io(&self, error: &io::Error) -> Problem {
        self.says("ledger.unreadable", &format!("cannot be opened: {error}."))
            .advise("Check the path and its permissions, then type `rowbill doctor`.")
    }

    /// What an error means while reading.
    pub fn reading(&self, trouble: impl Into<Trouble>) -> Problem {
        self.tell(&trouble.into(), "ledger.unreadable", "read")
    }

    /// What an error means while writing.
    pub fn writing(&self, trouble: impl Into<Trouble>) -> Problem {
        self.tell(&trouble.into(), "ledger.unwritable", "written")
    }

    fn tell(&self, trouble: &Trouble, code: &str, done: &str) -> Problem {
        match trouble {
            Trouble::Damage(Damage(what)) => self.damaged(what),
            Trouble::Sql(error) => self.known(error).unwrap_or_else(|| {
                self.says(code, &format!("cannot be {done}: {}.", words(error)))
                    .advise("Check the disk and the file's permissions, then type `rowbill ledger verify`.")
            }),
        }
    }

    fn known(&self, error: &sqlx::Error) -> Option<Problem> {
        match error {
            sqlx::Error::Database(_) => match primary_code(error)? {
                result::CORRUPT | result::NOT_A_DATABASE => Some(self.damaged(&words(error))),
                result::FULL => Some(
                    self.says("ledger.full", "cannot grow: the disk is full.")
                        .advise("Make room on the disk and start again; everything that was sent is in it."),
                ),
                result::BUSY | result::LOCKED => Some(
                    self.says("ledger.unwritable", "is held by another program, perhaps an SQLite shell.")
                        .advise("End that program's transaction, then start again."),
                ),
                _ => None,
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Some(self.damaged(&words(error)))
            }
            _ => None,
        }
    }
}

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// SQLite's own words, without sqlx's preface.
fn words(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}
