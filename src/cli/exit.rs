//! Exit codes: what scripts branch on. Documented in docs/commands.md.

use rowbill_connector::Problem;

use crate::run::{Ending, Report};

/// Every row settled.
pub const OK: u8 = 0;
/// Something else.
pub const OTHER: u8 = 1;
/// Wrong usage, as clap says it too.
pub const USAGE: u8 = 2;
/// Some rows failed.
pub const FAILED_ROWS: u8 = 3;
/// `plan --exit-code`: there are changes.
pub const CHANGES: u8 = 4;
/// None failed, some rows wait.
pub const DEFERRED_ROWS: u8 = 5;
/// Configuration.
pub const CONFIG: u8 = 10;
/// Another rowbill holds the ledger.
pub const LOCKED: u8 = 11;
/// A key or login was refused, or is of the wrong mode.
pub const LOGIN: u8 = 12;
/// A source cannot be read, or changed.
pub const SOURCE: u8 = 13;
/// A guard.
pub const GUARD: u8 = 14;
/// The ledger.
pub const LEDGER: u8 = 15;
/// Some rows need a person.
pub const NEEDS_PERSON: u8 = 16;
/// Interrupted by Ctrl-C, finished cleanly.
pub const INTERRUPTED: u8 = 130;
/// Asked to end by SIGTERM, finished cleanly.
pub const TERMINATED: u8 = 143;

/// The exit code that a problem outside of rows leads to.
pub fn of_problem(problem: &Problem) -> u8 {
    let is_of_source = problem.place.as_ref().is_some_and(|place| place.source.is_some());
    match problem.code.as_str() {
        "ledger.locked" | "daemon.busy" | "daemon.gone" | "daemon.answer" | "daemon.stopping" => LOCKED,
        "stripe.key_form"
        | "stripe.key_mode"
        | "stripe.key_refused"
        | "stripe.permission"
        | "stripe.livemode_mismatch"
        | "source.login_refused"
        | "source.forbidden" => LOGIN,
        "report.days" => USAGE,
        code if code.starts_with("ledger.") => LEDGER,
        code if code.starts_with("guard.") => GUARD,
        "source.encoding_unknown" => CONFIG,
        code if code.starts_with("source.") => SOURCE,
        "mapping.unknown_column" if is_of_source => SOURCE,
        code if ["config.", "mapping.", "notify."].iter().any(|start| code.starts_with(start)) => CONFIG,
        _ => OTHER,
    }
}

/// The exit code of a run.
pub fn of_report(report: &Report) -> u8 {
    if report.ending == Ending::Stopped {
        return INTERRUPTED;
    }
    let stopped = report.stopped_by.as_ref().map_or(OK, of_problem);
    match &report.tally {
        _ if matches!(stopped, LEDGER | LOCKED | LOGIN | SOURCE | GUARD) => stopped,
        tally if tally.needs_review > 0 => NEEDS_PERSON,
        tally if tally.failed > 0 => FAILED_ROWS,
        tally if tally.deferred > 0 => DEFERRED_ROWS,
        _ => OK,
    }
}

/// Of several, the one that counts.
pub fn first(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 14] = [
        INTERRUPTED,
        LEDGER,
        LOCKED,
        LOGIN,
        SOURCE,
        GUARD,
        CONFIG,
        USAGE,
        NEEDS_PERSON,
        FAILED_ROWS,
        DEFERRED_ROWS,
        CHANGES,
        OTHER,
        OK,
    ];
    let codes: Vec<u8> = codes.into_iter().collect();
    ORDER.into_iter().find(|code| codes.contains(code)).unwrap_or(OK)
}
