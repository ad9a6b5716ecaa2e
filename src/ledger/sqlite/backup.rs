//! Copies a ledger into a new file, while it is in use.

use std::io::ErrorKind;
use std::path::Path;

use rowbill_connector::Problem;
use sqlx::Connection as _;

use super::problems::LedgerPath;
use super::{SqliteLedger, connections, file};

impl SqliteLedger {
    /// Writes a consistent copy into a new file.
    ///
    /// The copy is made beside its place and gets its name when it is whole, so that half a backup is never taken
    /// for one.
    pub async fn backup(&self, to: &Path) -> Result<(), Problem> {
        let named = LedgerPath::new(to);
        let place = file::new_place(to, &named)?;
        let draft = file::draft(&place).map_err(|error| named.io(&error))?;
        let Some(name) = draft.path().to_str() else {
            return Err(named.io(&ErrorKind::InvalidFilename.into()));
        };
        let mut connection = connections::reader(&self.file).await.map_err(|error| self.path.reading(error))?;
        let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut connection).await;
        copied.map_err(|error| named.writing(error))?;
        // The copy is whole by now, however the connection to the original ends.
        let _ = connection.close().await;
        match file::put_in_place(draft, &place) {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(named.exists()),
            Err(error) => Err(named.io(&error)),
        }
    }
}
