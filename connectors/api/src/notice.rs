//! How people and monitors hear of what rowbill does while nobody looks.

use async_trait::async_trait;

use crate::Problem;

/// One change of state, told once. Holds names, counts and codes; never a cell's value, never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What has changed, in one line: `orders-to-invoices fails`.
    pub title: String,
    /// The details, one line each. May be empty.
    pub lines: Vec<String>,
    /// Whether somebody must look; otherwise it is good news, such as a connection that works again.
    pub trouble: bool,
}

/// A way to reach people.
///
/// Contract: [`Channel::tell`] tries once and never takes longer than 20 seconds; the caller repeats it. `Ok` means
/// that the other side has taken the notice. After an error it may have arrived all the same: people may read it
/// twice. No error holds a secret.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The channel in one word, for logs: `email`.
    fn name(&self) -> &'static str;

    /// Sends one notice.
    async fn tell(&self, notice: &Notice) -> Result<(), Problem>;
}

/// What a run does, as a monitor counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It begins.
    Start,
    /// It has ended, and nothing is wrong.
    Success,
    /// It has ended, and something is wrong.
    Fail,
}

/// A monitor outside of this machine that raises the alarm when runs stay away.
///
/// Contract: as [`Channel::tell`], one try in at most 20 seconds. A signal that is lost is not sent again later: the
/// monitor takes the moment of the call as the moment of the run.
#[async_trait]
pub trait Pinger: Send + Sync {
    /// Sends one signal of a run of a connection; `body` is a few lines for whoever looks there, or empty.
    async fn ping(&self, connection: &str, run: u128, signal: Signal, body: &str) -> Result<(), Problem>;
}
