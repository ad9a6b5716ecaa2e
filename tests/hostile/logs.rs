//! The daemon's log: one line for each event, as text and as JSON, whatever rows, files and answers are called.

use serde_json::Value;

use super::nest;
use super::told::is_plain;
use crate::support::{Daemon, Project};

const NAMES: [&str; 3] = ["texts", "amounts", "strangers"];
const MISTAKE: &str = "account: \"a\\e[2J\\u202e\\nERROR forged\"\n\"b\\e[2J\\nERROR forged\": 1\n";

fn project() -> Project {
    let project = nest::project();
    for name in NAMES {
        let file = format!("mappings/{name}.yaml");
        project.write(&file, &format!("{}schedule: {{ every: 1h }}\n", project.read(&file)));
    }
    project.run(&["ledger", "create"]).exits(0);
    project
}

fn add_mistakes(project: &Project) {
    project.mapping("a\u{1b}[2J\u{202e}\nERROR forged", MISTAKE);
}

#[test]
fn a_line_of_text_is_one_event_and_plain() {
    let project = project();
    let mut daemon = Daemon::spawn(project.command(&["-vv"]));
    for name in NAMES {
        daemon.until_text(&format!("run_finished connection=\"{name}\""));
    }
    add_mistakes(&project);
    daemon.until_text("configuration_kept");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), 143);
    for line in daemon.log() {
        let line = line.as_str().unwrap();
        assert!(line.chars().all(is_plain), "{line:?}");
        assert!(line.starts_with("20") || !line.contains("forged"), "{line:?}");
    }
}

#[test]
fn a_line_of_json_is_one_event() {
    let project = project();
    let daemon = Daemon::of(project.command(&["-vv"]));
    for name in NAMES {
        daemon.run(name, 0);
    }
    add_mistakes(&project);
    let kept = daemon.until("configuration_kept", |line| line["why"].as_str().unwrap().contains("forged"));
    assert!(kept["why"].as_str().unwrap().contains("\u{1b}[2J\u{202e}\nERROR forged"), "{kept}");
    let (_, log) = daemon.stop();
    let is_event = |line: &&Value| line.is_object() && line["level"].is_string() && line["message"].is_string();
    for line in &log {
        assert!(is_event(&line), "{line}");
    }
}
