//! What to do next with an operation: a pure function from state and event to state and effect.
//!
//! ```text
//!            Begin                 Accepted
//!   New ───────────────▶ Intent ──────────────▶ Done
//!                       ▲  │  │    Refused
//!        Found(None):   │  │  └──────────────▶ Failed ── Retry ──▶ Intent (next generation)
//!    next generation    └──┘ Found(Some) ─────▶ Done
//!                            Found(None), ask ▶ Review ── Retry ──▶ Intent (next generation)
//! ```
//!
//! The rules are those of `docs/reliability.md`: an intent is durable before its bytes leave; the same key and bytes
//! are sent again while the intent is young; afterwards, and after answers that leave the effect open, the object is
//! looked up by list before a new generation (a new idempotency key) may start. The age is checked at the send. A
//! refusal counts at once only where nothing sent before it may still be under way; else it is kept, and the object is
//! looked up like any other.

/// Seconds since 1970, UTC.
pub type Time = i64;

/// From this age on an idempotency key is not relied on any more. Stripe keeps keys for at least 24 h
/// (`docs.stripe.com/api/idempotent_requests`); an hour is left for clocks and slow answers.
pub const KEY_WINDOW: Time = 23 * 3600;
/// How long after the last send an unseen request may still take effect: the client gives up after 60 s, and the rest
/// is margin.
pub const IN_FLIGHT: Time = 6 * 60;
/// How far before the first send an object is looked for: our clock may have been ahead of the target's.
pub const LOOK_BACK: Time = 8 * 24 * 3600;
/// A send decided longer ago than this is decided again.
pub const STALE_SEND: Time = 60;
/// So many answers that leave the effect open are met with the same key and bytes; then the object is looked up.
pub const DOUBT_LIMIT: u32 = 4;
/// In place of a number of doubts: refused, but an earlier send has no answer and may still be taken.
const REFUSED: u32 = u32::MAX;

/// An operation that was written down before it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// Counts idempotency keys, from 1.
    pub generation: u32,
    /// When this generation was first about to be sent.
    pub first_sent: Time,
    /// When it was last about to be sent.
    pub last_sent: Time,
    /// Answers so far that left the effect open.
    pub doubts: u32,
}

impl Intent {
    /// The first send of its key, or one after sends of which it is certain that none was taken up. All others may
    /// still be under way when a later one has its answer.
    fn is_only_send(&self) -> bool {
        self.last_sent == self.first_sent
    }
}

/// What the ledger knows of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing: it was never about to be sent.
    New,
    /// It may have been sent.
    Intent(Intent),
    /// The object exists.
    Done {
        /// Its id.
        object: String,
    },
    /// The target said no, in this generation.
    Failed {
        /// The generation that was refused.
        generation: u32,
    },
    /// Only a person can say whether the object exists.
    Review {
        /// The generation whose effect is open.
        generation: u32,
    },
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The operation is taken up: by a run, after a back-off, or after a restart.
    Begin,
    /// The rate limits allow the send now.
    Ready,
    /// The target took it; the object's id.
    Accepted(String),
    /// The target refused it: nothing was made.
    Refused,
    /// It was not taken up: a rate limit, or a lock.
    NotTaken,
    /// There was no answer, or it is told to be under way.
    NoAnswer,
    /// A 5xx, or an answer that could not be read.
    Unclear,
    /// The look-up has ended.
    Found(Option<String>),
    /// A person, or a changed row, asks for another try of something refused.
    Retry,
}

/// What to do now. The state that comes with it must be durable first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Wait for the rate limits, then report [`Event::Ready`].
    Send,
    /// Put the stored bytes on the wire, then report the answer.
    Transmit,
    /// Wait a little, with jitter, then report [`Event::Begin`].
    BackOff,
    /// Wait a little, with jitter, and for the rate limits, then report [`Event::Ready`].
    Again,
    /// Look the object up by list, from this time on; then report [`Event::Found`].
    LookUp {
        /// Objects made before this are not of this operation.
        since: Time,
    },
    /// Leave it to a later run, not before this time.
    Defer {
        /// When a look-up is allowed.
        until: Time,
    },
    /// Nothing is left to do.
    Settled,
}

/// What to do when the look-up finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnsure {
    /// Send again under a new key.
    Resend,
    /// Ask a person.
    Ask,
}

/// The next state and what to do once it is durable.
pub fn step(state: &State, event: &Event, now: Time, unsure: WhenUnsure) -> (State, Effect) {
    match (state, event) {
        (State::New, Event::Begin | Event::Retry) => fresh(1, now),
        (State::Failed { generation } | State::Review { generation }, Event::Retry) => fresh(generation + 1, now),
        (State::Intent(intent), Event::Ready) if may_leave(intent, now) => (state.clone(), Effect::Transmit),
        // It waited for too long, but nothing of its key has left, or was taken up.
        (State::Intent(intent), Event::Ready) if intent.is_only_send() => fresh(intent.generation, now),
        (State::Intent(intent), Event::Begin | Event::Retry | Event::Ready) => decide(*intent, now),
        (State::Intent(_), Event::Accepted(id) | Event::Found(Some(id))) => {
            (State::Done { object: id.clone() }, Effect::Settled)
        }
        (State::Intent(intent), Event::Refused) if intent.is_only_send() => refused(*intent),
        (State::Intent(intent), Event::Refused) => doubt(*intent, REFUSED),
        (State::Intent(_), Event::NotTaken) => (state.clone(), Effect::Again),
        (State::Intent(_), Event::NoAnswer) => (state.clone(), Effect::BackOff),
        (State::Intent(intent), Event::Unclear) => doubt(*intent, intent.doubts + 1),
        (State::Intent(intent), Event::Found(None)) => match unsure {
            WhenUnsure::Resend if intent.doubts == REFUSED => refused(*intent),
            WhenUnsure::Resend => fresh(intent.generation + 1, now),
            WhenUnsure::Ask => (State::Review { generation: intent.generation }, Effect::Settled),
        },
        _ => (state.clone(), Effect::Settled),
    }
}

fn fresh(generation: u32, now: Time) -> (State, Effect) {
    (State::Intent(Intent { generation, first_sent: now, last_sent: now, doubts: 0 }), Effect::Send)
}

/// An intent is either young and undoubted, and sent again as it is; or it is looked up, once nothing can be in flight.
fn decide(intent: Intent, now: Time) -> (State, Effect) {
    if intent.doubts < DOUBT_LIMIT && age(intent.first_sent, now) < KEY_WINDOW {
        // Within the same second it must not look like the only one.
        let last_sent = if now == intent.first_sent { now + 1 } else { now };
        return (State::Intent(Intent { last_sent, ..intent }), Effect::Send);
    }
    let effect = if age(intent.last_sent, now) >= IN_FLIGHT {
        Effect::LookUp { since: intent.first_sent.min(now) - LOOK_BACK }
    } else {
        Effect::Defer { until: intent.last_sent + IN_FLIGHT }
    };
    (State::Intent(intent), effect)
}

fn may_leave(intent: &Intent, now: Time) -> bool {
    age(intent.last_sent, now) <= STALE_SEND && age(intent.first_sent, now) < KEY_WINDOW
}

fn refused(intent: Intent) -> (State, Effect) {
    (State::Failed { generation: intent.generation }, Effect::Settled)
}

fn doubt(intent: Intent, doubts: u32) -> (State, Effect) {
    let effect =
        if doubts < DOUBT_LIMIT { Effect::BackOff } else { Effect::Defer { until: intent.last_sent + IN_FLIGHT } };
    (State::Intent(Intent { doubts, ..intent }), effect)
}

/// A clock that was set back makes an intent old, never young.
fn age(then: Time, now: Time) -> Time {
    (now - then).abs()
}
