//! One case: a business at some stage, one failure of the machine, and what is lost with it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Deed, Fault};
use super::kept::Loss;
use super::shop::{Ended, Shop};
use super::strikes::Strikes;
use super::{Machine, disk, intents, kills};
use crate::invariants;

/// Where the ledger is in a project.
pub(super) const LEDGER: &str = "state/ledger.db";

/// How far the business is when the machine fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was ever run; there is no ledger.
    First,
    /// Everything was settled; then rows were added and one was edited.
    Later,
}

/// One failure, and the stage at which it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The business.
    pub stage: Stage,
    /// What goes wrong.
    pub fault: Fault,
    /// What is lost.
    pub loss: Loss,
}

impl Case {
    /// Runs this one case.
    pub fn run(self, machine: &Machine) -> Strikes {
        let mut strikes = Strikes::default();
        let one = if self.fault.deed == Deed::Kill { kills::killed } else { disk::failed };
        if strikes.check(&self, || one(machine, self)) == Some(true) {
            strikes.count(self.to_string());
        }
        strikes
    }

    /// In a share of the cases nobody comes before the keys are forgotten.
    fn is_overnight(self) -> bool {
        self.fault.hit % 4 == 3
    }

    /// The business at the case's stage.
    pub(super) fn shop(self, machine: &Machine) -> Shop<'_> {
        let shop = Shop::new(machine, self.fault.hit, Vec::new());
        if self.stage == Stage::Later {
            shop.settle();
            shop.grow();
        }
        shop
    }

    /// Takes away what is lost, runs until everything is settled, and compares the books. A run that said that all was
    /// done must be right about that, whatever is lost right after it.
    pub(super) fn mend(self, shop: &Shop, ended: &Ended) {
        invariants::hold(&shop.stripe);
        shop.lose(self.loss, self.fault.hit);
        shop.results_are_whole();
        intents::of_all_posts(&shop.stripe, &shop.copy().join(LEDGER));
        if self.is_overnight() {
            shop.advance(Duration::from_hours(25));
        }
        if ended.code != Some(0) {
            shop.settle();
        }
        shop.is_settled();
    }
}

impl fmt::Display for Case {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = if self.stage == Stage::First { "first" } else { "later" };
        write!(to, "{stage} {} {}", self.fault, self.loss)
    }
}

impl FromStr for Case {
    type Err = String;

    /// Reads what `Display` writes: `later kill project sync.after 17 torn`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let [stage, deed, area, point, hit, loss] = words[..] else {
            return Err("STAGE DEED AREA POINT HIT LOSS".to_owned());
        };
        let stage = match stage {
            "first" => Stage::First,
            "later" => Stage::Later,
            other => return Err(format!("no stage is named {other}")),
        };
        let hit = hit.parse().map_err(|error| format!("{hit}: {error}"))?;
        let fault = Fault { deed: deed.parse()?, area: area.parse()?, point: point.parse()?, hit };
        Ok(Self { stage, fault, loss: loss.parse()? })
    }
}
