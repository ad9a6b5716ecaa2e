//! The lines of the daemon's log: names, counts and ids; never a cell, a key or an address. docs/daemon.md lists them.

use rowbill_connector::Problem;
use tracing::{error, info, warn};

use super::finish::Finish;
use crate::mapping::time;
use crate::protocol::Time;
use crate::run::Origin;
use crate::schedule::Cause;

/// Nobody waits for a run that is so late without wanting to know, in seconds.
const LATE: Time = 60;

/// Why a run begins, for its history.
pub fn origin(cause: &Cause, now: Time) -> Origin {
    match cause {
        Cause::Tick(at) => Origin {
            trigger: "schedule".into(),
            scheduled_at: Some(time::display(*at)),
            late_seconds: Some((now - at).max(0)),
            ..Origin::default()
        },
        Cause::After(runs) => Origin { trigger: "after".into(), after: runs.clone(), ..Origin::default() },
        Cause::Retry(of) => Origin { trigger: "retry".into(), retry_of: Some(of.clone()), ..Origin::default() },
    }
}

/// The daemon is there.
pub fn started(connections: usize, live: usize, milliseconds: u64) {
    info!(version = env!("CARGO_PKG_VERSION"), connections, live, milliseconds, "started");
}

/// Runs in this account bill real money, without asking anybody.
pub fn live(account: &str) {
    warn!(account, "LIVE");
}

/// A run begins.
pub fn begins(connection: &str, run: &str, origin: &Origin) {
    let (trigger, scheduled_at) = (&*origin.trigger, origin.scheduled_at.as_deref());
    info!(connection, run, trigger, scheduled_at, "run_started");
    if let Some(late) = origin.late_seconds.filter(|late| *late >= LATE) {
        warn!(connection, run, seconds = late, why = format!("late by {}", length(late)), "late");
    }
}

/// A run has ended.
pub fn ended(connection: &str, run: &str, finish: &Finish) {
    let (tally, result, seconds) = (&finish.tally, &*finish.result, finish.seconds);
    let codes = finish.codes.join(" ");
    let crate::run::Tally { read, done, already_done, skipped, failed, needs_review, deferred } = *tally;
    info!(
        connection,
        run, result, seconds, read, done, already_done, skipped, failed, needs_review, deferred, codes, "run_finished"
    );
    if let Some(problem) = &finish.stopped_by {
        warn!(connection, run, code = problem.code, place = place(problem), why = safe(problem), "run_stopped_by");
    }
}

/// It is tried again.
pub fn retries(connection: &str, seconds: Time) {
    info!(connection, seconds = seconds.max(0), "retry");
}

/// Ticks were passed over.
pub fn skipped(connection: &str, ticks: u64) {
    warn!(connection, ticks, "ticks_skipped");
}

/// It did not run, because of one before it.
pub fn not_run(connection: &str, why: &str) {
    warn!(connection, why = format!("not run: {why}"), "not_run");
}

/// A person put it on hold, or took it up again.
pub fn paused(connection: &str, paused: bool) {
    info!(connection, "{}", if paused { "paused" } else { "resumed" });
}

/// The files were read again.
pub fn configuration(connections: usize, problems: &[Problem]) {
    for problem in problems {
        let (code, place) = (&problem.code, place(problem));
        error!(code, place, why = format!("the old version stays in use: {}", problem.message), "configuration_kept");
    }
    info!(connections, problems = problems.len(), "configuration_read");
}

/// The ledger cannot be written: nothing is sent.
pub fn unwritable(problem: &Problem, seconds: u64) {
    error!(code = problem.code, seconds, why = format!("nothing is sent: {}", problem.message), "ledger_unwritable");
}

/// It can be written again.
pub fn writable() {
    info!("ledger_writable");
}

/// The wall clock was changed.
pub fn clock_changed(seconds: Time) {
    warn!(seconds, "clock_changed");
}

/// Old runs were forgotten.
pub fn forgot(runs: u64) {
    info!(runs, "history_pruned");
}

/// People were told, or could not be.
pub fn notified(channel: &str, outcome: Result<(), &Problem>) {
    match outcome {
        Ok(()) => info!(channel, "notified"),
        Err(problem) => warn!(channel, code = problem.code, why = problem.message, "notification_failed"),
    }
}

/// Health and numbers are served there.
pub fn serving(address: std::net::SocketAddr) {
    info!(%address, "serving");
}

/// Something is not served, and the daemon goes on without it.
pub fn not_served(what: &str, why: &str) {
    warn!(what, why, "not_served");
}

/// What is under way is finished.
pub fn stopping(running: &[String]) {
    info!(running = running.len(), "stopping");
}

/// The daemon ends.
pub fn stopped() {
    info!("stopped");
}

fn place(problem: &Problem) -> String {
    let Some(place) = &problem.place else { return String::new() };
    let file = place.file.as_deref().or(place.source.as_deref()).unwrap_or_default();
    match place.line.or(place.row) {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// The message of a problem, unless it may quote a cell or an amount.
pub fn safe(problem: &Problem) -> &str {
    let quotes = ["row.", "source.", "stripe.", "guard.amount"].iter().any(|start| problem.code.starts_with(start));
    if quotes { "see `rowbill runs` for its words" } else { &problem.message }
}

/// A length of time for people: `2 h 10 m`.
pub fn length(seconds: Time) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} m"),
        (hours, minutes) if hours < 48 => format!("{hours} h {minutes} m"),
        (hours, _) => format!("{} d", hours / 24),
    }
}

/// Deliveries of webhooks are taken here.
pub fn receiving(address: std::net::SocketAddr) {
    info!(%address, "receiving");
}

/// An event was delivered for the first time.
pub fn delivered(account: &str, kind: &str, event: &str) {
    info!(account, kind, event, "delivered");
}

/// A delivery was not taken.
pub fn delivery_refused(account: &str, problem: &Problem) {
    warn!(account, code = problem.code, why = safe(problem), "delivery_refused");
}

/// The payment of an invoice stands somewhere else now.
pub fn paid(connection: &str, invoice: &str, state: &str) {
    info!(connection, invoice, state, "payment");
}

/// What became of an account's invoices could not be read; it is tried again.
pub fn not_followed(account: &str, problem: &Problem) {
    warn!(account, code = problem.code, why = safe(problem), "not_followed");
}

/// What became of payments could not be written into a source; the next run does it.
pub fn not_shown(connection: &str, problem: &Problem) {
    warn!(connection, code = problem.code, place = place(problem), why = safe(problem), "not_shown");
}

/// A report was written.
pub fn report_written(report: &str, place: &str) {
    info!(report, place, "report_written");
}

/// A report could not be made or written; it is tried again.
pub fn report_failed(report: &str, problem: &Problem) {
    warn!(report, code = problem.code, why = safe(problem), "report_failed");
}
