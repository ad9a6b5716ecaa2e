//! Health and numbers.

use super::chain;
use crate::support::Daemon;

/// The numbers that docs/daemon.md explains; [`NOT_YET`] has those that come when there is something to count.
const NAMES: [&str; 16] = [
    "rowbill_runs",
    "rowbill_run_seconds",
    "rowbill_run_last_success_timestamp_seconds",
    "rowbill_rows",
    "rowbill_open_rows",
    "rowbill_amount_minor",
    "rowbill_late_seconds",
    "rowbill_paused",
    "rowbill_running",
    "rowbill_account_halted",
    "rowbill_requests",
    "rowbill_clock_skew_seconds",
    "rowbill_ledger_bytes",
    "rowbill_ledger_writable",
    "rowbill_configuration_problems",
    "rowbill_build_info",
];
const NOT_YET: [&str; 3] = ["rowbill_skipped_ticks", "rowbill_not_run", "rowbill_notifications"];

#[test]
fn health_and_numbers_are_served() {
    let project = chain("every: 1h");
    project.edit("data/orders.csv", "A-2,2,7.00", "A-2,2,7.00\nA-3,1,1.000");
    let daemon = Daemon::start(&project);
    daemon.run("items", 0);
    assert_eq!((daemon.get("/healthz"), daemon.get("/readyz")), ((200, "ok\n".into()), (200, "ok\n".into())));
    assert_eq!((daemon.get("/").0, daemon.get("/v1/ask").0), (200, 404));
    let (status, text) = daemon.get("/metrics");
    assert!(status == 200 && text.ends_with("# EOF\n"), "{text}");
    for name in NAMES {
        assert!(text.contains(&format!("# HELP {name} ")), "no {name}: {text}");
    }
    assert!(!NOT_YET.iter().any(|name| text.contains(name)), "{text}");
    let helped: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    assert_eq!(helped.len(), NAMES.len(), "a number that is not in the list: {helped:#?}");
    for (name, expected) in [
        ("runs_total{connection=\"customers\",result=\"ok\"}", "1"),
        ("runs_total{connection=\"items\",result=\"ok_with_failures\"}", "1"),
        ("rows_total{connection=\"customers\",state=\"done\"}", "3"),
        ("rows_total{connection=\"items\",state=\"failed\"}", "1"),
        ("open_rows{connection=\"items\",state=\"failed\"}", "1"),
        ("open_rows{connection=\"items\",state=\"deferred\"}", "0"),
        ("amount_minor_total{connection=\"items\",currency=\"eur\"}", "1950"),
        ("paused{connection=\"customers\"}", "0"),
        ("running", "0"),
        ("account_halted{account=\"acme\"}", "0"),
        ("requests_total{account=\"acme\",answer=\"accepted\"}", "5"),
        ("requests_total{account=\"acme\",answer=\"unknown\"}", "0"),
        ("ledger_writable", "1"),
        ("configuration_problems", "0"),
    ] {
        assert_eq!(daemon.metric(&format!("rowbill_{name}")).as_deref(), Some(expected), "{name}: {text}");
    }
    let success =
        |name: &str| daemon.metric(&format!("rowbill_run_last_success_timestamp_seconds{{connection=\"{name}\"}}"));
    let ago = jiff::Timestamp::now().as_second() - success("customers").unwrap().parse::<i64>().unwrap();
    assert!((0..60).contains(&ago) && success("items").is_none(), "{text}");
    let bytes = project.path("state/ledger.db").metadata().unwrap().len().to_string();
    assert_eq!(daemon.metric("rowbill_ledger_bytes"), Some(bytes));
    daemon.stop();
}
