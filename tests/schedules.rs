//! A year of ticks in twelve time zones agrees with an oracle in Python that knows nothing of the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rowbill::schedule::{Around, Cause, Clock, Heard, Position, Seen, Step, decide, wake};
use rowbill::{config, connectors};
use serde_json::{Value, json};

use crate::support::project::Project;
use crate::support::samples;

/// 2025, of which all that zones do has long been settled.
const BEGIN: i64 = 1_735_689_600;
const END: i64 = BEGIN + 365 * 86_400;

/// Besides the usual changes of an hour at night: half an hour, two hours, at midnight, at a quarter to three.
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Kyiv",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Santiago",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Europe/Dublin",
];

/// As they are written in a mapping: JSON is YAML too.
const SCHEDULES: &[&str] = &[
    r#"{ "every": "15m" }"#,
    r#"{ "every": "90s" }"#,
    r#"{ "every": "7m" }"#,
    r#"{ "every": "36h" }"#,
    r#"{ "every": "1d" }"#,
    // Times in every gap and every overlap of these zones, and at their edges.
    r#"{ "at": ["00:00"] }"#,
    r#"{ "at": ["0:30"] }"#,
    r#"{ "at": ["02:15"] }"#,
    r#"{ "at": ["02:30"] }"#,
    r#"{ "at": ["03:30"] }"#,
    r#"{ "at": ["23:30"] }"#,
    r#"{ "at": ["03:30", "00:00", "00:30", "01:15", "01:45", "02:15", "02:30", "03:00", "03:15", "23:15", "23:30"] }"#,
    r#"{ "at": ["09:00", "17:30"], "days": "mon-fri" }"#,
    r#"{ "at": ["00:00", "02:30", "23:59"], "days": "sat,sun" }"#,
    r#"{ "at": ["00:15"], "days": "fri-mon" }"#,
    // Lists of clock times.
    r#"{ "cron": "30 3 * * *" }"#,
    r#"{ "cron": "0,30 2-3 * * *" }"#,
    r#"{ "cron": "0 9 * * 1-5" }"#,
    r#"{ "cron": "15 2,14 * * sun" }"#,
    r#"{ "cron": "0 0 1 * *" }"#,
    r#"{ "cron": "0 12 29 2 *" }"#,
    r#"{ "cron": "0 0 13 * fri" }"#,
    r#"{ "cron": "0 0 */2 * fri" }"#,
    r#"{ "cron": "0 6 1-7 * */3" }"#,
    r#"{ "cron": "15,45 0-3,23 * * 7" }"#,
    r#"{ "cron": "10-50/20 1-3 * mar,apr,sep-nov *" }"#,
    r#"{ "cron": "59 23 31 * *" }"#,
    r#"{ "cron": "@daily" }"#,
    r#"{ "cron": "@weekly" }"#,
    r#"{ "cron": "@monthly" }"#,
    // By elapsed time.
    r#"{ "cron": "@hourly" }"#,
    r#"{ "cron": "*/10 8-18 * * mon-fri" }"#,
    r#"{ "cron": "*/30 3 * * *" }"#,
    r#"{ "cron": "30 * * * *" }"#,
    r#"{ "cron": "5-59/20 */2 * * *" }"#,
    r#"{ "cron": "*/15 0-3,23 * 3-4,9-11 *" }"#,
    r#"{ "cron": "* 1-3 * 3-4,9-11 sun" }"#,
    r#"{ "cron": "0 */5 * 3,10 *" }"#,
];

#[derive(Debug)]
struct Nobody;

impl Seen for Nobody {
    fn newest(&self, _connection: &str) -> Option<&Heard> {
        None
    }
}

/// A project with the connections `s0`, `s1`, …, as the product reads it.
fn project() -> config::Project {
    let project = Project::new();
    project.csv("customers", "Customer ID,E-mail,Name,Billing status,Stripe ID\n");
    for (nth, schedule) in SCHEDULES.iter().enumerate() {
        let mapping = samples::CUSTOMERS.lines().filter(|line| !line.starts_with("write_back"));
        let mapping = mapping.collect::<Vec<_>>().join("\n");
        project.mapping(&format!("s{nth}"), &format!("{mapping}\nschedule: {schedule}\n"));
    }
    let path = project.path("rowbill.yaml");
    config::load(&path, connectors::catalog(), &connectors::column_names).unwrap()
}

/// The ticks of the year: each begins a run, which is over before the next one.
fn ticks(connection: &config::Connection, zone: &TimeZone) -> Vec<i64> {
    let schedule = connection.schedule.as_ref().unwrap();
    let mut position = Position::begin(&connection.name, &schedule.written, BEGIN);
    let (mut now, mut ticks) = (BEGIN, Vec::new());
    while now < END {
        let clock = Clock { schedule, zone, name: &connection.name, since: position.since };
        for step in decide(&clock, &mut position, &Around { now, busy: false, before: &Nobody }) {
            assert_eq!(step, Step::Start(Cause::Tick(now)), "{} at {now}", schedule.written);
            ticks.push(now);
        }
        let Some(next) = wake(&clock, &position, false) else { break };
        assert!(next > now, "{} stands still at {now}", schedule.written);
        now = next;
    }
    ticks
}

/// What the oracle says of a zone.
struct Told {
    /// From when clocks are so many minutes ahead of UTC.
    offsets: Vec<(i64, i64)>,
    /// The ticks of each schedule.
    ticks: Vec<Vec<i64>>,
}

/// Asks the oracle. Without Python or its zones the test is left out, with a word, but never where CI runs.
fn oracle() -> Option<BTreeMap<String, Told>> {
    let python = std::env::var("ROWBILL_PYTHON").ok().filter(|name| !name.is_empty());
    let mut command = Command::new(python.as_deref().unwrap_or("python3"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schedules/oracle.py"));
    let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return left_out(&format!("{command:?}: {error}")),
    };
    let schedules: Vec<Value> = SCHEDULES.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let asked = json!({ "zones": ZONES, "begin": BEGIN, "end": END, "schedules": schedules });
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(3) {
        return left_out(&errors);
    }
    assert!(output.status.success(), "{errors}");
    let told: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    Some(told.into_iter().map(|(zone, told)| (zone, read(&told))).collect())
}

fn left_out<T>(why: &str) -> Option<T> {
    let told = format!("no oracle for schedules: {}", why.trim());
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{told}");
    // Past the harness, which keeps what tests that pass print to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {told}");
    None
}

fn pairs(list: &Value) -> impl Iterator<Item = (i64, i64)> {
    list.as_array().unwrap().iter().map(|pair| (pair[0].as_i64().unwrap(), pair[1].as_i64().unwrap()))
}

fn read(told: &Value) -> Told {
    let unpacked = |packed: &Value| {
        let distances = pairs(packed).flat_map(|(distance, times)| (0..times).map(move |_| distance));
        let ticks = distances.scan(0, |tick, distance| {
            *tick += distance;
            Some(*tick)
        });
        ticks.collect()
    };
    Told {
        offsets: pairs(&told["offsets"]).collect(),
        ticks: told["ticks"].as_array().unwrap().iter().map(unpacked).collect(),
    }
}

/// From when clocks are so many minutes ahead of UTC, as rowbill knows it.
fn offsets(zone: &TimeZone) -> Vec<(i64, i64)> {
    let begin = Timestamp::from_second(BEGIN).unwrap();
    let changes = zone.following(begin).map(|change| (change.timestamp().as_second(), change.offset()));
    let all = std::iter::once((BEGIN, zone.to_offset(begin))).chain(changes.take_while(|(at, _)| *at < END));
    let mut offsets: Vec<_> = all.map(|(at, offset)| (at, i64::from(offset.seconds()) / 60)).collect();
    // What only has another name is no change.
    offsets.dedup_by_key(|(_, offset)| *offset);
    offsets
}

/// Where two lists of ticks part.
fn difference(zone: &TimeZone, ours: &[i64], theirs: &[i64]) -> Option<String> {
    let nth = (0..ours.len().max(theirs.len())).find(|nth| ours.get(*nth) != theirs.get(*nth))?;
    let mut told = format!("{} ticks, the oracle has {}; tick {nth}:", ours.len(), theirs.len());
    for (name, ticks) in [("ours", ours), ("the oracle's", theirs)] {
        let tick = ticks.get(nth).map(|tick| Timestamp::from_second(*tick).unwrap().to_zoned(zone.clone()));
        let _ = write!(told, "\n    {name}: {}", tick.map_or("none".to_owned(), |tick| tick.to_string()));
    }
    Some(told)
}

#[test]
fn a_year_of_ticks_agrees_with_the_oracle() {
    let Some(told) = oracle() else { return };
    let project = project();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, told) in &told {
        let zone = TimeZone::get(name).unwrap();
        let ours = offsets(&zone);
        assert_eq!(ours, told.offsets, "{name}: the tzdata of rowbill (left) and of Python (right) are not the same");
        for (nth, theirs) in told.ticks.iter().enumerate() {
            let ours = ticks(project.connection(&format!("s{nth}")).unwrap(), &zone);
            compared += ours.len();
            let different = difference(&zone, &ours, theirs);
            wrong.extend(different.map(|different| format!("{name}, {}: {different}", SCHEDULES[nth])));
        }
    }
    println!("{compared} ticks compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 1_000_000 && told.len() == ZONES.len(), "{compared} ticks in {} zones", told.len());
}
