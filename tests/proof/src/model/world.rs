//! Everything outside of the product: time, the ledger's file, the network, the target.

use rowbill::protocol::{DOUBT_LIMIT, Intent, State, Time};

pub(super) const MINUTE: Time = 60;
/// The target forgets a key.
pub(super) const PRUNE: Time = 24 * 60 * MINUTE;
/// A request that was not answered is dead by then.
const DEAD: Time = 5 * MINUTE;
/// So far behind is a search.
const LAG: Time = 60 * MINUTE;
const STEPS: [Time; 4] = [MINUTE, 6 * MINUTE, 61 * MINUTE, PRUNE + MINUTE];

/// What the ledger holds, or when an old backup took its place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Known {
    State(State),
    Lost(Time),
}

/// What only the process knows; a crash empties it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Memory {
    Empty,
    Armed,
    Answered(Answer),
    LookingUp,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Accepted,
    Refused,
    Limited,
    Lost,
    Unclear,
}

/// A key that the target has seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    generation: u32,
    /// A 500 is stored under it.
    is_500: bool,
    since: Time,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: Time,
    pub(super) ledger: Known,
    pub(super) keys: Vec<Key>,
    /// When each was made.
    pub(super) objects: Vec<Time>,
    /// The generations of requests that may still take effect.
    pub(super) in_flight: Vec<u32>,
    pub(super) memory: Memory,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: 0,
            ledger: Known::State(State::New),
            keys: vec![],
            objects: vec![],
            in_flight: vec![],
            memory: Memory::Empty,
        }
    }
}

impl World {
    /// One more unclear answer and the object is looked up: the answers before it were 503s that nothing came of. From
    /// here on the look-up is within reach of a search of ten steps.
    pub(super) fn doubtful() -> Self {
        let intent = Intent { generation: 1, first_sent: 0, last_sent: 0, doubts: DOUBT_LIMIT - 1 };
        Self { ledger: Known::State(State::Intent(intent)), ..Self::default() }
    }

    /// Two objects for a row, or done without one, or refused with one.
    pub(super) fn is_wrong(&self) -> bool {
        let is_settled = self.memory == Memory::Empty && self.in_flight.is_empty();
        let is_lie = match &self.ledger {
            Known::State(State::Done { .. }) => self.objects.len() != 1,
            Known::State(State::Failed { .. }) => !self.objects.is_empty(),
            _ => false,
        };
        self.objects.len() > 1 || (is_settled && is_lie)
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(&self.ledger, Known::State(State::Done { .. }))
    }

    /// Whether a search finds an object.
    pub(super) fn is_searchable(&self) -> bool {
        self.objects.iter().any(|made| self.now - made >= LAG)
    }

    /// Later, nothing else having happened.
    pub(super) fn after(&self, time: Time) -> Self {
        let now = self.now + time;
        Self { now, keys: live(&self.keys, now), ..self.clone() }
    }

    /// Time passes, late requests commit or die, the process crashes, an old backup is restored.
    pub(super) fn nature(&self, restores: bool) -> Vec<Self> {
        let mut next = Vec::new();
        for (index, generation) in self.in_flight.iter().enumerate() {
            let mut rest = self.clone();
            rest.in_flight.remove(index);
            if !live(&rest.keys, rest.now).iter().any(|key| key.generation == *generation) {
                let mut late = rest.clone();
                late.commit(*generation, false, true);
                next.push(late);
            }
            next.push(rest);
        }
        let passing = STEPS.into_iter().filter(|time| self.in_flight.is_empty() || *time < DEAD);
        next.extend(passing.map(|time| self.after(time)));
        if self.memory != Memory::Empty {
            next.push(Self { memory: Memory::Empty, ..self.clone() });
        }
        let is_known = !matches!(self.ledger, Known::Lost(_) | Known::State(State::New));
        if restores && is_known {
            next.push(Self { ledger: Known::Lost(self.now), memory: Memory::Empty, ..self.clone() });
        }
        next
    }

    fn commit(&mut self, generation: u32, is_500: bool, makes: bool) {
        self.keys.push(Key { generation, is_500, since: self.now });
        if makes {
            self.objects.push(self.now);
        }
    }
}

/// Every answer that the target or the network may give to one request.
pub(super) fn send(world: &World, generation: u32, faults: bool) -> Vec<World> {
    let keys = live(&world.keys, world.now);
    let answered = |answer: Answer| World { keys: keys.clone(), memory: Memory::Answered(answer), ..world.clone() };
    if world.in_flight.contains(&generation) {
        // Before its key is looked at it may be limited, or refused: what it is about has changed since.
        return [Answer::Lost, Answer::Limited, Answer::Refused].map(answered).into();
    }
    if let Some(key) = keys.iter().find(|key| key.generation == generation) {
        let replay = answered(if key.is_500 { Answer::Unclear } else { Answer::Accepted });
        return if faults { vec![replay, answered(Answer::Lost)] } else { vec![replay] };
    }
    let commit = |is_500: bool, makes: bool, answer: Answer| {
        let mut next = answered(answer);
        next.commit(generation, is_500, makes);
        next
    };
    let mut next = vec![commit(false, true, Answer::Accepted)];
    if faults {
        next.push(commit(false, true, Answer::Lost));
        next.extend([Answer::Lost, Answer::Limited, Answer::Refused].map(answered));
        let mut flying = answered(Answer::Lost);
        flying.in_flight.push(generation);
        next.push(flying);
        next.push(commit(true, true, Answer::Unclear));
        next.push(commit(true, false, Answer::Unclear));
    }
    next
}

fn live(keys: &[Key], now: Time) -> Vec<Key> {
    keys.iter().copied().filter(|key| now - key.since < PRUNE).collect()
}
