//! The real binary on a machine that fails: killed at named points, in a power cut, on a full or broken disk.
//!
//! There is no hook in the product. A small library (`shim.c`) is loaded between the binary and libc; it counts every
//! write, sync, request and answer, and strikes at the one it was told to. After each strike the business is run on
//! until it is settled, and the books are compared.
//!
//! 1. [`kills`] kills it at each passage of each point, and at random;
//! 2. [`disk`] makes the disk full or broken;
//! 3. [`Strikes`] is what comes of it: how often the machine failed, where, and what was wrong afterwards.

mod board;
mod case;
pub mod disk;
mod fault;
mod intents;
mod kept;
pub mod kills;
mod shop;
mod strikes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{fs, io};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub use case::{Case, Stage};
pub use fault::{Area, Deed, Fault, Point};
pub use kept::Loss;
pub use strikes::Strikes;

/// The fake Stripes of all cases run here; the cases themselves are plain functions that wait for child processes.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));

/// A binary of rowbill, and the library that makes its machine fail.
#[derive(Debug)]
pub struct Machine {
    binary: PathBuf,
    /// Holds the compiled shim.
    folder: TempDir,
}

impl Machine {
    /// Compiles the shim with `cc`, which must be there. The binary gets a second name, so that it stays the same when
    /// a new one is built meanwhile.
    pub fn new(binary: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("rowbill-machine-").tempdir()?;
        let link = folder.path().join("rowbill");
        let binary = if fs::hard_link(binary, &link).is_ok() { link } else { binary.to_owned() };
        let source = folder.path().join("shim.c");
        fs::write(&source, include_str!("shim.c"))?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        let compiled = cc.arg(folder.path().join("shim.so")).arg(&source).arg("-ldl").output()?;
        if !compiled.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&compiled.stderr).into_owned()));
        }
        Ok(Self { binary, folder })
    }

    fn shim(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }
}
