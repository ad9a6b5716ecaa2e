//! The black-box tests: the real binary against real servers on loopback.

mod flow;
mod support;
