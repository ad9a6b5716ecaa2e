//! One process owns a ledger: an operating-system lock, which no crash can leave behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rowbill_connector::Problem;

use super::problems::LedgerPath;

/// How long to wait for an owner that is just leaving.
const PATIENCE: Duration = Duration::from_millis(200);

/// The lock of a ledger, held while this lives.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

impl Owner {
    /// Takes the lock of the ledger at `place`, or says who has it.
    pub async fn take(place: &Path, named: &LedgerPath) -> Result<Self, Problem> {
        let mut lock = lock_file(place).map_err(|error| named.io(&error))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(TryLockError::WouldBlock) => return Err(named.locked(&holder(&mut lock))),
                Err(TryLockError::Error(error)) => return Err(named.io(&error)),
            }
        }
        sign(&mut lock).map_err(|error| named.io(&error))?;
        Ok(Self { _lock: lock })
    }
}

/// The lock has a file of its own, since closing a descriptor of the ledger itself would lose SQLite's locks.
fn lock_file(place: &Path) -> std::io::Result<File> {
    let mut name = place.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(name)
}

/// Writes down who holds the lock since when.
fn sign(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{}\n{}\n", std::process::id(), now())
}

/// Who holds the lock, as far as the file tells.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    if lock.rewind().is_err() || lock.read_to_string(&mut text).is_err() {
        return String::new();
    }
    let mut numbers = text.lines().map(str::parse::<i64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(pid)), Some(Ok(since))) => format!(" (process {pid}, for {} s)", now().saturating_sub(since)),
        (Some(Ok(pid)), _) => format!(" (process {pid})"),
        _ => String::new(),
    }
}

/// The wall clock in seconds, UTC.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
