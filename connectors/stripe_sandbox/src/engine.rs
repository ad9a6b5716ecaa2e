//! What happens to one request, in Stripe's order: key, rate limit, idempotency, parameters, execution, answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use rowbill_connector::Schema;
use tokio::time::Instant;

use crate::answer::{Answer, Stored};
use crate::api::{self, Params};
use crate::auth::Door;
use crate::check::check;
use crate::clock::Clock;
use crate::faults::{Fault, Faults};
use crate::form::{Fields, decode};
use crate::idempotency::{Keys, MAX_KEY, Seen, fingerprint};
use crate::injected::{failed, garbled, in_use, judged_by_fault, rate_limited, refused_by_fault};
use crate::journal::{Journal, RequestEntry};
use crate::limiter::{Limiter, Limits};
use crate::lock::Lock;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::store::event::Cause;
use crate::store::ids::Ids;
use crate::webhooks::Post;

/// The account behind the server.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) ids: Ids,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) journal: Arc<Journal>,
    pub(crate) door: Lock<Door>,
    pub(crate) store: Lock<Store>,
    pub(crate) limits: Option<Limits>,
    pub(crate) limiter: Lock<Limiter>,
    pub(crate) keys: Lock<Keys>,
    pub(crate) requests: AtomicU64,
    pub(crate) post: Arc<Post>,
}

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
    pub(crate) authorization: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) account: Option<String>,
}

/// The operation that a request names.
struct Target {
    name: String,
    schema: &'static Schema,
    path: Vec<String>,
}

/// A request that is about to be executed; its key is in use.
struct Work {
    operation: String,
    path: Vec<String>,
    params: Params,
    key: Option<String>,
    ticket: Ticket,
}

/// A request's place in the journal, and the number that its id is made of.
#[derive(Clone, Copy)]
struct Ticket {
    seq: u64,
    number: u64,
}

/// The account operations take no parameters.
static NO_PARAMS: LazyLock<Schema> = LazyLock::new(Schema::default);

impl Engine {
    /// Answers a request; `None` means that the connection is to be closed without an answer.
    pub(crate) async fn respond(self: Arc<Self>, arrival: Arrival) -> Option<Answer> {
        let target = target(&arrival.method, &arrival.path);
        let name = target.as_ref().map_or("", |target| target.name.as_str());
        let fault = self.faults.pick(&arrival.method, &arrival.path, name);
        let seq = self.enter(&arrival, name, fault.as_ref());
        let ticket = Ticket { seq, number: self.requests.fetch_add(1, Ordering::Relaxed) };
        if !matches!(fault, Some(Fault::Hold | Fault::Slow(_))) {
            return self.run(arrival, target, fault, ticket).await;
        }
        // A task of its own goes on when the client has gone, as Stripe does.
        let task = tokio::spawn(async move { self.run(arrival, target, fault, ticket).await });
        task.await.ok().flatten()
    }

    async fn run(
        &self,
        arrival: Arrival,
        target: Option<Target>,
        fault: Option<Fault>,
        ticket: Ticket,
    ) -> Option<Answer> {
        let answer = match self.begin(&arrival, target, fault.as_ref(), ticket) {
            Err(answer) => answer,
            Ok(work) => {
                self.wait(fault.as_ref()).await;
                Some(self.finish(work, fault.as_ref()))
            }
        };
        let answer = answer.filter(|_| fault != Some(Fault::DropAfterCommit));
        let answer = answer.map(|answer| self.complete(&arrival, answer, ticket));
        answer.map(|answer| if fault == Some(Fault::GarbleAfterCommit) { garbled(answer) } else { answer })
    }

    async fn wait(&self, fault: Option<&Fault>) {
        match fault {
            Some(Fault::Hold) => self.faults.hold().await,
            Some(Fault::Slow(time)) => tokio::time::sleep(*time).await,
            _ => {}
        }
    }

    /// All that comes before execution. An error is the answer; `Err(None)` drops the connection.
    fn begin(
        &self,
        arrival: &Arrival,
        target: Option<Target>,
        fault: Option<&Fault>,
        ticket: Ticket,
    ) -> Result<Work, Option<Answer>> {
        if fault == Some(&Fault::DropBefore) {
            return Err(None);
        }
        self.admit(arrival, target.as_ref(), fault)?;
        let Some(target) = target else {
            return Err(Some(unrecognized(arrival).into()));
        };
        let fields = fields(arrival).map_err(Answer::from)?;
        let key = self.claim(arrival, &fields)?;
        let judged = fault.and_then(judged_by_fault).map_or(Ok(()), Err);
        match judged.and_then(|()| check(target.schema, fields).map_err(Answer::from)) {
            Ok(params) => Ok(Work { operation: target.name, path: target.path, params: Params(params), key, ticket }),
            Err(answer) => {
                // Execution has not begun, so nothing is stored and the key stays free.
                if let Some(key) = key {
                    self.keys.hold().forget(&key);
                }
                Err(Some(answer))
            }
        }
    }

    fn admit(&self, arrival: &Arrival, target: Option<&Target>, fault: Option<&Fault>) -> Result<(), Answer> {
        if fault == Some(&Fault::RevokeKey) {
            self.door.hold().revoked = true;
        }
        let door = self.door.hold().clone();
        let key = door.admit(arrival.authorization.as_deref())?;
        if let (Some(limits), Some(target)) = (self.limits, target) {
            let taken = self.limiter.hold().take(limits, &target.name, Instant::now());
            taken.map_err(|reason| rate_limited(reason, None))?;
        }
        if let Some(answer) = fault.and_then(refused_by_fault) {
            return Err(answer);
        }
        Ok(door.permit(&key, &arrival.method, &arrival.path, &self.ids.account())?)
    }

    /// Claims the idempotency key for this request, or gives the answer that the key stands for.
    fn claim(&self, arrival: &Arrival, fields: &Fields) -> Result<Option<String>, Answer> {
        let Some(key) = arrival.key.clone().filter(|key| arrival.method == "POST" && !key.is_empty()) else {
            return Ok(None);
        };
        if key.chars().count() > MAX_KEY {
            let message = format!("Idempotency keys must be at most {MAX_KEY} characters.");
            return Err(Refusal::invalid(message).into());
        }
        let seen = self.keys.hold().begin(&key, fingerprint(&arrival.path, fields), self.clock.unix());
        match seen {
            Seen::Fresh => Ok(Some(key)),
            Seen::InUse => Err(in_use()),
            Seen::Differs => Err(Refusal::idempotency(&arrival.path, &key).into()),
            Seen::Replay(stored) => Err(stored.replay(&self.store.hold())),
        }
    }

    /// Executes, and stores the answer under the key.
    fn finish(&self, work: Work, fault: Option<&Fault>) -> Answer {
        let key = work.key.clone();
        let (answer, stored) = match fault {
            Some(Fault::FailUncommitted(status)) => failed(*status),
            Some(Fault::FailAfterCommit(status)) => match self.execute(work) {
                (answer, _) if answer.error.is_none() => failed(*status),
                refused => refused,
            },
            _ => self.execute(work),
        };
        if let Some(key) = key {
            self.keys.hold().settle(&key, stored);
        }
        answer
    }

    /// Does what no request asked for: what a customer or a bank does, or the passing of time.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let store = &mut *self.store.hold();
        self.wind(store, u64::MAX);
        let result = act(store);
        self.post.collect(store);
        result
    }

    /// Brings the store to the present.
    fn wind(&self, store: &mut Store, request: u64) {
        store.now = self.clock.unix().max(store.now);
        store.request = request;
        api::say_overdue(store);
    }

    fn execute(&self, work: Work) -> (Answer, Stored) {
        let store = &mut *self.store.hold();
        self.wind(store, work.ticket.seq);
        store.cause = Cause { request: Some(work.ticket.number), key: work.key.map(Arc::from) };
        let outcome = api::execute(store, &work.operation, &work.path, work.params);
        self.post.collect(store);
        match outcome {
            Ok(api::Reply::Json(value)) => {
                let answer = Answer::ok(&value);
                let stored = Stored::from(&answer);
                (answer, stored)
            }
            Ok(api::Reply::Object(kind, place)) => {
                let answer = Answer::ok(&api::render(store, api::Reply::Object(kind, place)));
                let stored = Stored::of(store, &api::Reply::Object(kind, place), &answer);
                (answer, stored)
            }
            Err(refusal) => {
                let answer = Answer::from(refusal);
                let stored = Stored::from(&answer);
                (answer, stored)
            }
        }
    }

    fn enter(&self, arrival: &Arrival, operation: &str, fault: Option<&Fault>) -> u64 {
        if !self.journal.is_on() {
            return 0;
        }
        self.journal.request(RequestEntry {
            at: self.clock.unix(),
            method: arrival.method.clone(),
            path: arrival.path.clone(),
            query: arrival.query.clone(),
            operation: Some(operation.to_owned()).filter(|name| !name.is_empty()),
            key: arrival.key.clone(),
            body: arrival.body.to_vec(),
            version: arrival.version.clone(),
            account: arrival.account.clone(),
            fault: fault.and_then(|fault| serde_json::to_string(fault).ok()),
            ..RequestEntry::default()
        })
    }

    /// Adds the headers that every answer has, and enters it in the journal.
    fn complete(&self, arrival: &Arrival, mut answer: Answer, ticket: Ticket) -> Answer {
        let request_id = answer.request_id.then(|| self.ids.request(ticket.number));
        if let Some(id) = &request_id {
            answer.headers.push(("request-id", id.clone()));
        }
        let version = arrival.version.as_deref().unwrap_or(rowbill_stripe_spec::VERSION);
        answer.headers.push(("stripe-version", version.to_owned()));
        if let Some(key) = arrival.key.as_ref().filter(|_| arrival.method == "POST") {
            answer.headers.push(("idempotency-key", key.clone()));
        }
        self.journal.answered(ticket.seq, |entry| {
            entry.status = Some(answer.status);
            entry.error = answer.error.map(str::to_owned);
            entry.replayed = answer.replayed;
            entry.request_id = request_id;
        });
        answer
    }
}

fn target(method: &str, path: &str) -> Option<Target> {
    if method == "GET" && api::is_account_path(path) {
        return Some(Target { name: format!("GET {path}"), schema: &NO_PARAMS, path: Vec::new() });
    }
    let (operation, path) = rowbill_stripe_spec::route(method, path)?;
    Some(Target { name: operation.name(), schema: &operation.params, path })
}

/// A POST has its parameters in the body, the others in the query; the official clients mix both for DELETE.
fn fields(arrival: &Arrival) -> Result<Fields, Refusal> {
    let body = if arrival.body.is_empty() { arrival.query.as_bytes() } else { &arrival.body };
    decode(body)
}

fn unrecognized(arrival: &Arrival) -> Refusal {
    let message = format!(
        "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can help at \
         https://support.stripe.com/.",
        arrival.method, arrival.path
    );
    Refusal::new(404, message)
}
