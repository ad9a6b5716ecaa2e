//! Drives one operation through the protocol: commit, wait, send, commit.

mod course;

use std::sync::Arc;

use rowbill_connector::{OperationId, Problem, Receipt, Request};

use self::course::Course;
use super::clock::Clock;
use super::engine::{AccountLine, Engine, Stop};
use super::forgotten::forgotten;
use super::turns::Turns;
use crate::config::Connection;
use crate::ledger::{Change, Ledger, OperationRecord, RowRecord, RowState};
use crate::protocol::WhenUnsure;

/// What operations of one run share.
pub struct Driver {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The account.
    pub line: Arc<AccountLine>,
    /// What time it is.
    pub clock: Clock,
    /// The word to stop.
    pub stop: Arc<Stop>,
    /// The connection.
    pub connection: String,
    /// The run.
    pub run: String,
    /// Its places in the queues of the account.
    pub turns: Turns,
}

/// An operation to drive.
#[derive(Clone)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Its step.
    pub step: String,
    /// The bytes to send, unless an intent has its own.
    pub request: Request,
    /// What the ledger knows of it.
    pub stored: Option<OperationRecord>,
    /// Try again what was refused.
    pub retry: bool,
    /// What an object that is not found leads to.
    pub unsure: WhenUnsure,
}

impl Operation {
    /// An open operation as it was written down. What is not found then is a question.
    pub fn resumed(open: OperationRecord) -> Self {
        let (id, step, request) = (open.id.clone(), open.step.clone(), open.request());
        Self { id, step, request, stored: Some(open), retry: false, unsure: WhenUnsure::Ask }
    }
}

/// How it ended for now.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each operation under way, and it is soon gone")]
pub enum Driven {
    /// The object exists.
    Done(Receipt),
    /// The target said no.
    Failed(Problem),
    /// Only a person can say.
    Review(Problem),
    /// A later run takes it up.
    Deferred(Problem),
}

impl Driver {
    /// Drives the operations of one run of a connection.
    pub fn new(engine: &Engine, connection: &Connection, run: &str) -> Result<Self, Problem> {
        Ok(Self {
            ledger: engine.ledger()?,
            line: engine.line(connection)?,
            clock: engine.clock,
            stop: Arc::clone(&engine.stop),
            connection: connection.name.clone(),
            run: run.to_owned(),
            turns: Turns::default(),
        })
    }

    /// Drives an operation. The row's record is committed with it, so that a row and its operations never disagree; on
    /// success its object is added, and `after` becomes the row's state.
    pub async fn drive(
        &self,
        operation: Operation,
        row: Option<&mut RowRecord>,
        after: RowState,
    ) -> Result<Driven, Problem> {
        // What is written down here moves the time since which objects are looked up: not before that was done.
        if self.line.adopted.get().is_none() {
            let halted = self.line.halted();
            return Ok(Driven::Deferred(halted.unwrap_or_else(|| {
                Problem::new("run.waiting", "what was made lately has not been looked up, so nothing is sent")
            })));
        }
        let mut course = Course::new(self, operation, row, after);
        course.run().await
    }

    /// Forgets the object of an operation that is gone at the target, so that a new generation may make it again. Its
    /// number is the minute of now: no earlier generation, and so no earlier key, can have it.
    pub async fn forget(&self, stored: OperationRecord) -> Result<OperationRecord, Problem> {
        let now = forgotten(&stored, self.clock.minute());
        let change = Change::Operation { was: stored.state, now: now.clone() };
        self.ledger.commit(vec![change]).await?;
        Ok(now)
    }

    /// The time, as near to the account's as it is known (seconds, UTC).
    pub fn now(&self) -> i64 {
        self.clock.now_for(self.line.target.as_ref())
    }

    /// Ages are told by the target's clock: where it is not known, or not any more, it is heard first.
    async fn listen(&self) -> Result<(), Problem> {
        if self.line.target.clock().is_some() {
            return Ok(());
        }
        self.idle().map_or(Ok(()), Err)?;
        self.line.listen().await
    }

    fn idle(&self) -> Option<Problem> {
        if self.stop.asked() {
            return Some(
                Problem::new("run.stopped", "the run was stopped before this was sent").advise("run it again"),
            );
        }
        self.line.halted()
    }
}
