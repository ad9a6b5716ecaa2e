//! What happens, step by step: runs with something in their middle, and everything else between them.

use std::sync::Arc;
use std::time::Duration;

use rowbill::ledger::memory::{Book, MemoryLedger};
use rowbill::run::Order;
use rowbill_stripe_sandbox::{Fault, Rule};
use tokio::time::{Instant, sleep};

use super::broken::Broken;
use super::business::{ACCOUNTS, NAMES, key_of, table_of};
use super::checks::{self, Begun, Check, Watch};
use super::edits;
use super::person;
use super::process::{BOOT, Process, Ran};
use super::shape::Trouble;
use super::table::cells;
use super::trips::Trip;
use super::world::{World, hold};

/// So long after the last request nobody starts a restored ledger: the model asks for it.
pub const QUIET: Duration = Duration::from_secs(6 * 60 + 1);

/// Counts clocks that were set while a machine came up again.
pub const CLOCK_AT_BOOT: &str = "clocks set at boot";

/// A simulation that goes on.
pub struct Script {
    /// The world.
    pub world: Arc<World>,
    /// What is watched.
    pub watch: Watch,
    /// The process, if one lives.
    process: Option<Process>,
    started: u32,
    runs: u32,
    shift: i64,
    backups: Vec<Book>,
    /// What the last runs left open.
    pub last: Vec<String>,
}

impl Script {
    /// Nothing has happened yet.
    pub fn new(world: Arc<World>) -> Self {
        let (watch, backups, last) = (Watch::default(), Vec::new(), Vec::new());
        Self { world, watch, process: None, started: 0, runs: 0, shift: 0, backups, last }
    }

    /// One step with whatever this world has in store.
    pub async fn step(&mut self) -> Check {
        self.world.count("steps");
        // So that a world in which backups are put back sees it happen, and with something to lose.
        if self.world.strikes(Trouble::Restore, 3) || self.world.strikes(Trouble::Lost, 6) {
            self.backup().await;
        }
        match self.world.roll(20) {
            0..=9 => self.run_something().await?,
            10 | 11 => self.answer().await?,
            12 | 13 => self.wait().await,
            14 => self.people(),
            15 => self.backup().await,
            16 => self.clock(),
            17 => self.repair(),
            18 => self.restart("is started again"),
            _ => self.weather(),
        }
        self.watch.world(&self.world).await
    }

    /// A run of one connection, of all of them, or of several at once.
    async fn run_something(&mut self) -> Check {
        self.weather();
        if self.world.strikes(Trouble::Edits, 2) {
            self.people();
        }
        let at_once = self.world.strikes(Trouble::AtOnce, 2);
        let names: Vec<&'static str> = match self.world.roll(3) {
            0 => vec![self.world.pick(&NAMES)],
            _ if at_once => NAMES.into_iter().filter(|_| self.world.roll(2) == 0).collect(),
            _ => NAMES.to_vec(),
        };
        if at_once {
            self.trips();
            let orders = names.into_iter().map(|name| (name, self.order(name))).collect();
            return self.perform(orders).await;
        }
        for name in names {
            self.trips();
            let order = self.order(name);
            self.perform(vec![(name, order)]).await?;
        }
        Ok(())
    }

    fn order(&mut self, name: &str) -> Order {
        let world = &self.world;
        let (mut only, mut limit) = (None, None);
        if world.strikes(Trouble::Parts, 2) {
            let tables = hold(&world.tables);
            let rows = &tables[table_of(name)].rows;
            match rows.get(world.roll(u32::try_from(rows.len()).unwrap_or_default()) as usize) {
                Some(row) if world.roll(2) == 0 => only = Some(cells(table_of(name), row, key_of(name))),
                _ => limit = Some(u64::from(world.roll(4))),
            }
        }
        Order::by_hand(only, limit)
    }

    /// Decides what happens in the middle of the next run.
    fn trips(&self) {
        let world = &self.world;
        let mut plan = Vec::new();
        let mut add = |trouble, trip| {
            if world.strikes(trouble, world.shape.one_in) {
                plan.push((1 + u64::from(world.roll(1 << (2 + world.roll(8)))), trip));
            }
        };
        let account = world.pick(&ACCOUNTS);
        add(Trouble::Crash, Trip::Crash);
        add(Trouble::Stop, Trip::Stop);
        add(Trouble::Revoked, Trip::Revoke(account));
        add(Trouble::Permissions, Trip::Restrict(account));
        add(Trouble::Unreachable, Trip::Unplug(account));
        add(Trouble::DiskFull, Trip::Disk(1 + world.roll(3), false));
        add(Trouble::DiskLies, Trip::Disk(1, true));
        add(Trouble::EditsMidway, Trip::Edit);
        let long = [Duration::from_mins(2), Duration::from_mins(7), Duration::from_mins(61), Duration::from_hours(25)];
        add(Trouble::Standstill, Trip::Stand(world.pick(&long)));
        hold(&world.trips).set(plan);
    }

    /// Runs connections at once, and looks at what they tell.
    pub async fn perform(&mut self, orders: Vec<(&'static str, Order)>) -> Check {
        let world = Arc::clone(&self.world);
        self.watch.read(&world);
        let mut begun = Vec::new();
        let mut named = Vec::new();
        for (name, mut order) in orders {
            self.runs += 1;
            let run = format!("{:026}", self.runs);
            let since = hold(&self.world.wires).keys.len();
            let whole = order.only.is_none();
            world.tell(|| format!("  {name} runs (only {:?}, limit {:?})", order.only, order.limit));
            hold(&world.current).insert(name.to_owned(), run.clone());
            order.run = Some(run.clone());
            begun.push(Begun { name, run, whole, since });
            named.push((name, order));
        }
        world.add("runs", named.len() as u64);
        let ran = self.process()?.perform(&named).await;
        hold(&world.trips).set(Vec::new());
        let Some(ran) = ran else {
            self.crash().await;
            return Ok(());
        };
        self.watch.read(&world);
        self.last.clear();
        for (begun, mut ran) in begun.iter().zip(ran) {
            let told = told(begun.name, &mut ran);
            world.tell(|| told.join("\n             "));
            self.last.extend(told.into_iter().skip(1));
            checks::report(&world, begun, &mut ran)?;
        }
        if self.process.as_ref().is_some_and(|process| process.power.stop.asked()) {
            self.restart("has stopped");
        }
        Ok(())
    }

    /// The process that lives, or a new one. An account that was halted needs a new one.
    pub fn process(&mut self) -> Result<&Process, String> {
        let is_halted = |process: &Process| process.engine.accounts.values().any(|line| line.halted().is_some());
        if self.process.as_ref().is_none_or(|process| !process.power.is_on() || is_halted(process)) {
            self.started += 1;
            if self.world.broken == Some(Broken::IntentsNotSynced) {
                let disk = MemoryLedger::restored(self.world.ledger().backup());
                *hold(&self.world.synced) = Some(Arc::new(disk));
            }
            let process = Process::start(&self.world, self.started, self.shift).map_err(|problem| problem.message)?;
            self.process = Some(process);
        }
        if let (Some(Broken::StoppedClock), Some(process)) = (self.world.broken, &mut self.process) {
            process.stop_clock(&self.world);
        }
        self.process.as_ref().ok_or_else(|| "no process".to_owned())
    }

    async fn crash(&mut self) {
        self.process = None;
        if let Some(synced) = hold(&self.world.synced).take() {
            *hold(&self.world.disk) = synced;
        }
        sleep(BOOT).await;
        // A machine that comes up again may have another clock, while requests of before are still on their way.
        if self.world.strikes(Trouble::Clock, 3) {
            self.world.count(CLOCK_AT_BOOT);
            self.clock();
        }
    }

    /// The process ends, and the next thing begins another one.
    pub fn restart(&mut self, why: &str) {
        self.world.tell(|| format!("  the process {why}"));
        self.process = None;
    }

    /// The person answers.
    pub async fn answer(&mut self) -> Check {
        let world = Arc::clone(&self.world);
        world.tell(|| "  the person answers".to_owned());
        if world.roll(2) == 0 {
            edits::mend(&world);
        }
        person::answer(&world, self.process()?).await
    }

    async fn wait(&self) {
        let nights = self.world.shape.has(Trouble::Nights);
        let time = match self.world.roll(if nights { 4 } else { 2 }) {
            0 => Duration::from_mins(1),
            1 => Duration::from_mins(7),
            2 => Duration::from_mins(61),
            _ => Duration::from_hours(25),
        };
        self.world.tell(|| format!("  {} minutes go by", time.as_secs() / 60));
        sleep(time).await;
    }

    fn people(&self) {
        if self.world.shape.has(Trouble::Edits) {
            edits::edit(&self.world);
        }
        if edits::may_spoil(&self.world) {
            edits::spoil(&self.world);
        }
        if self.world.strikes(Trouble::Source, 2) {
            *hold(&self.world.source_breaks) = 2 + self.world.roll(2);
        }
    }

    /// A backup is taken, or one is put back.
    async fn backup(&mut self) {
        let world = Arc::clone(&self.world);
        let (restores, loses) = (world.shape.has(Trouble::Restore), world.shape.has(Trouble::Lost));
        if !restores && !loses {
            return;
        }
        let is_lost = loses && (!restores || world.roll(4) == 0);
        if world.roll(2) == 0 && !is_lost {
            world.tell(|| "  a backup is taken".to_owned());
            return self.backups.push(world.ledger().backup());
        }
        let count = u32::try_from(self.backups.len()).unwrap_or_default();
        let book = if is_lost || count == 0 { None } else { self.backups.get(world.roll(count) as usize).cloned() };
        if book.is_none() && !is_lost {
            return;
        }
        self.restart("ends");
        self.quiet().await;
        world.tell(|| format!("  {}", if is_lost { "the ledger is lost" } else { "a backup is put back" }));
        world.count(if is_lost { "ledgers lost" } else { "restores" });
        self.watch.read(&world);
        for account in ACCOUNTS {
            let at = self.watch.journals[account].len() as u64;
            hold(&world.forgotten).entry(account).or_default().push(at);
        }
        *hold(&world.disk) = Arc::new(MemoryLedger::restored(book.unwrap_or_default()));
    }

    /// Until nothing can be under way any more.
    async fn quiet(&self) {
        let last = hold(&self.world.wires).last;
        let gone = last.map_or(QUIET, |last| Instant::now() - last);
        sleep(QUIET.saturating_sub(gone)).await;
    }

    /// rowbill's own clock is set.
    fn clock(&mut self) {
        if self.world.shape.has(Trouble::Clock) {
            let far = self.world.pick(&[5 * 60, 2 * 3600, 26 * 3600, 6 * 24 * 3600]);
            self.shift = i64::from(self.world.roll(2 * far)) - i64::from(far);
            self.world.count("clocks set");
            self.world.tell(|| format!("  the clock is {} s ahead", self.shift));
            self.restart("begins with another clock");
        }
    }

    /// Somebody puts one of the things right that went wrong.
    pub fn repair(&self) {
        let world = &self.world;
        world.tell(|| "  keys, plugs and disks are put right".to_owned());
        *hold(&world.mood) = (0, false);
        *hold(&world.source_breaks) = 0;
        for account in ACCOUNTS {
            world.stripe[account].restore_key();
            world.stripe[account].set_permissions(None);
            hold(&world.wires).put_right(account);
        }
    }

    /// The faults of the sandboxes change.
    fn weather(&self) {
        let world = &self.world;
        if world.roll(3) == 0 {
            for account in ACCOUNTS {
                world.stripe[account].faults().clear();
            }
        }
        let account = world.pick(&ACCOUNTS);
        for (trouble, faults) in [(Trouble::Answers, ANSWERS), (Trouble::Late, LATE)] {
            if world.strikes(trouble, 2) {
                let fault = faults[world.roll(u32::try_from(faults.len()).unwrap_or(1)) as usize](world.roll(170));
                let rule = rule(world, fault);
                world.tell(|| format!("  {account}: {rule:?}"));
                world.stripe[account].faults().script(rule);
            }
        }
    }

    /// Everything that went wrong ends.
    pub fn calm(&mut self) {
        self.world.tell(|| "all faults end".to_owned());
        for account in ACCOUNTS {
            self.world.stripe[account].faults().clear();
        }
        hold(&self.world.trips).set(Vec::new());
        self.repair();
    }
}

type MakeFault = fn(u32) -> Fault;

const ANSWERS: &[MakeFault] = &[
    |n| Fault::RejectBefore([400, 402, 404][n as usize % 3]),
    |n| Fault::RejectBefore([408, 409, 500, 502, 503][n as usize % 5]),
    |n| Fault::FailUncommitted([500, 502, 503][n as usize % 3]),
    |n| Fault::FailAfterCommit([500, 502, 504][n as usize % 3]),
    |_| Fault::DropBefore,
    |_| Fault::DropAfterCommit,
    |_| Fault::GarbleAfterCommit,
    |n| Fault::RateLimited {
        reason: ["global-rate", "endpoint-rate", "endpoint-concurrency"][n as usize % 3].to_owned(),
        retry_after: (n % 2 == 0).then_some(n % 7),
    },
    |_| Fault::LockTimeout,
    |_| Fault::InUse409,
];
const LATE: &[MakeFault] = &[|_| Fault::Hold, |n| Fault::Slow(Duration::from_secs(1 + u64::from(n)))];

/// To some requests: those of one operation, all that write, or all. A judgement of a read would be a lie.
fn rule(world: &World, fault: Fault) -> Rule {
    const WRITES: [&str; 7] = [
        "POST /v1/customers",
        "POST /v1/customers/{customer}",
        "POST /v1/invoiceitems",
        "POST /v1/invoices",
        "POST /v1/invoices/{invoice}/add_lines",
        "POST /v1/invoices/{invoice}/finalize",
        "POST /v1/invoices/{invoice}/send",
    ];
    let is_judgement = matches!(fault, Fault::RejectBefore(400 | 402 | 404));
    let rule = match world.roll(3) {
        0 => Rule::on(world.pick(&WRITES), fault),
        1 if !is_judgement => Rule::next(fault),
        _ => Rule::next(fault).only("POST", "/v1/"),
    };
    if world.roll(2) == 0 {
        return rule.counted(u64::from(world.roll(10)), u64::from(1 + world.roll(8)));
    }
    Rule { one_in: Some(2 + world.roll(12)), ..rule }
}

/// The equation, and a line for each row that is not settled.
fn told(name: &str, ran: &mut Ran) -> Vec<String> {
    let report = match ran {
        Ok(report) => report,
        Err(problems) => return vec![format!("    {name}"), format!("{name} refused: {problems:?}")],
    };
    let mut lines = vec![format!("    {name}: {} ({:?})", report.tally.equation(), report.ending)];
    let _ = report.problems.each(|row| {
        let (code, message) = (&row.problem.code, &row.problem.message);
        lines.push(format!("{name} {:?} {:?} {code}: {message}", row.key, row.state));
    });
    lines
}
