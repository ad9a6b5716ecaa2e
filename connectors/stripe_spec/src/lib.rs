//! Stripe's operations, parameters and currencies as data.
//!
//! [`catalog`] is what rowbill checks mappings with; [`route`] and [`paged`] are for servers that play Stripe.
#![deny(missing_docs)]

mod currencies;
mod operations;
mod routes;

use std::sync::LazyLock;

use rowbill_connector::Catalog;

pub use operations::{Paging, paged};
pub use routes::route;

/// The API version that the data describes; every request names it.
pub const VERSION: &str = "2026-10-28.endive";

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog {
    operations: operations::load(),
    currencies: currencies::load(),
    version: VERSION.to_owned(),
});

/// All that is known of Stripe without asking it.
pub fn catalog() -> &'static Catalog {
    &CATALOG
}
