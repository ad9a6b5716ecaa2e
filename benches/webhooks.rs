//! Deliveries to a daemon that is killed and started again in the middle: none may be lost.
//!
//! Each is sent again until it is answered with a 200, as Stripe does. `ROWBILL_BENCH_DELIVERIES=100000` sends more,
//! `ROWBILL_BENCH_RATE=500` fewer in a second: `cargo bench --bench webhooks`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rowbill_stripe_sandbox::{Options, Sandbox, signature};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

const SETTINGS: &str = "version: 1\naccounts:\n  acme:\n    mode: test\n    key: { file: key }\n    webhook_secrets: [{ file: secret }]\n    api_base: URL\n    rate_limit: unlimited\n    endpoint_rate_limit: unlimited\ndaemon: { webhooks: ADDRESS }\n";
const MAPPING: &str = "account: acme\nsource:\n  csv:\n    path: rows.csv\n    columns:\n      id: { header: ID, required: true }\n      email: { header: Email, type: email, required: true }\nkey: [id]\nfirst_run: all\ncreate_customer:\n  email: ${{ row.email | lower }}\n";
const SECRET: &str = "whsec_bench";
/// A delivery that was not taken comes again so soon.
const AGAIN: Duration = Duration::from_millis(100);

fn main() {
    let deliveries = setting("ROWBILL_BENCH_DELIVERIES", 10_000);
    let rate = setting("ROWBILL_BENCH_RATE", 1000);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    runtime.block_on(run(folder.path(), deliveries, rate));
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn run(folder: &Path, deliveries: u64, rate: u64) {
    let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Options::default()).expect("a free port");
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = free.local_addr().expect("its address");
    drop(free);
    let settings = SETTINGS.replace("URL", &sandbox.url()).replace("ADDRESS", &address.to_string());
    fs::create_dir_all(folder.join("mappings")).expect("a folder");
    for (name, text) in [
        ("rowbill.yaml", settings.as_str()),
        ("mappings/c.yaml", MAPPING),
        ("rows.csv", "ID,Email\n1,ann@example.org\n"),
        ("key", "sk_test_bench0000000000000"),
        ("secret", SECRET),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
    let daemon = Arc::new(Mutex::new(start(folder)));
    let url = format!("http://{address}/webhooks/stripe/acme");
    let (began, client) = (Instant::now(), reqwest::Client::new());
    let mut sending = JoinSet::new();
    for nth in 0..deliveries {
        let (url, client) = (url.clone(), client.clone());
        let due = began
            + Duration::from_secs(1) * u32::try_from(nth).expect("not so many") / u32::try_from(rate).expect("a rate");
        sending.spawn(async move {
            sleep_until(due).await;
            deliver(&client, &url, nth).await
        });
    }
    let killing = kill_and_start(Arc::clone(&daemon), folder, deliveries * 1000 / rate / 2);
    let (took, ()) = tokio::join!(sending.join_all(), killing);
    let all = began.elapsed();
    let mut millis: Vec<u128> = took.iter().map(Duration::as_millis).collect();
    millis.sort_unstable();
    let share = |percent: usize| millis[(millis.len() - 1) * percent / 100];
    end(&mut *daemon.lock().await);
    println!(
        "{deliveries} deliveries at {rate}/s, with a kill in the middle: all taken after {:.1} s",
        all.as_secs_f32()
    );
    println!("  until the 200: half in {} ms, 95 % in {} ms, all in {} ms", share(50), share(95), share(100));
    let status = rowbill(folder).args(["webhooks", "status", "--output=json"]).output().expect("the binary");
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    println!("  in the ledger: {}", status["accounts"][0]["events"]);
}

/// How long it took until it was taken.
async fn deliver(client: &reqwest::Client, url: &str, nth: u64) -> Duration {
    let began = Instant::now();
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let body = format!(
            r#"{{"object":"event","id":"evt_{nth:08}","type":"invoice.paid","created":{now},"livemode":false,"data":{{"object":{{"object":"invoice","id":"in_nobodys"}}}}}}"#
        );
        let header = signature(SECRET, i64::try_from(now).expect("a time"), body.as_bytes());
        match client.post(url).header("stripe-signature", header).body(body).send().await {
            Ok(answer) if answer.status() == 200 => return began.elapsed(),
            _ => sleep(AGAIN).await,
        }
    }
}

async fn kill_and_start(daemon: Arc<Mutex<Child>>, folder: &Path, after: u64) {
    sleep(Duration::from_millis(after)).await;
    let mut daemon = daemon.lock().await;
    daemon.kill().expect("it lives");
    daemon.wait().expect("it ends");
    *daemon = start(folder);
}

fn rowbill(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbill"));
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}

/// Starts a daemon, and waits until it receives.
fn start(folder: &Path) -> Child {
    let args = ["daemon", "--dashboard=127.0.0.1:0"];
    let mut child = rowbill(folder).args(args).stderr(Stdio::piped()).spawn().expect("the binary");
    let mut log = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
    log.find(|line| line.contains(" started ")).expect("the daemon");
    std::thread::spawn(move || log.for_each(drop));
    child
}

fn end(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
}
