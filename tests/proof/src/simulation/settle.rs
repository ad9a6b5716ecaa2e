//! The end of a simulation: all faults are over, and everything must come right by itself and by a person's answers.

use std::time::Duration;

use rowbill::ledger::RowState;
use rowbill::run::Order;
use rowbill_stripe_sandbox::Entry;
use tokio::time::{Instant, sleep};

use super::books;
use super::business::{ACCOUNTS, NAMES};
use super::checks::{Check, rows};
use super::edits;
use super::script::{QUIET, Script};
use super::shape::Trouble;
use super::undo;

/// I9: what the protocol needs after the last fault is six minutes until a look-up is allowed, and ten for the runs and
/// the person's answers in between.
const BOUND: Duration = Duration::from_mins(16);
const ROUND: Duration = Duration::from_mins(2);

impl Script {
    /// Ends the faults, and goes on until nothing is left to do.
    pub async fn settle(&mut self) -> Check {
        self.calm();
        if self.world.strikes(Trouble::Nights, 2) {
            sleep(Duration::from_hours(25)).await;
        }
        if self.world.roll(2) == 0 {
            self.restart("ends");
        }
        self.undo().await?;
        let since = Instant::now();
        loop {
            let open = self.round().await?;
            if open.is_empty() {
                break;
            }
            if since.elapsed() > BOUND {
                let ledger = self.not_done().await?;
                return Err(format!("I9: not settled after {} s: {open:#?} {ledger:#?}", since.elapsed().as_secs()));
            }
            self.answer().await?;
            self.undo().await?;
            sleep(ROUND).await;
        }
        let took = since.elapsed().as_secs();
        self.world.add("seconds to settle", took);
        self.quiet_runs().await?;
        books::agree(&self.world, &self.watch).await
    }

    /// What the ledger says of rows that are not done.
    async fn not_done(&self) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for name in NAMES {
            for row in rows(&self.world, name).await?.into_iter().filter(|row| row.state != RowState::Done) {
                let code = row.problem.map(|problem| problem.code);
                lines.push(format!("{name} {:?} {:?} {code:?} {:?}", row.key, row.state, row.objects));
            }
        }
        Ok(lines)
    }

    /// What cannot be billed as it stands is put right.
    async fn undo(&self) -> Check {
        edits::mend(&self.world);
        undo::customers(&self.world);
        undo::orders(&self.world, &rows(&self.world, "items").await?);
        Ok(())
    }

    /// All connections once, in their order: what is not settled.
    async fn round(&mut self) -> Result<Vec<String>, String> {
        let mut open = Vec::new();
        for name in NAMES {
            // A guard is a person's to lift: she lets a few go at a time.
            for _ in 0..20 {
                let limit = self.world.shape.new_rows.filter(|_| matches!(name, "customers" | "items"));
                self.perform(vec![(name, Order::by_hand(None, limit.map(u64::from)))]).await?;
                if !self.last.iter().any(|line| line.contains("run.limit")) {
                    break;
                }
            }
            open.append(&mut self.last);
            self.watch.world(&self.world).await?;
        }
        Ok(open)
    }

    /// I8: over unchanged tables nothing is sent any more, not even after the keys are forgotten.
    async fn quiet_runs(&mut self) -> Check {
        // What was sent twice, since its answer was late, may arrive even now.
        for pause in [QUIET, Duration::from_hours(25)] {
            sleep(pause).await;
            self.restart("is started again");
            self.watch.read(&self.world);
            let marks = ACCOUNTS.map(|account| self.watch.journals[account].len());
            let open = self.round().await?;
            if !open.is_empty() {
                return Err(format!("I9: not settled for good: {open:#?}"));
            }
            for (account, mark) in ACCOUNTS.into_iter().zip(marks) {
                let writes: Vec<_> = self.watch.journals[account][mark..]
                    .iter()
                    .filter(|entry| matches!(entry, Entry::Request(request) if request.method != "GET"))
                    .collect();
                if !writes.is_empty() {
                    return Err(format!("I8: a second run sent {writes:#?}"));
                }
            }
        }
        Ok(())
    }
}
