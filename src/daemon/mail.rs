//! What the tasks of a daemon ask of the one that decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use rowbill_connector::Problem;
use tokio::sync::{mpsc, oneshot};

use crate::config::Project;

/// One question, with the way for its answer.
pub enum Mail {
    /// Keep these connections free for a person's order, as soon as they are.
    Hold(Vec<String>, oneshot::Sender<Result<Hold, Problem>>),
    /// They are not kept any more.
    Release(Vec<String>),
    /// A person's run of a held connection begins.
    Begins(Begins, oneshot::Sender<Result<(), Problem>>),
    /// A person's run of a held connection has ended.
    Ended(String, String, oneshot::Sender<Result<(), Problem>>),
    /// Put a connection on hold, or take it up again.
    Pause(String, bool, oneshot::Sender<Result<(), Problem>>),
    /// The files have changed.
    Project(Arc<Project>, oneshot::Sender<Result<(), Problem>>),
    /// The connections that are busy.
    Busy(oneshot::Sender<Vec<String>>),
    /// The ledger did not take what a person's command had to write.
    Broken(Problem),
    /// People have been told what is wrong with these connections, or that nothing is any more.
    Told(BTreeMap<String, Option<String>>),
}

/// A person's run.
pub struct Begins {
    /// The connection.
    pub connection: String,
    /// The run.
    pub run: String,
    /// Only some of the rows are asked for.
    pub is_part: bool,
}

/// So many questions wait at most; more of them wait in their own tasks.
const QUEUE: usize = 256;

/// The way to the one that decides.
#[derive(Clone)]
pub struct Post(mpsc::Sender<Mail>);

impl Post {
    /// A new way, and its other end.
    pub fn new() -> (Self, mpsc::Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Sends without waiting for an answer.
    pub async fn send(&self, mail: Mail) {
        // Whoever decides has gone only when the daemon ends.
        let _ = self.0.send(mail).await;
    }

    /// Tells the one that decides when the ledger takes nothing more.
    pub async fn broken(&self, problem: Option<&Problem>) {
        if let Some(problem) = problem.filter(|problem| is_fatal(problem)) {
            self.send(Mail::Broken(problem.clone())).await;
        }
    }

    /// Asks, and waits for the answer.
    pub async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Mail) -> Result<T, Problem> {
        let (sender, receiver) = oneshot::channel();
        self.send(make(sender)).await;
        receiver.await.map_err(|_| stopping())
    }
}

/// Whether the ledger takes nothing more.
pub fn is_fatal(problem: &Problem) -> bool {
    problem.code.starts_with("ledger.") && problem.code != "ledger.conflict"
}

/// The daemon takes nothing more.
pub fn stopping() -> Problem {
    Problem::new("daemon.stopping", "the daemon is stopping, and takes nothing more; nothing was sent")
        .advise("try again when it has started again")
}

/// Connections that are kept for a person's order while this lives.
pub struct Hold {
    post: Post,
    names: Vec<String>,
}

impl Hold {
    /// They are kept from now on. An answer that nobody takes any more lets them go again.
    pub fn new(post: &Post, names: Vec<String>) -> Self {
        Self { post: post.clone(), names }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (post, names) = (self.post.clone(), std::mem::take(&mut self.names));
        // Without a runtime the daemon has ended, and with it all that was kept.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { post.send(Mail::Release(names)).await });
        }
    }
}
