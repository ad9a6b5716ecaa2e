//! How long one try may take.

use std::time::Duration;

/// The time for one try. The contract of [`rowbill_connector::Channel`] allows no more than the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To reach the other side.
    pub connect: Duration,
    /// For everything, up to the whole answer.
    pub whole: Duration,
}

/// 10 seconds to connect, 20 for all.
impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), whole: Duration::from_secs(20) }
    }
}
