//! A small business in a folder of its own: customers, items, invoices and bills; run by the real binary.

mod books;
mod person;
mod run;
mod trade;

use std::cell::{Cell, RefCell};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rowbill_stripe_sandbox::{Options, Rule, Sandbox};
use tempfile::TempDir;

use super::kept::{Kept, Loss};
use super::{Machine, RUNTIME};
pub use run::Ended;
use trade::Trade;

const MAPPINGS: [(&str, &str); 4] = [
    ("customers", include_str!("customers.yaml")),
    ("items", include_str!("items.yaml")),
    ("invoices", include_str!("invoices.yaml")),
    ("bills", include_str!("bills.yaml")),
];
/// So many runs settle everything, with a person and some minutes between them.
const RUNS: u32 = 8;
const DEFERRED: i32 = 5;
const NEEDS_PERSON: i32 = 16;

/// The business.
pub struct Shop<'m> {
    machine: &'m Machine,
    pub stripe: Sandbox,
    /// `project/`, `spool/` for temporary files, `kept/` for what was synced.
    _folder: TempDir,
    /// Without links, as the kernel names files.
    root: PathBuf,
    trade: RefCell<Trade>,
    /// How far ahead the clocks of rowbill and of the sandbox are.
    ahead: Cell<Duration>,
}

impl<'m> Shop<'m> {
    /// With a fake Stripe of its own that makes these faults.
    pub fn new(machine: &'m Machine, seed: u64, faults: Vec<Rule>) -> Self {
        let stripe = {
            let _guard = RUNTIME.enter();
            let options = Options { seed, faults, ..Options::default() };
            Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).unwrap()
        };
        let folder = new_folder();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["project", "project/mappings", "project/data", "spool"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let trade = RefCell::new(Trade::new());
        let shop = Self { machine, stripe, _folder: folder, root, trade, ahead: Cell::default() };
        shop.settings();
        shop.sources();
        shop
    }

    fn settings(&self) {
        for (name, yaml) in MAPPINGS {
            fs::write(self.project().join(format!("mappings/{name}.yaml")), yaml).unwrap();
        }
        fs::write(self.project().join("acme.key"), "sk_test_acme0000000000").unwrap();
        let yaml = include_str!("rowbill.yaml").replace("API_BASE", &self.stripe.url());
        fs::write(self.project().join("rowbill.yaml"), yaml).unwrap();
    }

    fn sources(&self) {
        let trade = self.trade.borrow();
        let files =
            [("customers", trade.customers_csv()), ("orders", trade.orders_csv()), ("bills", trade.bills_csv())];
        for (name, text) in files {
            fs::write(self.project().join(format!("data/{name}.csv")), text).unwrap();
        }
    }

    /// The folder of the case.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of `rowbill.yaml`.
    pub fn project(&self) -> PathBuf {
        self.root().join("project")
    }

    /// Rows are added, and one is edited.
    pub fn grow(&self) {
        self.trade.borrow_mut().grow();
        self.sources();
    }

    /// Moves the clocks of rowbill and of the sandbox ahead together.
    pub fn advance(&self, by: Duration) {
        self.ahead.set(self.ahead.get() + by);
        self.stripe.clock().advance(by);
    }

    /// What was kept at the syncs of the last run with a fault.
    fn kept(&self) -> PathBuf {
        self.root().join("kept")
    }

    /// After a run with a fault: only what a power cut leaves is in the project now.
    pub fn lose(&self, loss: Loss, seed: u64) {
        if loss == Loss::Nothing {
            return;
        }
        let (left, gone) = (self.root().join("left"), self.root().join("gone"));
        Kept::at(self.kept()).left(&self.project(), &left, loss, seed);
        fs::rename(self.project(), &gone).unwrap();
        fs::rename(&left, self.project()).unwrap();
        fs::remove_dir_all(gone).unwrap();
    }

    /// A copy of the project as a power cut would leave it now.
    pub fn after_power_cut(&self) -> PathBuf {
        self.spare(|spare| Kept::at(self.kept()).left(&self.project(), spare, Loss::Unsynced, 0))
    }

    /// A copy of the project as it is: what looks into a ledger leaves traces beside it.
    pub fn copy(&self) -> PathBuf {
        self.spare(|spare| copy_folder(&self.project(), spare))
    }

    fn spare(&self, fill: impl FnOnce(&Path)) -> PathBuf {
        let spare = self.root().join("spare");
        let _ = fs::remove_dir_all(&spare);
        fill(&spare);
        spare
    }

    /// Runs until every row is settled.
    pub fn settle(&self) {
        for _ in 0..RUNS {
            let ended = self.run_all();
            if ended.code == Some(0) {
                return;
            }
            assert!(matches!(ended.code, Some(DEFERRED | NEEDS_PERSON)), "a healthy machine, and {ended:#?}");
            self.answer();
            self.advance(Duration::from_mins(7));
        }
        panic!("not settled after {RUNS} runs: {:#?}", self.run_all());
    }
}

/// In memory where that is possible: whether a sync is slow makes no difference to what is kept.
fn new_folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("rowbill-machine-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &to);
        } else if kind.is_file() {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
