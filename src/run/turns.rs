//! Fairness between the runs of one account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rowbill_connector::Target;

/// One run's places in the queues of an account's rate limits.
///
/// However many rows a run has under way, one of them stands in each queue. So the queues, in which who comes first
/// leaves first, go round the runs, and a run of a million rows delays one of three rows by a turn, not by a million.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for this run's turn, and in it until the target takes one more request of this operation.
    pub async fn ready(&self, target: &dyn Target, operation: &str) {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(operation.to_owned()).or_default())
        };
        let _mine = turn.lock().await;
        target.ready(operation).await;
    }
}
