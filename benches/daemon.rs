//! A daemon with a thousand connections: how long it takes to start, and what it costs while nothing is due.
//!
//! `ROWBILL_BENCH_CONNECTIONS=5000 cargo bench --bench daemon` takes more; `ROWBILL_BENCH_SECONDS=600` looks longer.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rowbill_stripe_sandbox::{Options, Sandbox};

const SETTINGS: &str = "version: 1\ntimezone: Europe/Kyiv\naccounts:\n  acme:\n    mode: test\n    key: { file: key }\n    api_base: URL\n    rate_limit: unlimited\n    endpoint_rate_limit: unlimited\n";
const MAPPING: &str = "account: acme\nsource:\n  csv:\n    path: rows.csv\n    columns:\n      id: { header: ID, required: true }\n      email: { header: Email, type: email, required: true }\n      name: { header: Name }\nkey: [id]\nfirst_run: all\ncreate_customer:\n  email: ${{ row.email | lower }}\n  name: ${{ row.name }}\n  metadata:\n    crm_id: ${{ row.id }}\nschedule: SCHEDULE\n";

/// The processor's ticks in a second, as the kernel counts them for programs.
const TICKS: u64 = 100;

fn main() {
    let connections = setting("ROWBILL_BENCH_CONNECTIONS", 1000);
    let seconds = setting("ROWBILL_BENCH_SECONDS", 60);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let options = Options { journal: false, ..Options::default() };
    let sandbox = runtime.block_on(async { Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options) });
    let sandbox = sandbox.expect("a free port");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let due = write_project(folder.path(), &sandbox.url(), connections);
    println!("{connections} connections, {due} of them due at the start");
    for name in ["first start, no ledger", "start again"] {
        start(folder.path(), name, if name == "start again" { 0 } else { due }, seconds);
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Intervals, clock times, cron lines and run-after, a quarter each; how many are due at once.
fn write_project(folder: &Path, url: &str, connections: u64) -> u64 {
    fs::create_dir_all(folder.join("mappings")).expect("a folder");
    fs::write(folder.join("rows.csv"), "ID,Email,Name\n1,ann@example.org,Ann\n2,bob@example.org,Bob\n").expect("rows");
    fs::write(folder.join("key"), "sk_test_bench0000000000000").expect("a key");
    fs::write(folder.join("rowbill.yaml"), SETTINGS.replace("URL", url)).expect("settings");
    let mut due = 0;
    for number in 0..connections {
        let schedule = match number % 4 {
            0 => "{ every: 12h, jitter: 1m }".to_owned(),
            1 => "{ at: [\"09:00\", \"17:30\"], days: mon-fri }".to_owned(),
            2 => format!("{{ cron: \"{} 3 1-7 * mon\" }}", number % 60),
            _ => format!("{{ after: c{:04} }}", number - 3),
        };
        due += u64::from(number % 4 == 0) + u64::from(number % 4 == 3);
        let mapping = MAPPING.replace("SCHEDULE", &schedule);
        fs::write(folder.join(format!("mappings/c{number:04}.yaml")), mapping).expect("a mapping");
    }
    due
}

fn start(folder: &Path, name: &str, due: u64, seconds: u64) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowbill"))
        .args(["daemon", "--dashboard=127.0.0.1:0"])
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut log = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
    let started = log.find(|line| line.contains(" started ")).expect("the daemon");
    let ready = began.elapsed().as_millis();
    let mut ended = 0;
    while ended < due {
        let line = log.next().expect("the daemon goes on");
        ended += u64::from(line.contains(" run_finished "));
    }
    let ran = began.elapsed().as_millis() - ready;
    let drain = std::thread::spawn(move || log.for_each(drop));
    let (before, since) = (ticks(&child), Instant::now());
    idle(Duration::from_secs(seconds));
    let used = (ticks(&child) - before) * 1000 / TICKS;
    println!("{name}: ready after {ready} ms; {due} first runs in {ran} ms");
    println!(
        "  idle for {} s: {used} ms of a core ({} ‰); resident {} MiB, at most {} MiB",
        since.elapsed().as_secs(),
        used / since.elapsed().as_secs().max(1),
        memory(&child, "VmRSS:") >> 10,
        memory(&child, "VmHWM:") >> 10
    );
    let own = started.split_whitespace().find(|word| word.starts_with("milliseconds"));
    println!("  by its own log: {}", own.unwrap_or_default());
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
    let _ = drain.join();
}

/// User and system time of the process so far.
fn ticks(child: &Child) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("the daemon lives");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// KiB.
fn memory(child: &Child, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what it costs while nothing happens is measured by letting nothing happen"
)]
fn idle(time: Duration) {
    std::thread::sleep(time);
}
