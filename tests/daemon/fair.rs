//! Fairness between connections of one account.

use serde_json::json;

use super::customers_of;
use crate::support::{Daemon, Project, journal, samples};

/// `count` customers whose e-mails begin so.
fn people(start: &str, count: u32) -> String {
    samples::lines((0..count).map(|id| format!("{id},{start}{id}@example.org,C")))
}

#[test]
fn a_long_run_does_not_starve_a_short_one() {
    let project = Project::new();
    project.edit("rowbill.yaml", "rate_limit: unlimited", "rate_limit: 20/s");
    customers_of(&project, "long", Some("every: 1h"), &people("long", 200));
    customers_of(&project, "short", None, &people("short", 3));
    let daemon = Daemon::start(&project);
    let posts = || journal::posts(&project.stripe, 0);
    journal::until("a run under way", || posts().len() >= 30);
    let before = posts().len();
    let run = project.run_beside(&["run-now", "short"]);
    assert_eq!(run.exits(0).json["rows"]["done"], json!(3));
    let is_short =
        |post: &rowbill_stripe_sandbox::RequestEntry| journal::field(post, "email").unwrap().starts_with("short");
    let places: Vec<usize> = posts().iter().enumerate().filter(|(_, post)| is_short(post)).map(|(at, _)| at).collect();
    assert_eq!(places.len(), 3);
    // The command takes its time to begin; from the first of the three on they take turns.
    assert!(places[2] - places[0] <= 12, "after {before}: {places:?}");
    assert!(places[2] < 120, "{places:?}");
    daemon.kill();
}
