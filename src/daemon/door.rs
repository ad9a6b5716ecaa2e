//! What commands ask over the socket, carried out.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::files::Watched;
use super::launch::Launcher;
use super::mail::{Begins, Hold, Mail, Post};
use super::payments;
use super::world::World;
use crate::config::{Account, Project};
use crate::connectors;
use crate::run::decision::{Deciding, row_values};
use crate::run::errand::{Chosen, Launch, Told, perform, preflight, select};
use crate::run::{self, ByHand, Look, Order, Report, report_json};
use crate::web::{Answer, Ask, Control, Decide, RunNow, Running, polled};

/// A decision about a row waits so long for the connection's run.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where commands come in.
pub struct Door {
    world: Arc<World>,
    files: Arc<Watched>,
    session: RwLock<Option<Inside>>,
}

/// What is behind the door while the ledger is open.
#[derive(Clone)]
pub struct Inside {
    /// The way to the task that decides.
    pub post: Post,
    /// What runs connections.
    pub launcher: Arc<Launcher>,
}

impl Door {
    /// A door with nothing behind it yet.
    pub fn new(world: &Arc<World>, files: &Arc<Watched>) -> Self {
        Self { world: Arc::clone(world), files: Arc::clone(files), session: RwLock::default() }
    }

    /// The ledger is open, or is not any more.
    pub fn set(&self, inside: Option<Inside>) {
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = inside;
    }

    /// What is behind it now.
    pub fn inside(&self) -> Result<Inside, Problem> {
        let inside = self.session.read().unwrap_or_else(PoisonError::into_inner).clone();
        inside.ok_or_else(|| {
            self.world.unwritable().unwrap_or_else(|| {
                Problem::new("daemon.stopping", "the daemon is starting or stopping; nothing was sent")
                    .advise("try again")
            })
        })
    }

    /// Takes up files that have changed, so that a command meets no older project than its own.
    pub async fn reload(&self) -> Result<(), Problem> {
        if self.files.look().await {
            let (inside, project) = (self.inside()?, self.world.project());
            inside.post.ask(|answer| Mail::Project(project, answer)).await??;
        }
        Ok(())
    }

    async fn run_now(&self, asked: &RunNow) -> Result<Answer, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.reload().await.map_err(one)?;
        let (inside, project) = (self.inside().map_err(one)?, self.world.project());
        let chosen = select(&project, &asked.names, asked.all, asked.with_after)?;
        let names: Vec<String> = chosen.iter().map(|chosen| chosen.name.clone()).collect();
        let hold = inside.post.ask(|answer| Mail::Hold(names, answer)).await.map_err(one)?.map_err(one)?;
        // As they are now: the files may have changed while this waited.
        let project = self.world.project();
        let order = Order::by_hand(asked.only.clone(), asked.limit);
        if chosen.len() > 1 {
            self.plans(&inside, &project, &chosen, &order).await?;
        }
        let through = Through { inside };
        let told = perform(&project, &chosen, &order, &through, &self.world.stop).await.map_err(one)?;
        drop(hold);
        let values: Result<Vec<Value>, Problem> = told.into_iter().map(value).collect();
        values.map(Answer::Reports).map_err(one)
    }

    async fn plan(&self, asked: &RunNow) -> Result<Answer, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.reload().await.map_err(one)?;
        let (inside, project) = (self.inside().map_err(one)?, self.world.project());
        let chosen = select(&project, &asked.names, asked.all, asked.with_after)?;
        let plans = self.plans(&inside, &project, &chosen, &Order::by_hand(asked.only.clone(), asked.limit)).await?;
        let told = plans.into_iter().map(|plan| value(Told::Ran(Box::new(plan))));
        told.collect::<Result<_, _>>().map(Answer::Reports).map_err(one)
    }

    async fn plans(
        &self,
        inside: &Inside,
        project: &Arc<Project>,
        chosen: &[Chosen],
        order: &Order,
    ) -> Result<Vec<Report>, Vec<Problem>> {
        let names: Vec<&str> = chosen.iter().map(|chosen| chosen.name.as_str()).collect();
        let engine = inside.launcher.engine(project, &names).map_err(|problem| vec![problem])?;
        preflight(&engine, chosen, order).await
    }

    async fn pause(&self, name: String, paused: bool) -> Result<Answer, Problem> {
        self.reload().await?;
        self.world.project().connection(&name)?;
        self.inside()?.post.ask(|answer| Mail::Pause(name, paused, answer)).await??;
        Ok(Answer::Done)
    }

    /// A run holds its rows in memory: nobody decides about them meanwhile.
    async fn decide(&self, decide: &Decide) -> Result<Answer, Problem> {
        self.reload().await?;
        let inside = self.inside()?;
        let names = vec![self.world.project().connection(&decide.connection)?.name.clone()];
        let held = tokio::time::timeout(PATIENCE, inside.post.ask(|answer| Mail::Hold(names, answer))).await;
        let _hold: Hold = held.map_err(|_| busy(&decide.connection))???;
        // As it is now: the files may have changed while this waited.
        let project = self.world.project();
        let connection = project.connection(&decide.connection)?;
        let target = || self.world.accounts.line(project.account(connection)?).map(|line| Arc::clone(&line.target));
        let deciding = Deciding {
            ledger: &*inside.launcher.ledger,
            connection,
            owner: project.owner(connection),
            target: &target,
            now: self.world.clock.now(),
        };
        let taken = deciding.take(&decide.key, &decide.decision).await;
        inside.post.broken(taken.as_ref().err()).await;
        let (row, told) = taken?;
        let row = row_values(&*inside.launcher.ledger, std::slice::from_ref(&row)).await?.pop().unwrap_or_default();
        Ok(Answer::Row(row, told))
    }

    /// Does something about payments, while no run of the connection goes on.
    async fn by_hand(&self, name: String, by: &str, ask: &ByHand) -> Result<Answer, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.reload().await.map_err(one)?;
        let inside = self.inside().map_err(one)?;
        let asked = inside.post.ask(|answer| Mail::Hold(vec![name.clone()], answer));
        let held = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| one(busy(&name)))?;
        let _hold: Hold = held.map_err(one)?.map_err(one)?;
        let project = self.world.project();
        let engine = inside.launcher.engine(&project, &[&name]).map_err(one)?;
        let connection = project.connection(&name).map_err(one)?;
        let done = ask.take(&engine, connection, by).await;
        inside.post.broken(done.as_ref().err().and_then(|problems| problems.first())).await;
        Ok(Answer::Reports(vec![done?]))
    }

    /// Asks accounts what has happened, now.
    async fn poll(&self, accounts: &[String]) -> Result<Answer, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.reload().await.map_err(one)?;
        let (inside, project) = (self.inside().map_err(one)?, self.world.project());
        let mut told = Vec::new();
        for account in accounts.iter().filter_map(|name| project.settings.accounts.get(name)) {
            told.push(self.followed(&inside, account, Look::List).await.map_err(one)?);
        }
        Ok(Answer::Reports(told))
    }

    /// Reads an event again, and what it is about.
    async fn replay(&self, name: &str, event: &str) -> Result<Answer, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.reload().await.map_err(one)?;
        let (inside, project) = (self.inside().map_err(one)?, self.world.project());
        let account = project.account_named(name).map_err(one)?;
        let told = self.followed(&inside, account, Look::Event(event)).await.map_err(one)?;
        Ok(Answer::Reports(vec![told]))
    }

    /// Follows an account, and shows what has changed before it is told.
    async fn followed(&self, inside: &Inside, account: &Account, look: Look<'_>) -> Result<Value, Problem> {
        let followed = payments::one(&self.world, inside, account, look).await;
        inside.post.broken(followed.as_ref().err()).await;
        let (followed, names) = followed?;
        for name in names {
            payments::shown(&self.world, inside, name).await;
        }
        Ok(polled(&account.name, &followed))
    }

    async fn status(&self) -> Result<Answer, Problem> {
        let inside = self.inside()?;
        let running = inside.post.ask(Mail::Busy).await?;
        let project = self.world.project();
        super::status::entries(&project, Some(&*inside.launcher.ledger), &running).await.map(Answer::Reports)
    }

    async fn running(&self) -> Result<Answer, Problem> {
        let connections = match self.inside() {
            Ok(inside) => inside.post.ask(Mail::Busy).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let problems = self.world.problems().into_iter().chain(self.world.unwritable()).collect();
        Ok(Answer::Running(Running { pid: std::process::id(), connections, problems }))
    }
}

#[async_trait]
impl Control for Door {
    async fn answer(&self, ask: Ask) -> Result<Answer, Vec<Problem>> {
        let answer = match ask {
            Ask::RunNow(asked) => return self.run_now(&asked).await,
            Ask::Plan(asked) => return self.plan(&asked).await,
            Ask::Pause(name) => self.pause(name, true).await,
            Ask::Resume(name) => self.pause(name, false).await,
            Ask::Decide(decide) => self.decide(&decide).await,
            Ask::ByHand(name, by, ask) => return self.by_hand(name, &by, &ask).await,
            Ask::Poll(accounts) => return self.poll(&accounts).await,
            Ask::Replay(account, event) => return self.replay(&account, &event).await,
            Ask::Running => self.running().await,
            Ask::Status => self.status().await,
        };
        answer.map_err(|problem| vec![problem])
    }
}

/// Runs held connections for a person.
struct Through {
    inside: Inside,
}

#[async_trait]
impl Launch for Through {
    async fn launch(&self, name: &str, order: &Order) -> Result<Report, Vec<Problem>> {
        let one = |problem| vec![problem];
        let project = self.inside.launcher.world.project();
        let connection = project.connection(name).map_err(one)?;
        let engine = self.inside.launcher.engine(&project, &[name]).map_err(one)?;
        let run = run::history::next_id();
        let post = &self.inside.post;
        let begins = Begins { connection: name.to_owned(), run: run.clone(), is_part: order.is_partial() };
        post.ask(|answer| Mail::Begins(begins, answer)).await.map_err(one)?.map_err(one)?;
        let order = Order { run: Some(run.clone()), ..order.clone() };
        let ran = run::run(&engine, connection, &order).await;
        post.broken(ran.as_ref().err().and_then(|problems| problems.first())).await;
        let ended = post.ask(|answer| Mail::Ended(name.to_owned(), run, answer)).await;
        let report = ran?;
        ended.map_err(one)?.map_err(one)?;
        Ok(report)
    }

    /// The session has heard of the run before it, and has it on record.
    async fn not_run(&self, _: &str, _: &str, _: &str) -> Result<(), Problem> {
        Ok(())
    }
}

/// What `-o json` prints of it.
fn value(told: Told) -> Result<Value, Problem> {
    match told {
        Told::Ran(mut report) => {
            let mut text = Vec::new();
            report_json::write(&mut text, &mut report, connectors::catalog())?;
            serde_json::from_slice(&text).map_err(|error| Problem::new("daemon.answer", error.to_string()))
        }
        Told::NotRun { connection, why } => Ok(report_json::not_run(&connection, &why)),
        Told::Refused { connection, problems } => {
            Ok(json!({ "v": 1, "connection": connection, "result": "refused", "problems": problems }))
        }
    }
}

fn busy(name: &str) -> Problem {
    Problem::new("daemon.busy", format!("`{name}` is running, and its rows are in use; nothing was changed"))
        .advise("try again when it is done: `rowbill status`")
}
