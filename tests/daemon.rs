//! The daemon: the real binary, on schedules of seconds.

mod schedule;
