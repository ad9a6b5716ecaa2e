//! What was missed while no daemon ran, and clocks that jump.

use std::time::Duration;

use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{begun, customers_of, history, no_tick_ran_twice, passed_over, ticks};
use crate::support::{Daemon, Project};

/// A daily connection whose time comes in two hours, two hourly ones, and one that runs by hand.
fn project() -> Project {
    let project = Project::new();
    let at =
        jiff::Timestamp::now().to_zoned(TimeZone::UTC).checked_add(2.hours()).unwrap().strftime("%H:%M").to_string();
    customers_of(&project, "daily", Some(&format!("at: \"{at}\", timezone: UTC")), "");
    customers_of(&project, "hourly", Some("every: 1h"), "1,a@example.org,Ann\n");
    customers_of(&project, "lenient", Some("every: 1h, missed: skip"), "");
    customers_of(&project, "by_hand", None, "");
    project
}

/// Runs a connection that has no schedule: by then everything that was due at the start has been decided on.
fn decided(project: &Project) {
    project.run_beside(&["run-now", "by_hand"]).exits(0);
}

#[test]
fn what_was_missed_is_caught_up_once_and_says_how_late() {
    let project = project();
    let daemon = Daemon::start(&project);
    daemon.run("hourly", 0);
    daemon.run("lenient", 0);
    assert_eq!(daemon.told("late"), [Value::Null; 0]);
    daemon.stop();

    project.advance(Duration::from_mins(25 * 60 + 30));
    let daemon = Daemon::start(&project);
    daemon.run("hourly", 0);
    daemon.run("daily", 0);
    decided(&project);
    assert_eq!(begun(&daemon).len(), 2, "one of each, none of the lenient one: {:#?}", daemon.log());
    let late = |name: &str| daemon.until("late", |line| line["connection"] == name)["seconds"].as_i64().unwrap();
    assert!((84_400..84_800).contains(&late("daily")), "{}", late("daily"));
    assert!((1_800..1_900).contains(&late("hourly")), "{}", late("hourly"));
    let metric = daemon.metric("rowbill_late_seconds{connection=\"daily\"}");
    assert_eq!(metric, Some(late("daily").to_string()));
    let metric = daemon.metric("rowbill_skipped_ticks_total{connection=\"lenient\"}");
    assert_eq!(metric.as_deref(), Some("25"));
    let skipped = |name: &str| daemon.until("ticks_skipped", |line| line["connection"] == name)["ticks"].clone();
    assert_eq!((skipped("hourly"), skipped("lenient")), (24.into(), 25.into()));
    let text = String::from_utf8(project.command(&["status"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("late by 23 h 3") || text.contains("late by 23 h 2"), "{text}");
    daemon.stop();

    let daily = history(&project, "daily");
    assert_eq!(daily.len(), 1, "{daily:#?}");
    assert!((84_400..84_800).contains(&daily[0]["late_seconds"].as_i64().unwrap()), "{daily:#?}");
    let hourly = history(&project, "hourly");
    let results: Vec<&Value> = hourly.iter().map(|run| &run["result"]).collect();
    assert_eq!(results, ["ok", "skipped", "ok"]);
    assert_eq!(ticks(&hourly)[1] - ticks(&hourly)[0], 25 * 3600);
    let lenient = history(&project, "lenient");
    let results: Vec<&Value> = lenient.iter().map(|run| &run["result"]).collect();
    assert_eq!((results, passed_over(&lenient)), (vec![&"ok".into(), &"skipped".into()], 25));
}

#[test]
fn a_clock_that_is_set_back_fires_nothing_twice() {
    let project = project();
    Daemon::start(&project).run("hourly", 0);
    project.advance(Duration::from_mins(25 * 60 + 30));
    let daemon = Daemon::start(&project);
    daemon.run("hourly", 0);
    daemon.run("daily", 0);
    daemon.stop();

    for back in ["+24h", "+23h"] {
        let mut command = project.command(&[]);
        command.env("ROWBILL_TEST_CLOCK", back);
        let daemon = Daemon::of(command);
        decided(&project);
        assert_eq!(begun(&daemon), [Value::Null; 0], "{back}");
        daemon.stop();
    }
    // Beyond where it had been, with the interval counted from when it was set back.
    project.advance(Duration::from_hours(1));
    let daemon = Daemon::start(&project);
    daemon.run("hourly", 0);
    daemon.stop();
    for name in ["daily", "hourly", "lenient"] {
        no_tick_ran_twice(&history(&project, name));
    }
}
