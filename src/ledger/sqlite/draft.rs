//! A ledger that is filled before it gets its name: half of one must never be taken for a whole one.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rowbill_connector::Problem;
use tempfile::TempDir;

use super::problems::LedgerPath;
use super::{SqliteLedger, file};

/// A place beside a ledger's, in which another one is made.
pub struct Draft {
    folder: TempDir,
    place: PathBuf,
    named: LedgerPath,
}

impl Draft {
    /// Refused with `ledger.exists` if a ledger is there already.
    pub fn new(path: &Path) -> Result<Self, Problem> {
        let named = LedgerPath::new(path);
        let place = file::new_place(path, &named)?;
        let folder = tempfile::Builder::new().prefix(".ledger-").tempdir_in(place.parent().unwrap_or(Path::new(".")));
        Ok(Self { folder: folder.map_err(|error| named.io(&error))?, place, named })
    }

    /// The ledger to fill.
    pub async fn ledger(&self) -> Result<SqliteLedger, Problem> {
        SqliteLedger::create(&self.path()).await
    }

    /// Gives the ledger, which is closed by now, its name.
    pub fn put_in_place(self) -> Result<(), Problem> {
        let path = self.path();
        let log = path.with_extension("db-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(self.named.stopped());
        }
        let placed = File::open(&path)
            .and_then(|file| file.sync_all())
            // Not a rename, which would take the place of a ledger that somebody has made meanwhile.
            .and_then(|()| fs::hard_link(&path, &self.place))
            .and_then(|()| file::sync_directory_of(&self.place));
        placed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => self.named.exists(),
            _ => self.named.io(&error),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }
}
