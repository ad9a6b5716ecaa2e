//! What a run left behind, as the history has it: what it means for its schedule, for numbers, and for people.

use rowbill_connector::Problem;
use serde::Deserialize;
use serde_json::Value;

use crate::ledger::RunRecord;
use crate::protocol::Time;
use crate::run::history::heard;
use crate::run::{RowProblem, Tally};
use crate::schedule::{Heard, Outcome};

/// The end of a run.
#[derive(Debug)]
pub struct Finish {
    /// Its result in a word.
    pub result: String,
    /// The equation.
    pub tally: Tally,
    /// What was newly billed, in minor units by currency.
    pub amounts: Vec<(String, i64)>,
    /// How long it took, in seconds.
    pub seconds: Time,
    /// What stopped it, if something did.
    pub stopped_by: Option<Problem>,
    /// What it means for its schedule.
    pub outcome: Outcome,
    /// What it means for the connections after it.
    pub heard: Option<Heard>,
    /// Only some of the rows were asked for: it says nothing about how the connection is.
    pub is_part: bool,
    /// What is wrong with the connection now, in a word; none when all is well.
    pub trouble: Option<String>,
    /// The codes of the first problems of rows, each once: `row.not_a_number`.
    pub codes: Vec<String>,
}

impl Finish {
    /// Reads the record of a run; one that has no end was interrupted.
    pub fn of(record: &RunRecord) -> Self {
        let report: Value = serde_json::from_str(&record.report).unwrap_or_default();
        let result =
            report["result"].as_str().filter(|_| record.finished.is_some()).unwrap_or("interrupted").to_owned();
        let tally: Tally = Tally::deserialize(&report["rows"]).unwrap_or_default();
        let amounts = report["amounts"].as_object().into_iter().flatten();
        let stopped_by = Option::<Problem>::deserialize(&report["stopped_by"]).unwrap_or_default();
        let problems = Vec::<RowProblem>::deserialize(&report["problems"]).unwrap_or_default();
        let mut codes: Vec<String> = problems.into_iter().map(|row| row.problem.code).collect();
        codes.sort_unstable();
        codes.dedup();
        Self {
            outcome: outcome(&result, &tally, stopped_by.as_ref()),
            trouble: trouble(&result, stopped_by.as_ref()),
            heard: heard(record),
            is_part: report["only"] == true || report["limit"].is_u64(),
            amounts: amounts.filter_map(|(code, minor)| Some((code.clone(), minor.as_i64()?))).collect(),
            seconds: record.finished.map_or(0, |finished| finished - record.started),
            result,
            tally,
            stopped_by,
            codes,
        }
    }
}

fn outcome(result: &str, tally: &Tally, stopped_by: Option<&Problem>) -> Outcome {
    match result {
        "interrupted" | "stopped" => Outcome::Interrupted,
        _ if stopped_by.is_some_and(|problem| is_passing(&problem.code)) => Outcome::OutOfReach,
        "refused" => Outcome::Refused,
        _ if tally.deferred > 0 => Outcome::Waits,
        _ => Outcome::Settled,
    }
}

/// Whether something may be right again by itself, or by somebody who does not touch rowbill's files.
fn is_passing(code: &str) -> bool {
    ["source.", "run.", "account.", "stripe.", "mapping.unknown_column", "config.secret_", "config.credential_"]
        .iter()
        .any(|start| code.starts_with(start))
}

fn trouble(result: &str, stopped_by: Option<&Problem>) -> Option<String> {
    match (result, stopped_by) {
        (_, Some(problem)) => Some(problem.code.clone()),
        ("ok_with_failures" | "needs_person", None) => Some(result.to_owned()),
        _ => None,
    }
}
