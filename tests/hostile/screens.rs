//! What people see: no control character and no forged line on a terminal, the exact text in JSON.

use serde_json::Value;

use super::corpus::CELLS;
use super::nest;
use super::told::{is_tame, run, tell, without_colours};
use crate::support::Project;

/// What is said of each cell in a message; the key of a row may be one too.
const EVIL: &str = "a\u{1b}[2J\nERROR forged\r\u{9b}2J\u{202e}";

/// Every command that looks at rows, connections or files.
const COMMANDS: &[&[&str]] = &[
    &["plan", "texts"],
    &["plan", "amounts"],
    &["plan", "strangers"],
    &["preview", "texts", "--rows=1000"],
    &["preview", "amounts", "--rows=1000"],
    &["preview", "strangers", "--rows=1000"],
    &["validate"],
    &["validate", "--online"],
    &["doctor"],
    &["test"],
    &["run-now", "texts"],
    &["run-now", "amounts"],
    &["run-now", "strangers"],
    &["run-now", "--all"],
    &["status"],
    &["runs"],
    &["rows", "texts"],
    &["rows", "amounts", "--failed"],
    &["rows", "strangers", "--failed"],
    &["rows", "strangers", "link"],
    &["rows", "retry", "strangers", "link"],
    &["rows", "skip", "strangers", "command"],
    &["rows", "texts", EVIL],
    &["rows", "retry", "texts", EVIL],
    &["plan", "texts", "--only", EVIL],
    &["run-now", "texts", "--only", EVIL],
    &["preview", "texts", "--row", EVIL],
    &["send-test", "texts", "--row", EVIL],
    &["send-test", "texts"],
    &["send-test", "strangers"],
    &["plan", EVIL],
    &["pause", EVIL],
    &["runs", EVIL],
    &["runs", "--of", EVIL],
    &["explain", EVIL],
    &["explain", "stripe.\u{1b}[2J\u{202e}"],
    &["init", "new", "--from", EVIL],
    &["ledger", "rename", EVIL, EVIL],
    &["ledger", "backup", "a\u{1b}[2J\u{202e}\nERROR forged.db"],
    &["validate", "-c", "a\u{1b}[2J\u{202e}\nERROR forged.yaml"],
];

#[test]
fn no_command_prints_a_control_character_or_a_forged_line() {
    let project = nest::project();
    for args in COMMANDS {
        let told = tell(&project, &[args, &["--color=always", "-vv"][..]].concat());
        is_tame(&format!("{args:?}"), &without_colours(&told.all()));
    }
    let runs = tell(&project, &["runs", "-o", "json"]).stdout;
    let runs: Value = serde_json::from_str(&runs).unwrap();
    for run in runs["runs"].as_array().unwrap() {
        let told = tell(&project, &["runs", run["run"].as_str().unwrap(), "--color=always"]);
        is_tame("runs RUN", &without_colours(&told.all()));
    }
}

#[test]
fn without_a_terminal_or_with_no_color_there_is_no_escape_at_all() {
    let project = nest::project();
    for args in COMMANDS {
        let mut command = project.command(args);
        command.env("NO_COLOR", "1");
        let told = run(command).all();
        assert!(!told.contains('\u{1b}'), "{args:?}: {told:?}");
        is_tame(&format!("{args:?}"), &told);
    }
}

/// Mistakes in files are quoted: by their words, their lines and the file's own name.
#[test]
fn mistakes_in_hostile_files_are_told_in_plain_text() {
    let mistakes = [
        "create_customer: { name: \"${{ row.\\e[2J }}\", \"a\\e[2J\\u202e\\nERROR forged\": 1 }\n",
        "account: \"a\\e[2J\\u202e\\nERROR forged\"\n",
        "key: [\"a\\e[2J\\u202e\\nERROR forged\"]\n",
        "# \u{202e} \u{2028} \u{85}\nsource: [\u{202e}]\nkey: 1\u{202e}\n",
        "source: \u{1b}[2J\n",
        "schedule: { cron: \"\\e[2J\\u202e\\nERROR forged\" }\n",
        "source: { csv: { path: x, encoding: \"\\e[2J\\u202e\\nERROR forged\" } }\n",
    ];
    for (at, mistake) in mistakes.into_iter().enumerate() {
        let project = Project::new();
        let name = if at % 2 == 0 { "a\u{1b}[2J\u{202e}\nERROR forged" } else { "plain" };
        project.mapping(name, mistake);
        for args in [&["validate"][..], &["doctor"], &["plan", "--all"]] {
            let told = tell(&project, &[args, &["--color=always"]].concat());
            assert_eq!(told.code, 10, "{mistake}: {}", told.all());
            is_tame(mistake, &without_colours(&told.all()));
        }
    }
}

/// Every text of a JSON value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn json_is_one_value_that_holds_each_text_as_it_is() {
    let project = nest::project();
    for args in COMMANDS.iter().filter(|args| args.first() != Some(&"init")) {
        let told = tell(&project, &[args, &["-o", "json"][..]].concat());
        if args[0] == "explain" && told.code == 0 {
            continue;
        }
        let value: Value =
            serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", told.stdout));
        let mut found = Vec::new();
        texts(&value, &mut found);
        let shows_all = matches!(**args, ["preview", "texts", "--rows=1000"] | ["rows", "texts"]);
        for cell in CELLS.iter().filter(|_| shows_all) {
            assert!(found.iter().any(|text| text == cell.sent), "{args:?} has no {:?}", cell.sent);
        }
    }
    let run = project.run(&["run-now", "amounts"]);
    let problems = run.json["problems"].as_array().unwrap();
    for cell in CELLS.iter().filter(|cell| cell.sent != "-12.50") {
        let quoted = format!("\"{}\"", cell.sent);
        let is_quoted = |problem: &&Value| problem["message"].as_str().unwrap().contains(&quoted);
        assert!(problems.iter().any(|problem| is_quoted(&problem)), "no problem quotes {quoted}");
    }
}

#[test]
fn json_lines_are_one_value_each() {
    let project = nest::project();
    let told = tell(&project, &["run-now", "--all", "-o", "jsonl"]);
    let lines: Vec<Value> = told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{}", told.stdout);
    for args in [&["runs"][..], &["rows", "texts"], &["preview", "texts"], &["status"], &["plan", EVIL]] {
        let told = tell(&project, &[args, &["-o", "jsonl"][..]].concat());
        let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
        assert!(told.stdout.lines().all(is_json) && !told.stdout.is_empty(), "{args:?}: {}", told.stdout);
    }
}
