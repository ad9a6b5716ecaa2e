//! Runs the console blocks of a page, in order and in one shell, against a sandbox, and compares what is printed.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use rowbill_stripe_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use super::blocks::{Block, blocks};

/// One command with what the page says it prints.
struct Step<'a> {
    place: String,
    command: &'a str,
    shown: Vec<&'a str>,
}

/// Runs the marked blocks of a page and fails where a command prints something else than what is shown.
pub fn run(page: &str) {
    let blocks = blocks(page);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut script = "set -u\nrowbill() { \"$ROWBILL\" \"$@\"; }\n".to_owned();
    let mut steps = Vec::new();
    for block in &blocks {
        if let Some(path) = block.marker.split("; ").find_map(|part| part.strip_prefix("console: file ")) {
            writeln!(script, "mkdir -p \"$(dirname {path})\"\ncat > {path} <<'END OF FILE'\n{}END OF FILE", block.text)
                .unwrap();
        }
        if block.marker == "console: run" {
            for step in steps_of(block) {
                // Exit codes are part of what is shown where a page says `echo $?`.
                writeln!(script, "echo '@@{}'\n{}", steps.len(), runnable(step.command)).unwrap();
                steps.push(step);
            }
        }
    }
    assert!(!steps.is_empty(), "{page}: nothing is marked `console: run`");
    let script = script.replace("http://127.0.0.1:12111", &sandbox.url());
    std::fs::write(folder.path().join("script.sh"), format!("exec 2>&1\ncd work\n{script}")).unwrap();
    std::fs::create_dir(folder.path().join("work")).unwrap();
    let output = Command::new("bash")
        .arg("script.sh")
        .current_dir(folder.path())
        .env("ROWBILL", env!("CARGO_BIN_EXE_rowbill"))
        .env("SANDBOX", sandbox.url())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = printed.split("@@").skip(1);
    for (index, step) in steps.iter().enumerate() {
        let part =
            parts.next().unwrap_or_else(|| panic!("{}: `{}` was not reached:\n{printed}", step.place, step.command));
        let part = part.strip_prefix(&format!("{index}\n")).unwrap_or_else(|| panic!("out of step:\n{part}"));
        let lines: Vec<&str> = part.lines().collect();
        assert!(
            fits(&step.shown, &lines),
            "{}: `{}` prints\n{part}\nand the page shows\n{}",
            step.place,
            step.command,
            step.shown.join("\n")
        );
    }
}

/// What `plan` and `run-now` really print for a customer and for a row that fails.
pub fn json_of_a_run() -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rowbill = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowbill"));
        let command = command.args(arguments).current_dir(folder.path()).env("STRIPE_SECRET_KEY", "sk_test_any");
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap_or(Value::Null)
    };
    rowbill(&["init"]);
    let settings = std::fs::read_to_string(folder.path().join("rowbill.yaml")).unwrap();
    let settings = settings.replace("# api_base: http://127.0.0.1:12111", &format!("api_base: {}", sandbox.url()));
    std::fs::write(folder.path().join("rowbill.yaml"), settings).unwrap();
    let rows = "Customer ID,E-mail,Name\n1,ann@example.org,Ann\n2,eve@,Eve\n";
    std::fs::write(folder.path().join("data/customers.csv"), rows).unwrap();
    json!({
        "plan": rowbill(&["plan", "new-customers", "-o", "json"]),
        "run": rowbill(&["run-now", "new-customers", "-o", "json"]),
    })
}

/// The commands of a block; a line that ends in `\` goes on in the next.
fn steps_of(block: &Block) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in block.text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { place: block.place(), command, shown: Vec::new() }),
            None => steps
                .last_mut()
                .unwrap_or_else(|| panic!("{}: output without a command", block.place()))
                .shown
                .push(line),
        }
    }
    steps
}

/// As a test can run it: the address of the sandbox that is there, and no second build.
fn runnable(command: &str) -> String {
    let command = command.replace("cargo run -- ", "rowbill ");
    if command.starts_with("sed -i 's/# api_base/api_base/' rowbill.yaml") {
        return format!("{command}\nsed -i \"s|http://127.0.0.1:[0-9]*|$SANDBOX|\" rowbill.yaml");
    }
    command
}

/// Compares line by line. A line `…` stands for any number of lines, `…` within a line for any text.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], rest) => rest.iter().all(|line| line.trim().is_empty()),
        (["…", shown @ ..], _) => (0..=printed.len()).any(|skipped| fits(shown, &printed[skipped..])),
        ([first, shown @ ..], [line, printed @ ..]) => line_fits(&steady(first), &steady(line)) && fits(shown, printed),
        ([first, shown @ ..], []) => first.trim().is_empty() && fits(shown, &[]),
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let mut rest = match printed.strip_prefix(parts.next().unwrap_or_default()) {
        Some(rest) if shown.contains('…') => rest,
        Some(rest) => return rest.is_empty(),
        None => return false,
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

/// Ids, times and addresses differ from run to run.
fn steady(line: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-');
    let mut out = String::new();
    let mut rest = line.trim_end();
    while let Some(c) = rest.chars().next() {
        let end = if is_word(c) { rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        out += word(&rest[..end]);
        rest = &rest[end..];
    }
    // `run …  0 s`
    match out.rsplit_once("  ") {
        Some((before, seconds)) if seconds.ends_with(" s") && before.contains("run RUN") => before.to_owned(),
        _ => out,
    }
}

fn word(word: &str) -> &str {
    const IDS: [&str; 5] = ["cus_", "ii_", "in_", "acct_", "req_"];
    let is_time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
    let is_run = word.len() == 26
        && word.starts_with("01")
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let port = word.split_once(':').is_some_and(|(before, port)| before == "1" && port.len() > 3);
    match IDS.into_iter().find(|id| word.starts_with(id) && word.len() > id.len() + 6) {
        Some(id) => id,
        None if is_time => "TIME",
        None if is_run => "RUN",
        None if port => "1:PORT",
        None => word,
    }
}

/// The lines of all console blocks that call rowbill, whether they are run or not.
pub fn lines(pages: &[String]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for block in pages.iter().flat_map(|page| blocks(page)).filter(|block| block.language == "console") {
        for line in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            for command in line.split(&['|', ';', '&'][..]) {
                let command = command.trim().replace("cargo run -- ", "rowbill ");
                if let Some(arguments) = command.strip_prefix("rowbill ") {
                    lines.push((block.place(), arguments.to_owned()));
                }
            }
        }
    }
    lines
}
