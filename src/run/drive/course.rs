//! The course of one operation: from event to state to effect, each state durable before anything acts on it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rowbill_connector::{OperationId, Problem, Receipt, Request, SendError};

use super::{Driven, Driver, Operation};
use crate::ledger::{Change, OperationRecord, RowRecord, RowState};
use crate::mapping::identity::idempotency_key;
use crate::protocol::{Effect, Event, State, step};
use crate::run::records::object_ref;

/// So often is one operation tried in one run.
const TRIES: u32 = 9;

pub(super) struct Course<'a> {
    driver: &'a Driver,
    operation: Operation,
    row: Option<&'a mut RowRecord>,
    after: RowState,
    state: State,
    problem: Option<Problem>,
    receipt: Option<Receipt>,
    tries: u32,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        driver: &'a Driver,
        operation: Operation,
        row: Option<&'a mut RowRecord>,
        after: RowState,
    ) -> Self {
        let state = operation.stored.as_ref().map_or(State::New, |stored| stored.state.clone());
        let problem = operation.stored.as_ref().and_then(|stored| stored.problem.clone());
        Self { driver, operation, row, after, state, problem, receipt: None, tries: 0 }
    }

    pub(super) async fn run(&mut self) -> Result<Driven, Problem> {
        let mut event = self.first_event();
        let mut wait = None;
        loop {
            if matches!(event, Event::Begin | Event::Retry | Event::Ready)
                && let Err(problem) = self.driver.listen().await
            {
                self.problem = Some(problem);
                return self.deferred().await;
            }
            let (next, effect) = step(&self.state, &event, self.driver.now(), self.operation.unsure);
            if next != self.state {
                self.become_state(next, &event).await?;
            }
            event = match effect {
                Effect::Settled => return self.settled().await,
                Effect::Defer { .. } => return self.deferred().await,
                Effect::Send => match self.ready().await {
                    Some(event) => event,
                    None => return self.deferred().await,
                },
                Effect::Transmit => match self.transmit().await {
                    Some((event, asked)) => {
                        wait = asked;
                        event
                    }
                    None => return self.deferred().await,
                },
                Effect::BackOff | Effect::Again => {
                    self.tries += 1;
                    if self.tries >= TRIES || self.driver.idle().is_some() {
                        return self.deferred().await;
                    }
                    let pause = pause(&self.operation.id, self.tries, wait.take());
                    self.driver.stop.sleep(pause).await;
                    match effect {
                        Effect::Again => match self.ready().await {
                            Some(event) => event,
                            None => return self.deferred().await,
                        },
                        _ => Event::Begin,
                    }
                }
                Effect::LookUp { since } => match self.look_up(since).await {
                    Some(event) => event,
                    None => return self.deferred().await,
                },
            };
        }
    }

    /// Waits for the rate limits. While it waited, the key may have been refused, or the word to stop have come.
    async fn ready(&mut self) -> Option<Event> {
        let mut idle = self.idle();
        if idle.is_none() {
            let operation = &self.operation.request.operation;
            self.driver.turns.ready(self.driver.line.target.as_ref(), operation).await;
            idle = self.idle();
        }
        let Some(idle) = idle else { return Some(Event::Ready) };
        self.problem = Some(idle);
        None
    }

    /// An invoice that was just finalized is mailed also when everything is to stop: left in between, another process would
    /// have to ask whether it was.
    fn idle(&self) -> Option<Problem> {
        let is_between = self.operation.step == "send" && self.operation.stored.is_none();
        if is_between { self.driver.line.halted() } else { self.driver.idle() }
    }

    /// An intent goes on with its own bytes; something refused is tried again only with other bytes, or when asked.
    fn first_event(&mut self) -> Event {
        let Some(stored) = &self.operation.stored else { return Event::Begin };
        let is_new_body = stored.body != self.operation.request.body || stored.path != self.operation.request.path;
        match stored.state {
            State::Failed { .. } if is_new_body || self.operation.retry => Event::Retry,
            State::Review { .. } if self.operation.retry => Event::Retry,
            State::Intent(_) => {
                self.operation.request = stored.request();
                Event::Begin
            }
            _ => Event::Begin,
        }
    }

    async fn transmit(&mut self) -> Option<(Event, Option<Duration>)> {
        let State::Intent(intent) = &self.state else { return None };
        let key = idempotency_key(&self.operation.id, intent.generation);
        let line = &self.driver.line;
        let answer = line.target.send(&self.operation.request, &key).await;
        line.shared.answers.count(&answer);
        match answer {
            Ok(receipt) => {
                line.heard();
                let event = Event::Accepted(receipt.id.clone());
                self.receipt = Some(receipt);
                Some((event, None))
            }
            Err(SendError::Refused(problem)) => {
                line.heard();
                self.problem = Some(problem);
                Some((Event::Refused, None))
            }
            Err(SendError::NotSent { open, wait, problem }) => {
                // A refusal for now is an answer; only silence says that nobody is there.
                if problem.code.ends_with(".connection") || problem.code.ends_with(".timeout") {
                    line.silence(&problem);
                } else {
                    line.heard();
                }
                self.problem = Some(problem);
                Some((if open { Event::NoAnswer } else { Event::NotTaken }, wait))
            }
            Err(SendError::Unknown(problem)) => {
                self.problem = Some(problem);
                Some((Event::Unclear, None))
            }
            Err(SendError::Halt(problem)) => {
                line.halt(problem.clone());
                self.problem = Some(problem);
                None
            }
        }
    }

    async fn look_up(&mut self, since: i64) -> Option<Event> {
        let target = &self.driver.line.target;
        match target.find(&self.operation.request, &self.operation.id, since).await {
            Ok(found) => {
                let event = Event::Found(found.as_ref().map(|receipt| receipt.id.clone()));
                self.receipt = found;
                Some(event)
            }
            // What it was about is not there any more, and so neither is what it would have made.
            Err(SendError::Refused(problem)) if problem.code.ends_with(".resource_missing") => {
                self.problem = Some(problem);
                Some(Event::Found(None))
            }
            Err(error) => {
                self.driver.line.heed(&error);
                self.problem = Some(error.problem().clone());
                None
            }
        }
    }

    /// Makes a new state durable before anything acts on it.
    async fn become_state(&mut self, next: State, event: &Event) -> Result<(), Problem> {
        if matches!(event, Event::Found(None)) && matches!(next, State::Review { .. }) {
            self.problem = Some(unsure(self.problem.take()));
        }
        if matches!(next, State::Done { .. }) {
            self.problem = None;
        }
        let now = self.record(next.clone());
        let was = std::mem::replace(&mut self.state, next);
        let mut changes = vec![Change::Operation { was, now }];
        if let Some(row) = self.row_change() {
            changes.push(Change::Row(row));
        }
        self.driver.ledger.commit(changes).await
    }

    fn record(&self, state: State) -> OperationRecord {
        let Request { operation, path, body } = self.operation.request.clone();
        OperationRecord {
            id: self.operation.id.clone(),
            connection: self.driver.connection.clone(),
            row: self.row.as_ref().map_or(crate::ledger::RowId(Default::default()), |row| row.id),
            step: self.operation.step.clone(),
            operation,
            path,
            body,
            state,
            problem: self.problem.clone(),
            run: self.driver.run.clone(),
            at: self.driver.now(),
        }
    }

    fn row_change(&mut self) -> Option<RowRecord> {
        let made = self.receipt.as_ref().filter(|_| matches!(self.state, State::Done { .. }));
        let object = made.map(|receipt| object_ref(&self.operation.step, receipt));
        // A ledger that was lost or restored learns here that an item is on an invoice already.
        let bound = made.filter(|_| self.operation.step == "add_invoice_item").and_then(|item| item.invoice.clone());
        let row = self.row.as_deref_mut()?;
        row.bound = bound.or(row.bound.take());
        row.state = match &self.state {
            State::New | State::Intent(_) => RowState::Sending,
            State::Done { .. } => self.after,
            State::Failed { .. } => RowState::Failed,
            State::Review { .. } => RowState::NeedsReview,
        };
        if let Some(object) = object {
            row.objects.retain(|other| other.step != object.step);
            row.objects.push(object);
        }
        row.problem.clone_from(&self.problem);
        row.run.clone_from(&self.driver.run);
        row.at = self.driver.clock.now();
        Some(row.clone())
    }

    async fn settled(&mut self) -> Result<Driven, Problem> {
        let problem =
            self.problem.clone().unwrap_or_else(|| Problem::new("row.unsure", "an earlier run left this open"));
        if matches!(self.state, State::Failed { .. } | State::Review { .. }) {
            self.tell_row().await?;
        }
        match &self.state {
            State::Failed { .. } => Ok(Driven::Failed(problem)),
            State::Review { .. } => Ok(Driven::Review(problem)),
            State::Done { object } => {
                let object = object.clone();
                if let Some(receipt) = self.receipt.take() {
                    return Ok(Driven::Done(receipt));
                }
                self.adopted(&object).await
            }
            State::New | State::Intent(_) => self.deferred().await,
        }
    }

    /// What an earlier run was told stands; a row that has forgotten it since learns it again.
    async fn tell_row(&mut self) -> Result<(), Problem> {
        let known = self.row.as_ref().map(|row| (row.state, row.problem.clone()));
        match self.row_change() {
            Some(row) if known != Some((row.state, row.problem.clone())) => {
                self.driver.ledger.commit(vec![Change::Row(row)]).await
            }
            _ => Ok(()),
        }
    }

    /// The object was found by an earlier look-up, without its row: read it, and let the row have it.
    async fn adopted(&mut self, id: &str) -> Result<Driven, Problem> {
        match self.driver.line.target.get(id).await {
            Ok(receipt) => {
                self.receipt = Some(receipt.clone());
                if let Some(row) = self.row_change() {
                    self.driver.ledger.commit(vec![Change::Row(row)]).await?;
                }
                Ok(Driven::Done(receipt))
            }
            Err(SendError::Halt(problem)) => {
                self.driver.line.halt(problem.clone());
                Ok(Driven::Deferred(problem))
            }
            Err(SendError::Refused(problem)) => Ok(Driven::Review(problem)),
            Err(error) => Ok(Driven::Deferred(error.problem().clone())),
        }
    }

    /// What is open stays an intent; the row says why.
    async fn deferred(&mut self) -> Result<Driven, Problem> {
        let problem = self.problem.clone().unwrap_or_else(|| {
            Problem::new("run.waiting", "an answer is missing; the object is looked up by the next run")
        });
        self.problem = Some(problem.clone());
        if matches!(self.state, State::Intent(_))
            && let Some(row) = self.row_change()
        {
            self.driver.ledger.commit(vec![Change::Row(row)]).await?;
        }
        Ok(Driven::Deferred(problem))
    }
}

fn unsure(last: Option<Problem>) -> Problem {
    let why = last.map(|problem| format!(" ({})", problem.message)).unwrap_or_default();
    Problem::new("row.unsure", format!("it was sent, no answer was kept{why}, and the object is not found"))
        .advise("look in Stripe; then `rowbill rows resolve NAME KEY --stripe-id ID`, or `--none` to send it again")
}

/// Doubling pauses with jitter, and not shorter than what the target asked for, up to five minutes. The jitter is the
/// operation's own and no chance: a simulation repeats.
fn pause(operation: &OperationId, tries: u32, asked: Option<Duration>) -> Duration {
    let ceiling = Duration::from_millis(200 << tries.min(7));
    let mut hasher = DefaultHasher::new();
    (operation, tries).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 500).unwrap_or_default();
    let jittered = ceiling / 1000 * (500 + share);
    asked.map_or(jittered, |asked| asked.min(Duration::from_mins(5)) + jittered / 4)
}
