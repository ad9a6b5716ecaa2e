//! Payments within the daemon: deliveries are taken, the list of events is read when it is time, and what changed is
//! shown in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rowbill_connector::{Delivery, Problem};
use secrecy::ExposeSecret;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::door::{Door, Inside};
use super::mail::{Hold, Mail};
use super::story;
use super::world::World;
use crate::config::Account;
use crate::config::secret::SecretRef;
use crate::payments::receive;
use crate::payments::record::Way;
use crate::run::{Followed, Look, Shows, follow, refresh, showing};
use crate::web::webhooks::{Receiver, Refusal};

/// What could not be read is tried again after so long.
const AGAIN: Duration = Duration::from_secs(30);
/// How often it is looked what is due.
const BEAT: Duration = Duration::from_secs(1);

/// Accounts that something was delivered for.
#[derive(Default)]
pub struct Deliveries {
    accounts: Mutex<BTreeSet<String>>,
    notify: Notify,
    /// Connections that wait until what has changed can be shown: once for all changes until then.
    showing: Mutex<BTreeSet<String>>,
    /// Connections whose invoices something was done to by the runs of others.
    pub shows: Arc<Shows>,
}

impl Deliveries {
    fn put(&self, account: &str) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned());
        self.notify.notify_one();
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes deliveries into the ledger.
pub struct Taker {
    /// What the daemon's tasks share.
    pub world: Arc<World>,
    /// Where the ledger is, while it is open.
    pub door: Arc<Door>,
}

#[async_trait]
impl Receiver for Taker {
    async fn take(&self, account: &str, signature: &str, body: &[u8]) -> Result<(), Refusal> {
        let taken = self.taken(account, signature, body).await;
        if let Err(Refusal::Bad(problem) | Refusal::Later(problem)) = &taken {
            story::delivery_refused(account, problem);
        }
        taken
    }
}

impl Taker {
    async fn taken(&self, name: &str, signature: &str, body: &[u8]) -> Result<(), Refusal> {
        let project = self.world.project();
        let account = project.settings.accounts.get(name).ok_or(Refusal::Unknown)?;
        let secrets: Result<Vec<_>, Problem> = account.webhook_secrets.iter().map(SecretRef::read).collect();
        let secrets = secrets.map_err(Refusal::Later)?;
        if secrets.is_empty() {
            let problem = Problem::new("webhook.no_secret", format!("the account `{name}` has no webhook_secrets"));
            return Err(Refusal::Later(problem.advise("name where the endpoint's signing secret is")));
        }
        let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        let line = self.world.accounts.line(account).map_err(Refusal::Later)?;
        let target = line.target.payments().ok_or(Refusal::Unknown)?;
        let now = self.world.clock.now();
        let event = target.receive(&Delivery { signature, body, secrets: &secrets, now }).map_err(Refusal::Bad)?;
        let inside = self.door.inside().map_err(Refusal::Later)?;
        let ledger = &*inside.launcher.ledger;
        let stored = receive(ledger, name, std::slice::from_ref(&event), Way::Webhook, now, None).await;
        inside.post.broken(stored.as_ref().err()).await;
        if stored.map_err(Refusal::Later)? > 0 {
            story::delivered(name, &event.kind, &event.id);
        }
        self.world.deliveries.put(name);
        Ok(())
    }
}

/// Follows all accounts until it is aborted. What a process before has left is taken up first.
pub async fn run(world: Arc<World>, inside: Inside) {
    let mut due: BTreeMap<String, Instant> = BTreeMap::new();
    let mut shows = JoinSet::new();
    loop {
        while shows.try_join_next().is_some() {}
        let delivered = world.deliveries.take();
        for name in std::mem::take(&mut *world.deliveries.shows.lock().unwrap_or_else(PoisonError::into_inner)) {
            let (world, inside) = (Arc::clone(&world), inside.clone());
            shows.spawn(async move { shown(&world, &inside, name).await });
        }
        let project = world.project();
        for (name, account) in &project.settings.accounts {
            let is_due = due.get(name).is_none_or(|at| *at <= Instant::now());
            if !account.follows_payments() || world.stop.asked() || !(is_due || delivered.contains(name)) {
                continue;
            }
            let next = account.payments.poll.map_or(Duration::from_hours(24), Duration::from_secs);
            let polls = is_due && account.payments.poll.is_some();
            let look = if polls { Look::List } else { Look::Ledger };
            let wait = match one(&world, &inside, account, look).await {
                Ok((followed, names)) => {
                    // A run may take hours: nothing else waits for its end.
                    for name in names {
                        let (world, inside) = (Arc::clone(&world), inside.clone());
                        shows.spawn(async move { shown(&world, &inside, name).await });
                    }
                    if followed.applied.stopped.is_some() { AGAIN.min(next) } else { next }
                }
                Err(problem) => {
                    inside.post.broken(Some(&problem)).await;
                    story::not_followed(name, &problem);
                    AGAIN.min(next)
                }
            };
            if is_due || wait == AGAIN {
                due.insert(name.clone(), Instant::now() + wait);
            }
        }
        tokio::select! {
            () = world.deliveries.notify.notified() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Follows one account: what became of it, and the connections whose sources are to show it.
pub async fn one(
    world: &World,
    inside: &Inside,
    account: &Account,
    look: Look<'_>,
) -> Result<(Followed, Vec<String>), Problem> {
    let project = world.project();
    let of_account = project.connections.iter().filter(|connection| connection.account == account.name);
    let names: Vec<&str> = of_account.map(|connection| connection.name.as_str()).collect();
    let engine = inside.launcher.engine(&project, &names)?;
    if !engine.accounts.contains_key(&account.name) {
        return Ok(Default::default());
    }
    let followed = follow(&engine, &account.name, look, account.payments.most_reads).await?;
    for payment in &followed.applied.changed {
        story::paid(&payment.connection, &payment.invoice, payment.state.name());
    }
    let names = showing(&engine, &followed.applied).into_iter().map(|connection| connection.name.clone()).collect();
    Ok((followed, names))
}

/// Shows what has changed in the source of a connection, once no run of it goes on that writes into the same rows.
pub async fn shown(world: &World, inside: &Inside, name: String) {
    let waiting = || world.deliveries.showing.lock().unwrap_or_else(PoisonError::into_inner);
    if !waiting().insert(name.clone()) {
        return;
    }
    let held: Result<Hold, Problem> = inside.post.ask(|answer| Mail::Hold(vec![name.clone()], answer)).await.flatten();
    // What changes from now on is shown another time.
    waiting().remove(&name);
    let Ok(_hold) = held else { return };
    let project = world.project();
    let made = || Ok::<_, Problem>((inside.launcher.engine(&project, &[&name])?, project.connection(&name)?));
    let problems = match made() {
        Ok((engine, connection)) => refresh(&engine, connection).await.err().unwrap_or_default(),
        Err(problem) => vec![problem],
    };
    for problem in &problems {
        story::not_shown(&name, problem);
    }
}
