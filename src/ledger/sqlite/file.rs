//! The ledger's file: where it is, who may read it, and whether it looks like one.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use rowbill_connector::Problem;
use tempfile::NamedTempFile;

use super::problems::LedgerPath;
use super::schema::APPLICATION_ID;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER: usize = 100;
/// Where SQLite's header holds the application id.
const APPLICATION_AT: usize = 68;

/// The real path of a ledger that is there, so that every name of it leads to the same lock.
///
/// The header is read before SQLite sees the file: to SQLite an empty file is an empty database, and that is the one
/// thing that a damaged ledger must never be.
pub fn existing(path: &Path, named: &LedgerPath) -> Result<PathBuf, Problem> {
    let real = fs::canonicalize(path).map_err(|error| not_opened(named, &error))?;
    let mut header = [0; HEADER];
    let mut file = File::open(&real).map_err(|error| not_opened(named, &error))?;
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => named.damaged("it is cut off"),
        _ => named.io(&error),
    })?;
    if !header.starts_with(MAGIC) {
        return Err(named.damaged("it is not an SQLite file"));
    }
    if header[APPLICATION_AT..APPLICATION_AT + 4] != APPLICATION_ID.to_be_bytes()[4..] {
        return Err(named.damaged("it is not marked as a ledger of rowbill"));
    }
    Ok(real)
}

fn not_opened(named: &LedgerPath, error: &io::Error) -> Problem {
    if error.kind() == ErrorKind::NotFound { named.missing() } else { named.io(error) }
}

/// The real path of a ledger to be made, in a directory that only its owner may enter where it has to be made.
pub fn new_place(path: &Path, named: &LedgerPath) -> Result<PathBuf, Problem> {
    let name = path.file_name().ok_or_else(|| named.io(&io::Error::from(ErrorKind::IsADirectory)))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    private_directories(directory).map_err(|error| named.io(&error))?;
    let place = fs::canonicalize(directory).map_err(|error| named.io(&error))?.join(name);
    if fs::symlink_metadata(&place).is_ok() { Err(named.exists()) } else { Ok(place) }
}

fn private_directories(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// An empty file beside the place, for its owner's eyes only; it gets its name by [`put_in_place`] once it is whole.
pub fn draft(place: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::with_prefix_in(".ledger-", directory_of(place))
}

/// Makes a whole file durable under its name; `None` if the name is taken.
pub fn put_in_place(draft: NamedTempFile, place: &Path) -> io::Result<Option<()>> {
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(place) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error.error),
    }
    File::open(directory_of(place))?.sync_all()?;
    Ok(Some(()))
}

fn directory_of(place: &Path) -> &Path {
    match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
