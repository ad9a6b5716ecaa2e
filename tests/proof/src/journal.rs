//! The sandbox's journal, as the tests ask it.

use std::time::{Duration, Instant};

use rowbill_stripe_sandbox::{Change, Entry, ObjectEntry, RequestEntry, Sandbox};

/// The `Stripe-Version` of requests that a person makes, to tell them from rowbill's.
pub const PERSON: &str = "a-person";

/// The requests since a mark, those of a person left out.
pub fn requests(stripe: &Sandbox, since: usize) -> Vec<RequestEntry> {
    let entries = stripe.journal().into_iter().skip(since);
    let request = |entry| if let Entry::Request(entry) = entry { Some(entry) } else { None };
    entries.filter_map(request).filter(|request| request.version.as_deref() != Some(PERSON)).collect()
}

/// The POST requests since a mark.
pub fn posts(stripe: &Sandbox, since: usize) -> Vec<RequestEntry> {
    requests(stripe, since).into_iter().filter(|request| request.method != "GET").collect()
}

/// The POST requests of one operation, such as `POST /v1/invoices/{invoice}/send`.
pub fn posts_of(stripe: &Sandbox, operation: &str) -> Vec<RequestEntry> {
    let is_of = |request: &RequestEntry| request.operation.as_deref() == Some(operation);
    posts(stripe, 0).into_iter().filter(is_of).collect()
}

/// The changes to objects.
pub fn changes(stripe: &Sandbox) -> Vec<ObjectEntry> {
    let object = |entry| if let Entry::Object(entry) = entry { Some(entry) } else { None };
    stripe.journal().into_iter().filter_map(object).collect()
}

/// The objects of a kind that were made with our mark, deleted ones too.
pub fn made(stripe: &Sandbox, kind: &str) -> Vec<ObjectEntry> {
    let is_ours =
        |entry: &ObjectEntry| entry.change == Change::Created && entry.kind == kind && entry.rowbill_op.is_some();
    changes(stripe).into_iter().filter(is_ours).collect()
}

/// The requests of one operation or about one object, a line each, and the lists that were read between them.
pub fn history(stripe: &Sandbox, op: &str) -> String {
    history_of(&stripe.journal(), op)
}

/// The same of a journal that was read.
pub fn history_of(entries: &[Entry], op: &str) -> String {
    let of_op =
        |request: &RequestEntry| request.path.contains(op) || request.key.as_ref().is_some_and(|key| key.contains(op));
    let is_list = |request: &RequestEntry| request.method == "GET" && request.query.contains("created");
    let requests = entries.iter().filter_map(|entry| if let Entry::Request(one) = entry { Some(one) } else { None });
    let told = requests.filter(|request| of_op(request) || is_list(request));
    let line = |request: &RequestEntry| {
        let RequestEntry { seq, at, method, path, query, key, status, fault, replayed, .. } = request;
        let (key, status) = (key.as_deref().unwrap_or_default(), status.unwrap_or_default());
        let fault = fault.as_deref().unwrap_or_default();
        format!("{seq} at {at}: {method} {path} {query} {key} -> {status} {fault} {replayed}\n")
    };
    told.map(line).collect()
}

/// A field of a request's form body.
pub fn field(request: &RequestEntry, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(&request.body);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Waits until this is so, at most a minute.
#[track_caller]
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
