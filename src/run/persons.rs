//! Looking for a customer and making one if there is none is one act: nobody else of the account may do it in between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// E-mails that somebody is looking for, in all runs of an account.
#[derive(Debug, Default)]
pub struct Persons(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

/// So many e-mails are remembered before those that nobody looks for any more are forgotten.
const MANY: usize = 1024;

impl Persons {
    /// Waits until nobody else looks for this e-mail, and keeps others from it while the guard lives.
    pub async fn alone(&self, email: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut persons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if persons.len() >= MANY {
                persons.retain(|_, turn| turn.strong_count() > 0);
            }
            let known = persons.get(&email.to_lowercase()).and_then(Weak::upgrade);
            let turn = known.unwrap_or_default();
            persons.insert(email.to_lowercase(), Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}
