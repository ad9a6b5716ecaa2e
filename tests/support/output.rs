//! What a run of the binary gave, and what must be true of it in any case.

use serde_json::Value;

/// Exit code and output of one run with `-o json`.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    /// Standard output; null when there was none.
    pub json: Value,
    pub stderr: String,
}

const PARTS: [&str; 6] = ["done", "already_done", "skipped", "failed", "needs_review", "deferred"];
const RESULTS: [&str; 7] = ["ok", "ok_with_failures", "needs_person", "deferred", "refused", "stopped", "plan"];

impl Output {
    pub fn of(output: &std::process::Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let code = output.status.code().unwrap_or(-1);
        Self { code, json, stderr }
    }

    /// The reports, of one connection or of several.
    pub fn reports(&self) -> Vec<&Value> {
        match &self.json {
            Value::Array(reports) => reports.iter().collect(),
            report => vec![report],
        }
    }

    /// The report of a connection.
    pub fn report(&self, connection: &str) -> &Value {
        let found = self.reports().into_iter().find(|report| report["connection"] == connection);
        found.unwrap_or_else(|| panic!("no report of {connection}: {self:#?}"))
    }

    /// The equation: `5 = 3 done + 1 failed + 1 skipped`.
    pub fn tally(&self, connection: &str) -> String {
        tally(&self.report(connection)["rows"])
    }

    /// What a plan would do: `3 create + 2 already_done`.
    pub fn would(&self, connection: &str) -> String {
        let would = self.report(connection)["would"].as_object().unwrap();
        let parts = would.iter().filter(|(_, count)| count.as_u64() != Some(0));
        parts.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(" + ")
    }

    /// Key, state and code of every problem of a connection: `A-1 failed row.not_a_number`.
    pub fn problems(&self, connection: &str) -> Vec<String> {
        let problems = self.report(connection)["problems"].as_array().unwrap();
        problems.iter().map(one_problem).collect()
    }

    /// The codes of the problems of a run that was refused.
    pub fn codes(&self) -> Vec<&str> {
        let problems = self.json["problems"].as_array().unwrap_or_else(|| panic!("{self:#?}"));
        problems.iter().map(|problem| problem["code"].as_str().unwrap()).collect()
    }

    /// The run must have been refused with this exit code and these problems.
    #[track_caller]
    pub fn refused(&self, code: i32, codes: &[&str]) {
        assert_eq!((self.code, &self.json["result"]), (code, &Value::from("refused")), "{self:#?}");
        assert_eq!(self.codes(), codes, "{self:#?}");
    }

    /// The run must have ended with this exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// One JSON value on standard output, the equation in every report, a problem for every row that is not settled.
    pub fn is_well_formed(&self) {
        assert!(!self.json.is_null(), "stdout is not one JSON value: {self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        if self.json["result"] == "refused" {
            assert_eq!(self.json["exit"], self.code, "{self:#?}");
            assert!(!self.codes().is_empty(), "{self:#?}");
        }
        for report in self.reports().into_iter().filter(|report| report["rows"].is_object()) {
            balances(report);
        }
    }
}

/// I3.
fn balances(report: &Value) {
    let count = |name: &str| report["rows"][name].as_u64().unwrap_or_else(|| panic!("no {name}: {report:#}"));
    assert_eq!(count("read"), PARTS.into_iter().map(count).sum::<u64>(), "I3: {report:#}");
    let open = count("failed") + count("needs_review") + count("deferred");
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len() as u64, open, "I3: one problem for each row that is not settled: {report:#}");
    for problem in problems {
        let is_told = |name: &str| problem[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(is_told("state") && is_told("code") && is_told("message"), "{problem:#}");
    }
    let result = report["result"].as_str().unwrap_or_default();
    assert!(RESULTS.contains(&result), "{report:#}");
    let expected = match (count("needs_review"), count("failed"), count("deferred")) {
        (1.., _, _) => "needs_person",
        (_, 1.., _) => "ok_with_failures",
        (_, _, 1..) => "deferred",
        _ => "ok",
    };
    assert!(result == expected || matches!(result, "refused" | "stopped"), "{expected}: {report:#}");
}

fn tally(rows: &Value) -> String {
    let parts = PARTS.iter().filter(|name| rows[**name].as_u64() != Some(0));
    let parts: Vec<String> = parts.map(|name| format!("{} {name}", rows[*name])).collect();
    format!("{} = {}", rows["read"], parts.join(" + "))
}

fn one_problem(problem: &Value) -> String {
    let key: Vec<&str> = problem["key"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    format!("{} {} {}", key.join(","), text("state"), text("code"))
}
