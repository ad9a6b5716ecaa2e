//! Exhaustive, bounded model of one row and one object: every interleaving of crash, lost answer, late commit, 429, 5xx
//! before and after the commit, passing time and restored backup, driven through the product's own [`step`].
//!
//! What it trusts: a list is immediate, a request is dead after five minutes, keys are kept for a day, and nobody starts
//! a restored ledger within six minutes of the last send.

use std::collections::{HashSet, VecDeque};

use super::{DOUBT_LIMIT, Effect, Event, Intent, KEY_WINDOW, State, Time, WhenUnsure, step};

const MINUTE: Time = 60;
const PRUNE: Time = 24 * 60 * MINUTE;
const DEAD: Time = 5 * MINUTE;
const STEPS: [Time; 4] = [MINUTE, 6 * MINUTE, 61 * MINUTE, PRUNE + MINUTE];

/// What the ledger holds, or when an old backup took its place.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Known {
    State(State),
    Lost(Time),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Memory {
    Empty,
    Armed,
    Answered(Answer),
    LookingUp,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Accepted,
    Lost,
    Unclear,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    now: Time,
    ledger: Known,
    /// Generation, whether a 500 is stored, when.
    keys: Vec<(u32, bool, Time)>,
    objects: u8,
    in_flight: Vec<(u32, Time)>,
    memory: Memory,
}

/// What is broken on purpose, to know that the model bites.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Product,
    NewKeyAfter5xx,
    NoAgeCheckAtTheSend,
    NoCheckAfterRestore,
}

struct Model {
    variant: Variant,
    restores: bool,
}

impl Model {
    fn explore(&self, depth: usize) -> (HashSet<World>, usize) {
        let start = World {
            now: 0,
            ledger: Known::State(State::New),
            keys: vec![],
            objects: 0,
            in_flight: vec![],
            memory: Memory::Empty,
        };
        let mut seen = HashSet::from([start.clone()]);
        let mut queue = VecDeque::from([(start, 0)]);
        let mut wrong = 0;
        while let Some((world, steps)) = queue.pop_front() {
            if is_wrong(&world) {
                wrong += 1;
                continue;
            }
            if steps == depth {
                continue;
            }
            let mut next = self.worker(&world, true);
            next.extend(self.nature(&world));
            for world in next {
                if seen.insert(world.clone()) {
                    queue.push_back((world, steps + 1));
                }
            }
        }
        (seen, wrong)
    }

    /// What the product does next; `faults` says whether the network and the target may misbehave.
    fn worker(&self, world: &World, faults: bool) -> Vec<World> {
        let state = match &world.ledger {
            Known::State(state) => state.clone(),
            Known::Lost(at) => return self.after_restore(world, *at),
        };
        match &world.memory {
            Memory::Empty => self.apply(world, &state, &Event::Begin, faults),
            Memory::Armed => self.apply(world, &state, &Event::Ready, faults),
            Memory::LookingUp => {
                let found = (world.objects > 0).then(|| "object".to_owned());
                self.apply(world, &state, &Event::Found(found), faults)
            }
            Memory::Answered(answer) => {
                let event = match answer {
                    Answer::Accepted => Event::Accepted("object".to_owned()),
                    Answer::Lost => Event::NoAnswer,
                    Answer::Unclear => Event::Unclear,
                };
                self.apply(world, &state, &event, faults)
            }
        }
    }

    /// The list at the start adopts what is there; else the row looks new.
    fn after_restore(&self, world: &World, at: Time) -> Vec<World> {
        let checks = self.variant != Variant::NoCheckAfterRestore;
        if checks && world.now - at < 6 * MINUTE {
            return vec![];
        }
        let state = if checks && world.objects > 0 { State::Done { object: "object".to_owned() } } else { State::New };
        vec![World { ledger: Known::State(state), memory: Memory::Empty, ..world.clone() }]
    }

    fn apply(&self, world: &World, state: &State, event: &Event, faults: bool) -> Vec<World> {
        let (mut next, mut effect) = step(state, event, world.now, WhenUnsure::Resend);
        match (self.variant, state, event) {
            (Variant::NewKeyAfter5xx, State::Intent(intent), Event::Unclear) => {
                let fresh = Intent {
                    generation: intent.generation + 1,
                    first_sent: world.now,
                    last_sent: world.now,
                    doubts: 0,
                };
                (next, effect) = (State::Intent(fresh), Effect::Send);
            }
            (Variant::NoAgeCheckAtTheSend, State::Intent(_), Event::Ready) => {
                (next, effect) = (state.clone(), Effect::Transmit);
            }
            _ => {}
        }
        let base = World { ledger: Known::State(next.clone()), memory: Memory::Empty, ..world.clone() };
        match effect {
            Effect::Send => vec![World { memory: Memory::Armed, ..base }],
            Effect::LookUp { .. } => vec![World { memory: Memory::LookingUp, ..base }],
            Effect::BackOff | Effect::Defer { .. } | Effect::Settled if base != *world => vec![base],
            Effect::BackOff | Effect::Defer { .. } | Effect::Settled => vec![],
            Effect::Transmit => match next {
                State::Intent(intent) => send(&base, intent.generation, faults),
                _ => vec![],
            },
        }
    }

    /// Time passes, late requests commit or die, the process crashes, an old backup is restored.
    fn nature(&self, world: &World) -> Vec<World> {
        let mut next = Vec::new();
        for (index, (generation, _)) in world.in_flight.iter().enumerate() {
            let mut rest = world.clone();
            rest.in_flight.remove(index);
            if !live(&rest.keys, rest.now).iter().any(|key| key.0 == *generation) {
                let mut late = rest.clone();
                late.keys.push((*generation, false, rest.now));
                late.objects += 1;
                next.push(late);
            }
            next.push(rest);
        }
        for time in STEPS {
            if world.in_flight.is_empty() || time < DEAD {
                let now = world.now + time;
                next.push(World { now, keys: live(&world.keys, now), ..world.clone() });
            }
        }
        if world.memory != Memory::Empty {
            next.push(World { memory: Memory::Empty, ..world.clone() });
        }
        let is_known = !matches!(world.ledger, Known::Lost(_) | Known::State(State::New));
        if self.restores && is_known {
            next.push(World { ledger: Known::Lost(world.now), memory: Memory::Empty, ..world.clone() });
        }
        next
    }

    /// Faults stop and time passes: how many objects there are in the end, once it is settled.
    fn settle(&self, world: &World) -> Option<u8> {
        let mut world = world.clone();
        for _ in 0..200 {
            let is_done = matches!(&world.ledger, Known::State(State::Done { .. }));
            if is_done && world.memory == Memory::Empty && world.in_flight.is_empty() {
                return Some(world.objects);
            }
            world = if world.in_flight.is_empty() {
                match self.worker(&world, false).into_iter().next() {
                    Some(next) => next,
                    None => {
                        World { now: world.now + 6 * MINUTE, keys: live(&world.keys, world.now + 6 * MINUTE), ..world }
                    }
                }
            } else {
                self.nature(&world).swap_remove(0)
            };
        }
        None
    }
}

/// Every answer that the target or the network may give to one request.
fn send(world: &World, generation: u32, faults: bool) -> Vec<World> {
    let keys = live(&world.keys, world.now);
    let answered = |answer: Answer| World { keys: keys.clone(), memory: Memory::Answered(answer), ..world.clone() };
    if world.in_flight.iter().any(|request| request.0 == generation) {
        return vec![answered(Answer::Lost)];
    }
    if let Some((_, is_500, _)) = keys.iter().find(|key| key.0 == generation) {
        let replay = answered(if *is_500 { Answer::Unclear } else { Answer::Accepted });
        return if faults { vec![replay, answered(Answer::Lost)] } else { vec![replay] };
    }
    let commit = |is_500: bool, makes: u8, answer: Answer| {
        let mut next = answered(answer);
        next.keys.push((generation, is_500, world.now));
        next.objects += makes;
        next
    };
    let mut next = vec![commit(false, 1, Answer::Accepted)];
    if faults {
        next.push(commit(false, 1, Answer::Lost));
        next.push(answered(Answer::Lost));
        let mut flying = answered(Answer::Lost);
        flying.in_flight.push((generation, world.now));
        next.push(flying);
        next.push(commit(true, 1, Answer::Unclear));
        next.push(commit(true, 0, Answer::Unclear));
    }
    next
}

fn live(keys: &[(u32, bool, Time)], now: Time) -> Vec<(u32, bool, Time)> {
    keys.iter().copied().filter(|key| now - key.2 < PRUNE).collect()
}

/// Two objects for a row, or done without one.
fn is_wrong(world: &World) -> bool {
    let is_done = matches!(&world.ledger, Known::State(State::Done { .. }));
    world.objects > 1 || (is_done && world.memory == Memory::Empty && world.in_flight.is_empty() && world.objects != 1)
}

fn depth() -> usize {
    std::env::var("ROWBILL_MODEL_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

fn never_wrong_and_always_settled(model: &Model) {
    let (seen, wrong) = model.explore(depth());
    assert_eq!(wrong, 0, "of {} states", seen.len());
    for world in &seen {
        assert_eq!(model.settle(world), Some(1));
    }
    println!("{} states, 0 wrong, all settle with one object", seen.len());
}

#[test]
fn one_object_whatever_fails() {
    never_wrong_and_always_settled(&Model { variant: Variant::Product, restores: false });
}

#[test]
fn one_object_also_after_an_old_backup() {
    never_wrong_and_always_settled(&Model { variant: Variant::Product, restores: true });
}

/// The model bites: each rule that is left out makes two objects.
#[test]
fn rules_that_are_left_out_are_caught() {
    for (variant, restores) in
        [(Variant::NewKeyAfter5xx, false), (Variant::NoAgeCheckAtTheSend, false), (Variant::NoCheckAfterRestore, true)]
    {
        let (_, wrong) = Model { variant, restores }.explore(depth().max(9));
        assert!(wrong > 0);
    }
}

#[test]
fn the_window_leaves_room_before_keys_are_forgotten() {
    let (window, doubts) = (KEY_WINDOW, DOUBT_LIMIT);
    assert!(window < PRUNE - 30 * MINUTE);
    assert!(doubts > 1);
}
