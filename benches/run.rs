//! Rows per second and peak memory of the real binary: plan, first run into the sandbox, and the run again unchanged.
//!
//! `cargo bench` takes 100,000 rows; `ROWBILL_BENCH_ROWS=1000000 cargo bench` a million.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rowbill_stripe_sandbox::{Options, Sandbox};

const SETTINGS: &str = "version: 1\naccounts:\n  acme:\n    mode: test\n    key: { file: key }\n    api_base: URL\n    rate_limit: unlimited\n    endpoint_rate_limit: unlimited\n";
const MAPPING: &str = "account: acme\nsource:\n  csv:\n    path: rows.csv\n    columns:\n      id: { header: ID, required: true }\n      email: { header: Email, type: email, required: true }\n      name: { header: Name }\nkey: [id]\nfirst_run: all\non_change: update\ncreate_customer:\n  email: ${{ row.email | lower }}\n  name: ${{ row.name }}\n  metadata:\n    crm_id: ${{ row.id }}\n";

fn main() {
    let rows: u64 = std::env::var("ROWBILL_BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let options = Options { journal: false, ..Options::default() };
    let sandbox = runtime.block_on(async { Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options) });
    let sandbox = sandbox.expect("a free port");
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_project(folder.path(), &sandbox.url(), rows);
    println!("{rows} rows, {} byte of CSV", fs::metadata(folder.path().join("rows.csv")).map_or(0, |data| data.len()));
    println!("{:28} {:>10} {:>12} {:>10}", "", "seconds", "rows/s", "peak MiB");
    for (name, arguments) in [
        ("plan, no ledger", &["plan", "customers"][..]),
        ("first run, unlimited", &["run-now", "customers"]),
        ("run again, unchanged", &["run-now", "customers"]),
        ("plan, unchanged", &["plan", "customers"]),
    ] {
        measure(folder.path(), name, arguments, rows);
    }
    let ledger = fs::metadata(folder.path().join("state/ledger.db")).map_or(0, |data| data.len());
    println!(
        "ledger: {} MiB; binary: {} MiB",
        ledger >> 20,
        fs::metadata(env!("CARGO_BIN_EXE_rowbill")).map_or(0, |data| data.len()) >> 20
    );
}

fn write_project(folder: &Path, url: &str, rows: u64) {
    let mut csv = String::from("ID,Email,Name\n");
    for id in 0..rows {
        let _ = writeln!(csv, "{id},person{id}@example.org,Person number {id}");
    }
    fs::create_dir_all(folder.join("mappings")).expect("a folder");
    fs::write(folder.join("rows.csv"), csv).expect("rows");
    fs::write(folder.join("key"), "sk_test_bench0000000000000").expect("a key");
    fs::write(folder.join("rowbill.yaml"), SETTINGS.replace("URL", url)).expect("settings");
    fs::write(folder.join("mappings/customers.yaml"), MAPPING).expect("a mapping");
}

fn measure(folder: &Path, name: &str, arguments: &[&str], rows: u64) {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowbill"))
        .args(arguments)
        .arg("--quiet")
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary");
    let peak = watch(&mut child);
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "a rate for people, not money")]
    let rate = rows as f64 / seconds;
    println!("{name:28} {seconds:>10.2} {rate:>12.0} {:>10}", peak >> 10);
}

/// Waits for the child; its highest resident size in KiB. The kernel keeps the high-water mark, so looking now and then
/// is enough.
fn watch(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        match child.try_wait() {
            #[expect(clippy::disallowed_methods, reason = "a gauge that looks now and then; nothing waits for it")]
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Ok(Some(code)) => {
                assert!(code.success(), "{code}");
                return peak;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
