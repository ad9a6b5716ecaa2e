//! The ledger's file: where it is, who may read it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rowbill_connector::Problem;
use tempfile::NamedTempFile;

use super::problems::LedgerPath;

/// SQLite's unit: a file has at least one, and whole ones.
const PAGE: u64 = 4096;

/// The real path of a ledger that is there, so that every name of it leads to the same lock.
///
/// The size is looked at before SQLite sees the file: to SQLite an empty file is an empty database, and that is the
/// one thing that a damaged ledger must never be. The file is not opened: closing it would let go of the locks of
/// every SQLite connection that this process has to it.
pub fn existing(path: &Path, named: &LedgerPath) -> Result<PathBuf, Problem> {
    let real = fs::canonicalize(path).map_err(|error| not_opened(named, &error))?;
    let found = fs::metadata(&real).map_err(|error| not_opened(named, &error))?;
    if !found.is_file() {
        return Err(named.io(&io::Error::other("it is not a file")));
    }
    // With a log beside it, the last page may be half there: a crash while the log was moved into the file.
    let whole = found.len().is_multiple_of(PAGE) || has_log(&real);
    if found.len() < PAGE || !whole {
        return Err(named.damaged("it is cut off"));
    }
    Ok(real)
}

fn has_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > 0)
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

/// A directory that is made lasts only when the one above it is on the disk too.
fn private_directories(directory: &Path) -> io::Result<()> {
    let is_new = |each: &&Path| !each.as_os_str().is_empty() && !each.exists();
    let made: Vec<&Path> = directory.ancestors().take_while(is_new).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    made.into_iter().try_for_each(sync_directory_of)
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
    sync_directory_of(place)?;
    Ok(Some(()))
}

/// Makes durable which names there are beside a file.
pub fn sync_directory_of(file: &Path) -> io::Result<()> {
    File::open(directory_of(file))?.sync_all()
}

fn directory_of(place: &Path) -> &Path {
    match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
