//! The one task that writes: it takes all commits that wait, writes them in one transaction, and answers each.
//!
//! A commit costs one fsync, and a batch of commits costs the same one. After an error of the disk nothing more is
//! written: what an fsync that failed has left behind cannot be known without opening the ledger anew.

use std::mem;
use std::sync::Arc;

use rowbill_connector::Problem;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::batch::Batch;
use super::change::Prepared;
use super::connections::begin_writing;
use super::owner::Owner;
use super::problems::{LedgerPath, Trouble};
use super::queries;
use super::rename::rename;
use super::stored::Summary;

/// Commits are joined until they have so many changes.
const BATCH: usize = 512;
/// Commits that wait, at most; more of them wait in their own tasks.
const QUEUE: usize = 1024;

/// A commit that waits.
struct Commit {
    changes: Vec<Prepared>,
    answer: oneshot::Sender<Result<(), Problem>>,
}

impl Commit {
    /// A rename goes over whole tables: it gets a transaction of its own.
    fn alone(&self) -> bool {
        self.changes.iter().any(Prepared::is_rename)
    }
}

/// The way to the writing task.
pub struct Writer {
    queue: mpsc::Sender<Commit>,
    task: JoinHandle<()>,
    path: LedgerPath,
}

impl Writer {
    /// Starts the task. It holds the owner's lock until its last commit is written.
    pub fn start(connection: SqliteConnection, summary: Summary, path: LedgerPath, owner: Arc<Owner>) -> Self {
        let (queue, commits) = mpsc::channel(QUEUE);
        let desk = Desk { connection, summary, path: path.clone(), _owner: owner };
        Self { queue, task: tokio::spawn(desk.work(commits)), path }
    }

    /// Writes all changes or none; they are durable when it returns.
    pub async fn commit(&self, changes: Vec<Prepared>) -> Result<(), Problem> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Commit { changes, answer }).await.map_err(|_| self.path.stopped())?;
        answered.await.map_err(|_| self.path.stopped())?
    }

    /// Ends the task once everything that waits is written.
    pub async fn close(self) {
        drop(self.queue);
        // A panic in the task has been printed already, and the file is as good as after a crash.
        let _ = self.task.await;
    }
}

/// What the writing task works with.
struct Desk {
    connection: SqliteConnection,
    summary: Summary,
    path: LedgerPath,
    _owner: Arc<Owner>,
}

impl Desk {
    async fn work(mut self, mut commits: mpsc::Receiver<Commit>) {
        let mut next = None;
        loop {
            let first = match next.take() {
                Some(commit) => commit,
                None => match commits.recv().await {
                    Some(commit) => commit,
                    None => break,
                },
            };
            let batch = gather(first, &mut commits, &mut next);
            if let Err(problem) = self.write(batch).await {
                drop(self.connection);
                return refuse_all(problem, next, commits).await;
            }
        }
        // The last one out moves the log into the file; a failure leaves it for the next start to do.
        let _ = self.connection.close().await;
    }

    /// Writes a batch and answers its commits. An error has been answered too, and is the writer's end.
    async fn write(&mut self, batch: Vec<Commit>) -> Result<(), Problem> {
        let (changes, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|commit| (commit.changes, commit.answer)).unzip();
        let written = self.transact(changes).await.map_err(|trouble| self.path.writing(trouble));
        let (outcomes, end) = match written {
            Ok(outcomes) => (outcomes, Ok(())),
            Err(problem) => (vec![Err(problem.clone()); answers.len()], Err(problem)),
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone; the commit stands all the same.
            let _ = answer.send(outcome);
        }
        end
    }

    /// One transaction. The outcomes are those of the commits, in their order.
    async fn transact(&mut self, commits: Vec<Vec<Prepared>>) -> Result<Vec<Result<(), Problem>>, Trouble> {
        let mut summary = self.summary;
        let mut transaction = begin_writing(&mut self.connection).await?;
        let outcomes = if commits.iter().flatten().any(Prepared::is_rename) {
            in_order(&mut transaction, &mut summary, commits).await?
        } else {
            joined(&mut transaction, &mut summary, commits).await?
        };
        if outcomes.iter().all(Result::is_err) {
            transaction.rollback().await?;
            return Ok(outcomes);
        }
        summary.bind(sqlx::query(queries::WRITE_SUMMARY)).execute(&mut *transaction).await?;
        for (name, tally, before) in [
            (queries::POSITION_STATEMENTS.name, summary.positions, self.summary.positions),
            (queries::DOCUMENT_STATEMENTS.name, summary.documents, self.summary.documents),
        ] {
            if tally != before {
                tally.bind(name, sqlx::query(queries::WRITE_TALLY)).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        self.summary = summary;
        Ok(outcomes)
    }
}

/// Takes what else waits, until there is enough for one transaction; what must go alone is left for the next.
fn gather(first: Commit, commits: &mut mpsc::Receiver<Commit>, next: &mut Option<Commit>) -> Vec<Commit> {
    let mut size = first.changes.len();
    let mut open = !first.alone();
    let mut batch = vec![first];
    while open && size < BATCH {
        match commits.try_recv() {
            Ok(commit) if commit.alone() => {
                *next = Some(commit);
                open = false;
            }
            Ok(commit) => {
                size += commit.changes.len();
                batch.push(commit);
            }
            Err(_) => open = false,
        }
    }
    batch
}

/// Commits without renames: each is checked in memory, and what remains is written at once.
async fn joined(
    connection: &mut SqliteConnection,
    summary: &mut Summary,
    commits: Vec<Vec<Prepared>>,
) -> Result<Vec<Result<(), Problem>>, Trouble> {
    let mut batch = Batch::load(connection, commits.iter().flatten()).await?;
    let outcomes = commits.into_iter().map(|changes| batch.take(changes)).collect();
    batch.write(connection, summary).await?;
    Ok(outcomes)
}

/// A commit with a rename: what comes before it is written before it. What is refused is rolled back with the
/// transaction, which is this commit's own.
async fn in_order(
    connection: &mut SqliteConnection,
    summary: &mut Summary,
    commits: Vec<Vec<Prepared>>,
) -> Result<Vec<Result<(), Problem>>, Trouble> {
    let mut waiting = Vec::new();
    for change in commits.into_iter().flatten() {
        let Prepared::Rename { from, to } = change else {
            waiting.push(change);
            continue;
        };
        let outcomes = joined(connection, summary, vec![mem::take(&mut waiting)]).await?;
        if outcomes.iter().any(Result::is_err) {
            return Ok(outcomes);
        }
        if let Err(refused) = rename(connection, summary, &from, &to).await? {
            return Ok(vec![Err(refused)]);
        }
    }
    joined(connection, summary, vec![waiting]).await
}

/// After the end, every commit gets the reason why nothing is written any more.
async fn refuse_all(problem: Problem, next: Option<Commit>, mut commits: mpsc::Receiver<Commit>) {
    let mut waiting = next;
    while let Some(commit) = match waiting.take() {
        Some(commit) => Some(commit),
        None => commits.recv().await,
    } {
        let _ = commit.answer.send(Err(problem.clone()));
    }
}
