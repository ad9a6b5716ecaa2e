//! The lines to the accounts, shared by all runs: one set of rate limits each, opened anew when a line has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rowbill_connector::Problem;
use secrecy::{ExposeSecret, SecretString};

use crate::config::Account;
use crate::connectors;
use crate::run::{AccountLine, Clock};
use crate::web::metrics::Metrics;

/// The lines of one daemon.
#[derive(Default)]
pub struct Accounts(Mutex<BTreeMap<String, Open>>);

struct Open {
    line: Arc<AccountLine>,
    settings: Account,
    key: SecretString,
}

impl Accounts {
    /// The line to an account. It is opened anew when its settings or its key have changed, or when it was halted:
    /// then the key may be a new one, and what was sent last is looked up again before the first send.
    pub fn line(&self, account: &Account) -> Result<Arc<AccountLine>, Problem> {
        let key = account.key.read()?;
        let mut lines = self.lines();
        let known = lines.get(&account.name);
        if let Some(open) = known.filter(|open| open.serves(account, &key)) {
            return Ok(Arc::clone(&open.line));
        }
        let shared = known.map(|open| Arc::clone(&open.line.shared)).unwrap_or_default();
        let line = Arc::new(AccountLine::going_on(connectors::target(account)?, shared));
        let open = Open { line: Arc::clone(&line), settings: account.clone(), key };
        lines.insert(account.name.clone(), open);
        Ok(line)
    }

    /// All lines are opened anew.
    pub fn forget(&self) {
        self.lines().clear();
    }

    /// Tells what is known of the accounts.
    pub fn measure(&self, metrics: &Metrics, clock: Clock) {
        for (name, Open { line, .. }) in self.lines().iter() {
            let skew = line.target.clock().map(|theirs| clock.ahead(theirs));
            metrics.account(name, &line.shared.answers, line.halted().is_some(), skew);
        }
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<String, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn serves(&self, account: &Account, key: &SecretString) -> bool {
        let same_key = self.key.expose_secret() == key.expose_secret();
        same_key && self.settings == *account && self.line.halted().is_none()
    }
}
