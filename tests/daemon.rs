//! The daemon: the real binary, on schedules of seconds.

mod kills;
mod schedule;
