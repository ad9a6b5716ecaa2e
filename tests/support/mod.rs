//! What the tests share: a project in a folder of its own, its fake Stripe and Sheets, and the books to compare.

pub mod books;
pub mod business;
pub mod daemon;
pub mod output;
pub mod person;
pub mod project;
pub mod samples;

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// The servers of all tests run here; the tests themselves are plain functions that wait for child processes.
pub static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

pub use daemon::Daemon;
pub use output::Output;
pub use project::Project;
pub use rowbill_proof::{invariants, journal};
