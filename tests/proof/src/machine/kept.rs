//! What is left of a folder after a power cut: what was synced, and of the rest nothing or something.
//!
//! The shim keeps a copy of each file at its sync, and the names in a folder at the folder's sync. A file is known by
//! its inode and its birth, so that a copy finds its file under whatever name.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A disk writes so much at once or not at all.
const SECTOR: usize = 512;

/// What is lost when the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: the system goes on.
    Nothing,
    /// All that was not synced.
    Unsynced,
    /// Of what was not synced, some sectors and some folders, at random.
    Torn,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Unsynced, Self::Torn];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing-lost",
            Self::Unsynced => "unsynced-lost",
            Self::Torn => "torn",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| format!("no loss is named {name}"))
    }
}

/// The copies.
pub struct Kept(PathBuf);

impl Kept {
    /// Those that are in this folder.
    pub fn at(copies: PathBuf) -> Self {
        Self(copies)
    }

    /// Takes all that is in `project` for durable: it has been there for long.
    pub fn all_of(project: &Path, copies: PathBuf) -> Self {
        let _ = fs::remove_dir_all(&copies);
        fs::create_dir(&copies).unwrap();
        let kept = Self(copies);
        kept.folder(project);
        kept
    }

    fn folder(&self, folder: &Path) {
        let names = names(folder);
        for (name, path) in &names {
            if path.is_dir() {
                self.folder(path);
            } else {
                fs::copy(path, self.0.join(key(path))).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
        let lines: Vec<String> = names.iter().map(|(name, path)| format!("{} {name}\n", key(path))).collect();
        fs::write(self.0.join(key(folder)), lines.concat()).unwrap();
    }

    /// Makes `to` what is left of `project`.
    pub fn left(&self, project: &Path, to: &Path, loss: Loss, seed: u64) {
        let mut now = BTreeMap::new();
        index(project, &mut now);
        let dice = StdRng::seed_from_u64(seed);
        PowerCut { kept: self, now, torn: loss == Loss::Torn, dice }.folder(project, to);
    }

    fn copy(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.0.join(key)).ok()
    }
}

struct PowerCut<'a> {
    kept: &'a Kept,
    /// Where each file is now.
    now: BTreeMap<String, PathBuf>,
    torn: bool,
    dice: StdRng,
}

impl PowerCut<'_> {
    /// A folder that was never synced itself has no names.
    fn folder(&mut self, folder: &Path, to: &Path) {
        fs::create_dir(to).unwrap();
        let kept = self.kept.copy(&key(folder)).map(|lines| String::from_utf8(lines).unwrap()).unwrap_or_default();
        let names: Vec<(String, String)> = if self.torn && self.dice.random_bool(0.5) {
            names(folder).into_iter().map(|(name, path)| (key(&path), name)).collect()
        } else {
            let names = kept.lines().filter_map(|line| line.split_once(' '));
            names.map(|(key, name)| (key.to_owned(), name.to_owned())).collect()
        };
        for (key, name) in names {
            let now = self.now.get(&key).cloned();
            match now.filter(|now| now.is_dir()) {
                Some(now) => self.folder(&now, &to.join(name)),
                None => fs::write(to.join(name), self.content(&key)).unwrap(),
            }
        }
    }

    /// A name that was synced, of a file that was not, is an empty file.
    fn content(&mut self, key: &str) -> Vec<u8> {
        let kept = self.kept.copy(key).unwrap_or_default();
        let now = self.now.get(key).filter(|_| self.torn).and_then(|now| fs::read(now).ok());
        now.map_or(kept.clone(), |now| self.mixed(&kept, &now))
    }

    /// Each sector is the old one or the new one; one that was never written is zeros.
    fn mixed(&mut self, kept: &[u8], now: &[u8]) -> Vec<u8> {
        let length = if self.dice.random_bool(0.5) { kept.len() } else { now.len() };
        let mut mixed = vec![0; length];
        for (at, sector) in mixed.chunks_mut(SECTOR).enumerate() {
            let from = if self.dice.random_bool(0.5) { kept } else { now };
            let there = from.get(at * SECTOR..).unwrap_or_default();
            let count = there.len().min(sector.len());
            sector[..count].copy_from_slice(&there[..count]);
        }
        mixed
    }
}

/// The files and folders in a folder, in the order of their names; sockets are not for keeps.
fn names(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let lasting = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir()));
    lasting.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect()
}

fn index(folder: &Path, now: &mut BTreeMap<String, PathBuf>) {
    for (_, path) in names(folder) {
        now.insert(key(&path), path.clone());
        if path.is_dir() {
            index(&path, now);
        }
    }
}

/// As the shim has it: number and birth.
fn key(path: &Path) -> String {
    let about: Metadata = fs::symlink_metadata(path).unwrap();
    let birth = about.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}-{}.{}", about.ino(), birth.as_secs(), birth.subsec_nanos())
}
