//! From row to request: pure. No clock, no network, no files.
//!
//! Reading order: [`column`] types a cell, [`template`] evaluates `${{ … }}`, [`params`] turns a block of the mapping
//! into a target's parameters, [`identity`] names rows and operations, [`row`] puts it together for one row.

pub mod binding;
pub mod column;
pub mod exact;
pub mod expression;
pub mod filters;
pub mod identity;
pub mod money;
pub mod number;
pub mod object;
pub mod params;
pub mod recipe;
pub mod row;
pub mod template;
pub mod time;

pub use binding::Binding;
pub use column::{Column, ColumnType, Typed};
pub use money::{Minor, Money};
pub use params::{Block, Expected};
pub use recipe::{Prepared, Recipe};
pub use row::{Mapped, Outcome, RowValues};
pub use template::Template;
