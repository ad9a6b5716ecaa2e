//! What must hold for any bytes at all. `cargo fuzz` looks for bytes for which it does not; `tests/hostile/targets.rs`
//! tries a few thousand in every test run, so that nothing here rots.

pub mod answer;
pub mod csv;
pub mod money;
pub mod template;
pub mod webhook;
pub mod yaml;
