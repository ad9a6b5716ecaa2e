//! The ledger in an SQLite file.
//!
//! One task writes ([`writer`]), joining the commits that wait into one transaction ([`batch`]); a few connections
//! read ([`reads`]). Records are plain columns with a checksum ([`stored`]), and a walk through a table ([`walk`])
//! proves that none is missing. [`queries`] holds all SQL that another database would share; [`schema`] and
//! [`connections`] hold what is SQLite's alone.

mod backup;
mod batch;
mod change;
mod connections;
mod draft;
mod file;
mod look_up;
mod mark;
mod owner;
mod problems;
mod queries;
mod reads;
mod rename;
mod schema;
mod stored;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rowbill_connector::Problem;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

pub use draft::Draft;
use owner::Owner;
use problems::LedgerPath;
use walk::Walked;
use writer::Writer;

/// A ledger in an SQLite file.
pub struct SqliteLedger {
    /// As a person named it, for problems.
    path: LedgerPath,
    /// Where it really is.
    file: PathBuf,
    readers: SqlitePool,
    /// None in a ledger that was opened for reading.
    writer: Option<Writer>,
    walked: Walked,
}

impl SqliteLedger {
    /// Opens a ledger that is there, and owns it: no other process can write it until this is dropped or closed.
    ///
    /// Refused with `ledger.missing`, `ledger.locked`, `ledger.damaged`, `ledger.newer` or `ledger.unreadable`; nothing
    /// that cannot be read is ever taken for an empty ledger.
    pub async fn open(path: &Path) -> Result<Self, Problem> {
        let named = LedgerPath::new(path);
        let file = file::existing(path, &named)?;
        let owner = Owner::take(&file, &named).await?;
        Self::owned(named, file, owner).await
    }

    /// Makes a new ledger and owns it. Refused with `ledger.exists` if a file is there.
    ///
    /// It is laid out under another name and gets its own when it is whole, so that a crash leaves no half of one.
    pub async fn create(path: &Path) -> Result<Self, Problem> {
        let named = LedgerPath::new(path);
        let file = file::new_place(path, &named)?;
        let owner = Owner::take(&file, &named).await?;
        let draft = file::draft(&file).map_err(|error| named.io(&error))?;
        lay_out(draft.path()).await.map_err(|error| named.writing(error))?;
        match file::put_in_place(draft, &file) {
            Ok(Some(())) => Self::owned(named, file, owner).await,
            Ok(None) => Err(named.exists()),
            Err(error) => Err(named.io(&error)),
        }
    }

    /// Opens a ledger for reading, also while another process owns it. It sees what that one commits.
    pub async fn open_read_only(path: &Path) -> Result<Self, Problem> {
        let named = LedgerPath::new(path);
        let file = file::existing(path, &named)?;
        let readers = connections::readers(&file).await.map_err(|error| named.reading(error))?;
        let mut reader = readers.acquire().await.map_err(|error| named.reading(error))?;
        schema::enter_read_only(&mut reader, &named).await?;
        connections::summary(&mut reader).await.map_err(|trouble| named.reading(trouble))?;
        drop(reader);
        Ok(Self { path: named, file, readers, writer: None, walked: Walked::default() })
    }

    async fn owned(named: LedgerPath, file: PathBuf, owner: Owner) -> Result<Self, Problem> {
        let mut connection = connections::writer(&file).await.map_err(|error| named.reading(error))?;
        schema::enter(&mut connection, &named).await?;
        let summary = connections::summary(&mut connection).await.map_err(|trouble| named.reading(trouble))?;
        let readers = connections::readers(&file).await.map_err(|error| named.reading(error))?;
        // SQLite does not look whether the folder was synced when it made the log.
        file::sync_directory_of(&file).map_err(|error| named.io(&error))?;
        let writer = Writer::start(connection, summary, named.clone(), Arc::new(owner));
        Ok(Self { path: named, file, readers, writer: Some(writer), walked: Walked::default() })
    }

    /// Writes what waits, lets go of the file and of its ownership. A ledger that is only dropped does the same a
    /// moment later.
    pub async fn close(self) {
        self.readers.close().await;
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }
}

/// Lays a ledger out in an empty file, and leaves no log beside it.
async fn lay_out(draft: &Path) -> Result<(), sqlx::Error> {
    let mut connection: SqliteConnection = connections::writer(draft).await?;
    schema::lay_out(&mut connection, owner::now()).await?;
    connection.close().await
}
