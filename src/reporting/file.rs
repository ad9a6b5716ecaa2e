//! A file that is there whole or not at all.

use std::io::Write;
use std::path::Path;

use rowbill_connector::Problem;
use tempfile::NamedTempFile;

/// Whoever reads the file sees the old report or the new one.
pub fn write(path: &Path, text: &str) -> Result<(), Problem> {
    written(path, text).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Problem::new("report.not_written", message).advise("choose a folder that is there and can be written to")
    })
}

/// A slip in a name must not overwrite somebody's file: it is not there, empty, or an older report.
pub fn is_free_for(path: &Path, text: &str) -> Result<(), Problem> {
    let Ok(there) = std::fs::read(path) else { return Ok(()) };
    let head = text.lines().next().unwrap_or_default().as_bytes();
    if there.is_empty() || there.starts_with(head) {
        return Ok(());
    }
    let message = format!("{} holds something else than this report; nothing was written", path.display());
    Err(Problem::new("report.another_table", message).advise("name a file of its own, or move that one away"))
}

fn written(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = draft(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    draft.persist(path).map(drop).map_err(|error| error.error)
}

/// With the rights that any new file has: others may be meant to read it.
fn draft(folder: &Path) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let rights = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".report-").permissions(rights).tempfile_in(folder)
}
