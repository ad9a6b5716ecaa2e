//! The binary is killed: at each passage of each point, and at random.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowbill_stripe_sandbox::{Fault as Answer, Rule};

use super::board::Counts;
use super::case::{Case, LEDGER, Stage};
use super::fault::{Area, Deed, Fault, Point};
use super::kept::Loss;
use super::shop::Shop;
use super::strikes::{Strikes, all_of};
use super::{Machine, intents};
use crate::invariants;

/// The passages of one point at one stage: the first of them, and each so many further on.
#[derive(Clone, Copy)]
struct Walk {
    stage: Stage,
    point: Point,
    first: u64,
    stride: u64,
}

/// Most passages are writes, and those between two syncs are alike: a stride is so much longer for them.
const WRITES_ARE_ALIKE: u64 = 5;

/// Kills at every passage of every point, at both stages, with each loss; with a stride of more than 1, at one in so
/// many of these cases.
pub fn at_every_point(machine: &Machine, stride: u64) -> Strikes {
    let mut walks = Vec::new();
    for point in Point::ALL {
        let is_write = stride > 1 && matches!(point, Point::WriteBefore | Point::WriteHalf);
        let stride = if is_write { stride * WRITES_ARE_ALIKE } else { stride };
        for stage in [Stage::First, Stage::Later] {
            // In two halves, so that the longest walk does not end alone.
            walks.extend([0, 1].map(|half| Walk { stage, point, first: half * stride, stride: 2 * stride }));
        }
    }
    let mut strikes = all_of(walks, |walk| walk.go(machine));
    strikes.must_have(Point::ALL.map(name));
    strikes
}

fn name(point: Point) -> String {
    format!("kill {}", point.name())
}

impl Walk {
    /// Cases are numbered hit by hit, and loss by loss within a hit. A run that passes without being hit is the end.
    fn go(self, machine: &Machine) -> Strikes {
        let mut strikes = Strikes::default();
        let mut number = self.first;
        loop {
            let loss = Loss::ALL[usize::try_from(number % 3).unwrap_or(0)];
            let fault = Fault { deed: Deed::Kill, area: Area::Project, point: self.point, hit: number / 3 + 1 };
            let case = Case { stage: self.stage, fault, loss };
            if strikes.check(&case, || killed(machine, case)) == Some(false) {
                return strikes;
            }
            strikes.count(name(self.point));
            number += self.stride;
        }
    }
}

/// One case; whether the run was hit at all.
pub(super) fn killed(machine: &Machine, case: Case) -> bool {
    let shop = case.shop(machine);
    let (ended, counts) = shop.strike(Some(&case.fault), None);
    let expected = if counts.acted { None } else { Some(0) };
    assert_eq!(ended.code, expected, "{} at {}: {ended:#?}", counts.acted, counts.place);
    case.mend(&shop, &ended);
    counts.acted
}

/// When to stop killing at random: no round begins after so many kills, nor after this instant.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// So many kills.
    pub kills: u64,
    /// The instant.
    pub instant: Option<Instant>,
}

/// One business is killed so often before it is left in peace and its books are compared.
const CYCLES: u64 = 12;

/// Kills at random, on businesses that grow between the kills, with answers that are lost now and then. Each round has
/// a business of its own; the first has this seed, the next one the next.
pub fn at_random(machine: &Machine, seed: u64, until: Until) -> Strikes {
    let kills = AtomicU64::new(0);
    let is_time = || until.instant.is_none_or(|instant| Instant::now() < instant);
    let rounds = (seed..).take_while(|_| kills.load(Ordering::Relaxed) < until.kills && is_time());
    all_of(rounds, |seed| {
        let mut strikes = Strikes::default();
        let repeat = format!("at random, seed {seed}");
        let mut struck = Strikes::default();
        strikes.check(&repeat, || Round::new(machine, seed).go(&mut struck));
        kills.fetch_add(struck.strikes.max(1), Ordering::Relaxed);
        strikes.add(struck);
        strikes
    })
}

struct Round<'m> {
    shop: Shop<'m>,
    dice: StdRng,
    /// How often each point was passed in the longest run so far: beyond it nothing is hit.
    longest: Counts,
}

impl<'m> Round<'m> {
    fn new(machine: &'m Machine, seed: u64) -> Self {
        let faults = [Answer::DropAfterCommit, Answer::DropBefore, Answer::FailAfterCommit(500), Answer::InUse409];
        let faults = faults.into_iter().map(|fault| Rule::one_in(60, fault)).collect();
        Self { shop: Shop::new(machine, seed, faults), dice: StdRng::seed_from_u64(seed), longest: Counts::default() }
    }

    fn go(mut self, strikes: &mut Strikes) {
        for _ in 0..CYCLES {
            if let Some(what) = self.kill() {
                strikes.count(what);
            }
            match self.dice.random_range(0..6) {
                0 => self.shop.advance(Duration::from_mins(7)),
                1 => self.shop.advance(Duration::from_hours(25)),
                2 => self.shop.answer(),
                3 | 4 => self.shop.grow(),
                _ => {}
            }
        }
        self.shop.stripe.faults().clear();
        self.shop.settle();
        self.shop.is_settled();
    }

    /// One run; where it was killed, if it was.
    fn kill(&mut self) -> Option<String> {
        let (fault, life) = self.plan();
        let (ended, counts) = self.shop.strike(fault.as_ref(), life);
        for (point, hits) in &counts.hits {
            let most = self.longest.hits.entry(*point).or_default();
            *most = (*most).max(*hits);
        }
        invariants::hold(&self.shop.stripe);
        let killed = ended.code.is_none();
        if !killed {
            ended.is_well_formed();
        }
        let loss = Loss::ALL[self.dice.random_range(0..Loss::ALL.len())];
        self.shop.lose(loss, self.dice.random());
        self.shop.results_are_whole();
        intents::of_all_posts(&self.shop.stripe, &self.shop.copy().join(LEDGER));
        killed.then(|| fault.map_or("kill after a time".to_owned(), |fault| name(fault.point)))
    }

    fn plan(&mut self) -> (Option<Fault>, Option<Duration>) {
        if self.dice.random_range(0..4) == 0 {
            return (None, Some(Duration::from_millis(self.dice.random_range(10..250))));
        }
        let point = Point::ALL[self.dice.random_range(0..Point::ALL.len())];
        let most = self.longest.hits.get(&point).copied().unwrap_or_default().max(4);
        let hit = self.dice.random_range(1..=most);
        (Some(Fault { deed: Deed::Kill, area: Area::Project, point, hit }), None)
    }
}
