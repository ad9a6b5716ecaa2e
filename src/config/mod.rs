//! From YAML to checked connections, with the place of every mistake.
//!
//! The flow: [`yaml`] parses into a tree with places, [`shape`] checks the tree against [`shapes`], [`settings`],
//! [`source`] and [`mapping_file`] read it into types, [`check`] looks at how the files go together. All problems
//! of all files are told at once.

mod act;
mod act_file;
pub mod block;
mod bounds;
pub mod check;
pub mod connection;
mod examples;
pub mod file;
pub mod files;
pub mod json_schema;
pub mod load;
pub mod mapping_file;
mod names;
mod object;
pub mod reload;
mod report_jobs;
mod schedule_file;
pub mod secret;
pub mod settings;
pub mod shape;
pub mod shapes;
pub mod source;
mod syntax;
pub mod watch;
pub mod yaml;

pub use act::Act;
pub use connection::{
    Action, Connection, Duplicates, Expect, Finish, FirstRun, Invoice, MappingTest, OnChange, WriteBackField,
};
pub use load::{Project, load, load_files, settings_alone};
pub use report_jobs::{ReportJob, ReportPlace};
pub use settings::{Account, Google, Rate, Settings};
pub use source::{SourceConfig, SourceKind};
