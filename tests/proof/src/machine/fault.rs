//! What goes wrong with the machine, where and when.

use std::fmt;
use std::str::FromStr;

/// Where the machine can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Before a write to a file.
    WriteBefore,
    /// When half of a write to a file is done.
    WriteHalf,
    /// Before an fsync.
    SyncBefore,
    /// After an fsync.
    SyncAfter,
    /// Before a file is deleted.
    UnlinkBefore,
    /// After a file was deleted.
    UnlinkAfter,
    /// Before the first byte of a request leaves.
    SendBefore,
    /// When half of a request has left.
    SendHalf,
    /// When a request has left.
    SendAfter,
    /// When an answer, or a part of it, has come.
    RecvAfter,
}

impl Point {
    /// All of them, in the order of `shim.c`.
    pub const ALL: [Self; 10] = [
        Self::WriteBefore,
        Self::WriteHalf,
        Self::SyncBefore,
        Self::SyncAfter,
        Self::UnlinkBefore,
        Self::UnlinkAfter,
        Self::SendBefore,
        Self::SendHalf,
        Self::SendAfter,
        Self::RecvAfter,
    ];

    /// Its number in `shim.c`.
    pub(super) fn number(self) -> usize {
        Self::ALL.iter().position(|point| *point == self).unwrap_or_default()
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteBefore => "write.before",
            Self::WriteHalf => "write.half",
            Self::SyncBefore => "sync.before",
            Self::SyncAfter => "sync.after",
            Self::UnlinkBefore => "unlink.before",
            Self::UnlinkAfter => "unlink.after",
            Self::SendBefore => "send.before",
            Self::SendHalf => "send.half",
            Self::SendAfter => "send.after",
            Self::RecvAfter => "recv.after",
        }
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|point| point.name() == name).ok_or_else(|| format!("no point is named {name}"))
    }
}

/// How the machine fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// SIGKILL.
    Kill,
    /// The disk is full from then on.
    Full,
    /// The disk refuses from then on.
    Broken,
    /// The disk refuses this one time; what comes later succeeds.
    Once,
}

impl Deed {
    /// Its name for the shim and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Full => "full",
            Self::Broken => "broken",
            Self::Once => "once",
        }
    }
}

impl FromStr for Deed {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Kill, Self::Full, Self::Broken, Self::Once];
        all.into_iter().find(|deed| deed.name() == name).ok_or_else(|| format!("nothing is named {name}"))
    }
}

/// The files whose points are counted. Requests are counted always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// The whole project.
    Project,
    /// The ledger.
    State,
    /// The sources, and what is written back.
    Data,
    /// Temporary files.
    Spool,
}

impl Area {
    /// Its folder below that of the case.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::State => "project/state",
            Self::Data => "project/data",
            Self::Spool => "spool",
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::State => "state",
            Self::Data => "data",
            Self::Spool => "spool",
        }
    }
}

impl FromStr for Area {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Project, Self::State, Self::Data, Self::Spool];
        all.into_iter().find(|area| area.name() == name).ok_or_else(|| format!("no area is named {name}"))
    }
}

/// One failure of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub deed: Deed,
    /// Which files count.
    pub area: Area,
    /// At which point.
    pub point: Point,
    /// At which passage of it, from 1.
    pub hit: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {} {} {}", self.deed.name(), self.area.name(), self.point.name(), self.hit)
    }
}
