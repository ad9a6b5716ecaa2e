//! Runs of the binary: with a machine that fails, or without.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Shop;
use crate::invariants;
use crate::machine::board::{Board, Counts};
use crate::machine::fault::Fault;
use crate::machine::kept::Kept;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none when it was killed.
    pub code: Option<i32>,
    /// Standard output; null when there was none.
    pub json: Value,
    pub stderr: String,
}

impl Ended {
    /// The reports, of one connection or of several.
    pub fn reports(&self) -> &[Value] {
        self.json.as_array().map_or(std::slice::from_ref(&self.json), Vec::as_slice)
    }

    /// The codes of what refused or stopped it as a whole; what is about a row is not among them.
    pub fn stopped_by(&self) -> Vec<&str> {
        let refusals = self.reports().iter().filter(|report| report["result"] == "refused");
        let refusals = refusals.flat_map(|report| report["problems"].as_array().into_iter().flatten());
        let stops = self.reports().iter().map(|report| &report["stopped_by"]);
        refusals.chain(stops).filter_map(|problem| problem["code"].as_str()).collect()
    }

    /// The codes of what is told beside the results.
    pub fn notes(&self) -> Vec<&str> {
        let notes = self.reports().iter().flat_map(|report| report["notes"].as_array().into_iter().flatten());
        notes.filter_map(|note| note["code"].as_str()).collect()
    }

    /// One JSON value on standard output, and the equation in every report (I3).
    pub fn is_well_formed(&self) {
        assert!(!self.json.is_null() && !self.stderr.contains("panicked"), "{self:#?}");
        for rows in self.reports().iter().map(|report| &report["rows"]).filter(|rows| rows.is_object()) {
            let counts = rows.as_object().into_iter().flatten();
            let parts: u64 = counts.filter(|(name, _)| *name != "read").filter_map(|(_, count)| count.as_u64()).sum();
            assert_eq!(rows["read"].as_u64(), Some(parts), "I3: {self:#?}");
        }
    }
}

/// A child that does not outlive its case.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Shop<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.machine.binary);
        command.current_dir(self.project()).args(args).arg("--output=json");
        command.env_remove("STRIPE_SECRET_KEY").env_remove("RUST_LOG").env("TMPDIR", self.root().join("spool"));
        command.env("ROWBILL_TEST_CLOCK", format!("+{}s", self.ahead.get().as_secs()));
        command
    }

    /// Runs all connections on a healthy machine.
    pub fn run_all(&self) -> Ended {
        self.run(&["run-now", "--all"])
    }

    /// Runs the binary on a healthy machine, and checks what must hold after every run.
    pub fn run(&self, args: &[&str]) -> Ended {
        let ended = self.ended(self.command(args), None);
        ended.is_well_formed();
        invariants::hold(&self.stripe);
        ended
    }

    /// Runs all connections on a machine that fails, unless the run ends before; a life that is given is how long the
    /// process has until it is killed.
    pub fn strike(&self, fault: Option<&Fault>, life: Option<Duration>) -> (Ended, Counts) {
        let _ = Kept::all_of(&self.project(), self.kept());
        let board = Board::new(self.root().join("board"));
        let mut command = self.command(&["run-now", "--all"]);
        command.env("LD_PRELOAD", self.machine.shim()).env("MACHINE_BOARD", board.path());
        command.env("MACHINE_FOLDER", self.project()).env("MACHINE_KEPT", self.kept());
        let watched = fault.map_or("project", |fault| fault.area.folder());
        command.env("MACHINE_WATCH", self.root().join(watched));
        if let Some(fault) = fault {
            command.env("MACHINE_DO", fault.deed.name()).env("MACHINE_HIT", fault.hit.to_string());
            command.env("MACHINE_AT", fault.point.number().to_string());
        }
        let ended = self.ended(command, life);
        (ended, board.read())
    }

    fn ended(&self, mut command: Command, life: Option<Duration>) -> Ended {
        let (out, err) = (self.root().join("stdout"), self.root().join("stderr"));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let begin = Instant::now();
        let mut child = Running(command.spawn().unwrap());
        let status = loop {
            if let Some(status) = child.0.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "it hangs: {command:?}\n{}", fs::read_to_string(&err).unwrap());
            if life.is_some_and(|life| begin.elapsed() >= life) {
                child.0.kill().unwrap();
            }
            std::thread::park_timeout(Duration::from_millis(1));
        };
        let json = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap_or(Value::Null);
        let stderr = String::from_utf8_lossy(&fs::read(&err).unwrap()).into_owned();
        Ended { code: status.code(), json, stderr }
    }
}
