//! The file in which the shim counts: it is mapped into memory, so that a kill loses nothing of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::fault::Point;

const NUMBER: usize = 8;
const PLACE: usize = 256;

/// A board of one run. Its layout is `struct board` of `shim.c`.
pub struct Board(PathBuf);

/// What a board says after the run.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Whether the fault struck.
    pub acted: bool,
    /// How often each point was passed.
    pub hits: BTreeMap<Point, u64>,
    /// The file at which the fault struck, or what was sent.
    pub place: String,
}

impl Board {
    /// An empty one.
    pub fn new(path: PathBuf) -> Self {
        fs::write(&path, vec![0; NUMBER * (1 + Point::ALL.len()) + PLACE]).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn read(&self) -> Counts {
        let bytes = fs::read(&self.0).unwrap();
        let (numbers, place) = bytes.split_at(NUMBER * (1 + Point::ALL.len()));
        let mut numbers = numbers.chunks(NUMBER).map(|number| u64::from_ne_bytes(number.try_into().unwrap()));
        let acted = numbers.next() != Some(0);
        let place: Vec<u8> = place.iter().copied().take_while(|byte| *byte != 0).collect();
        let place = String::from_utf8_lossy(&place).rsplit('/').next().unwrap_or_default().to_owned();
        Counts { acted, hits: Point::ALL.into_iter().zip(numbers).collect(), place }
    }
}
