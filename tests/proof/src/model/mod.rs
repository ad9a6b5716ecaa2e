//! Exhaustive, bounded model of one row and one object: every interleaving of crash, lost answer, late commit, 429, 4xx,
//! 5xx before and after the commit, a person's retry, passing time and restored backup, driven through the product's own
//! [`step`].
//!
//! What it trusts: a list is immediate, a request is dead after five minutes, keys are kept for a day, and nobody starts
//! a restored ledger within six minutes of the last send.

mod world;

use std::collections::{HashSet, VecDeque};

use rowbill::protocol::{Effect, Event, Intent, State, Time, WhenUnsure, step};

use world::{Answer, Known, MINUTE, Memory, World, send};

/// What is broken on purpose, to know that the model bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Nothing is.
    Product,
    /// A 5xx is met with a new key at once.
    NewKeyAfter5xx,
    /// The object is looked up by search, which lags.
    SearchInsteadOfList,
    /// The age of an intent is not looked at when it is sent.
    NoAgeCheckAtTheSend,
    /// A restored ledger is believed.
    NoCheckAfterRestore,
    /// A refusal counts also while an earlier send of the same key has no answer.
    RefusalBelieved,
}

impl Variant {
    /// Those that must be caught, and whether it takes a restored backup to see them.
    pub const FAULTY: [(Self, bool); 5] = [
        (Self::RefusalBelieved, false),
        (Self::NewKeyAfter5xx, false),
        (Self::SearchInsteadOfList, false),
        (Self::NoAgeCheckAtTheSend, false),
        (Self::NoCheckAfterRestore, true),
    ];
}

/// One search through everything that can happen.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// What is broken.
    pub variant: Variant,
    /// Whether old backups are restored.
    pub restores: bool,
}

/// What a search came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Different states of the world.
    pub states: usize,
    /// States with two objects for the row, or with a row that is done without one.
    pub wrong: usize,
    /// States from which it does not end with exactly one object once the faults end.
    pub unsettled: usize,
}

impl Model {
    /// Goes so many steps deep. A model that finds something wrong does not look how it ends.
    pub fn search(self, depth: usize) -> Coverage {
        let (seen, wrong) = self.explore(depth);
        let unsettled = if wrong > 0 { 0 } else { seen.iter().filter(|world| self.settle(world) != Some(1)).count() };
        Coverage { states: seen.len(), wrong, unsettled }
    }

    fn explore(self, depth: usize) -> (HashSet<World>, usize) {
        let starts = [World::default(), World::doubtful()];
        let mut seen = HashSet::from(starts.clone());
        let mut queue: VecDeque<_> = starts.into_iter().map(|start| (start, 0)).collect();
        let mut wrong = 0;
        while let Some((world, steps)) = queue.pop_front() {
            if world.is_wrong() {
                wrong += 1;
                // Of a faulty variant one is enough to know.
                if self.variant != Variant::Product {
                    break;
                }
                continue;
            }
            if steps == depth {
                continue;
            }
            let mut next = self.worker(&world, true);
            next.extend(world.nature(self.restores));
            for world in next {
                if seen.insert(world.clone()) {
                    queue.push_back((world, steps + 1));
                }
            }
        }
        (seen, wrong)
    }

    /// What the product does next; `faults` says whether the network and the target may misbehave.
    fn worker(self, world: &World, faults: bool) -> Vec<World> {
        let state = match &world.ledger {
            Known::State(state) => state.clone(),
            Known::Lost(at) => return self.after_restore(world, *at),
        };
        match &world.memory {
            // A person, or a changed row.
            Memory::Empty if matches!(state, State::Failed { .. }) => self.apply(world, &state, &Event::Retry, faults),
            Memory::Empty => self.apply(world, &state, &Event::Begin, faults),
            Memory::Armed => self.apply(world, &state, &Event::Ready, faults),
            Memory::LookingUp => {
                let is_found = match self.variant {
                    Variant::SearchInsteadOfList => world.is_searchable(),
                    _ => !world.objects.is_empty(),
                };
                let found = is_found.then(|| "object".to_owned());
                self.apply(world, &state, &Event::Found(found), faults)
            }
            Memory::Answered(answer) => {
                let event = match answer {
                    Answer::Accepted => Event::Accepted("object".to_owned()),
                    Answer::Refused => Event::Refused,
                    Answer::Limited => Event::NotTaken,
                    Answer::Lost => Event::NoAnswer,
                    Answer::Unclear => Event::Unclear,
                };
                self.apply(world, &state, &event, faults)
            }
        }
    }

    /// The list at the start adopts what is there; else the row looks new.
    fn after_restore(self, world: &World, at: Time) -> Vec<World> {
        let checks = self.variant != Variant::NoCheckAfterRestore;
        if checks && world.now - at < 6 * MINUTE {
            return vec![];
        }
        let state =
            if checks && !world.objects.is_empty() { State::Done { object: "object".to_owned() } } else { State::New };
        vec![World { ledger: Known::State(state), memory: Memory::Empty, ..world.clone() }]
    }

    fn apply(self, world: &World, state: &State, event: &Event, faults: bool) -> Vec<World> {
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
            (Variant::RefusalBelieved, State::Intent(intent), Event::Refused) => {
                (next, effect) = (State::Failed { generation: intent.generation }, Effect::Settled);
            }
            (Variant::NoAgeCheckAtTheSend, State::Intent(_), Event::Ready) => {
                (next, effect) = (state.clone(), Effect::Transmit);
            }
            _ => {}
        }
        let base = World { ledger: Known::State(next.clone()), memory: Memory::Empty, ..world.clone() };
        match effect {
            Effect::Send | Effect::Again => vec![World { memory: Memory::Armed, ..base }],
            Effect::LookUp { .. } => vec![World { memory: Memory::LookingUp, ..base }],
            Effect::BackOff | Effect::Defer { .. } | Effect::Settled if base != *world => vec![base],
            Effect::BackOff | Effect::Defer { .. } | Effect::Settled => vec![],
            Effect::Transmit => match next {
                State::Intent(intent) => send(&base, intent.generation, faults),
                _ => vec![],
            },
        }
    }

    /// Faults stop and time passes: how many objects there are in the end, once it is settled.
    fn settle(self, world: &World) -> Option<usize> {
        let mut world = world.clone();
        for _ in 0..200 {
            if world.is_done() && world.memory == Memory::Empty && world.in_flight.is_empty() {
                return Some(world.objects.len());
            }
            world = if world.in_flight.is_empty() {
                match self.worker(&world, false).into_iter().next() {
                    Some(next) => next,
                    None => world.after(6 * MINUTE),
                }
            } else {
                world.nature(false).swap_remove(0)
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rowbill::protocol::{DOUBT_LIMIT, KEY_WINDOW};

    use super::world::PRUNE;
    use super::*;

    /// `ROWBILL_MODEL_DEPTH=12` goes deeper.
    fn depth() -> usize {
        std::env::var("ROWBILL_MODEL_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
    }

    fn is_right(restores: bool) {
        let coverage = Model { variant: Variant::Product, restores }.search(depth());
        println!("{coverage:?}");
        assert_eq!((coverage.wrong, coverage.unsettled), (0, 0), "of {} states", coverage.states);
    }

    #[test]
    fn one_object_whatever_fails() {
        is_right(false);
    }

    #[test]
    fn one_object_also_after_an_old_backup() {
        is_right(true);
    }

    /// The model bites: each rule that is left out makes two objects.
    #[test]
    fn rules_that_are_left_out_are_caught() {
        for (variant, restores) in Variant::FAULTY {
            let wrong = Model { variant, restores }.search(depth()).wrong;
            assert!(wrong > 0, "{variant:?}");
        }
    }

    #[test]
    fn the_window_leaves_room_before_keys_are_forgotten() {
        let (window, doubts) = (KEY_WINDOW, DOUBT_LIMIT);
        assert!(window < PRUNE - 30 * MINUTE);
        assert!(doubts > 1);
    }
}
