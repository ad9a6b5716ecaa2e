//! A project in a folder of its own, run by the real binary against servers of its own.

use std::cell::Cell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rowbill_google_sheets::fake::FakeSheets;
use rowbill_stripe_sandbox::{Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use super::{Output, RUNTIME, invariants, journal};

/// A folder with `rowbill.yaml`, `mappings/` and `data/`; account `acme` is its sandbox.
pub struct Project {
    pub stripe: Sandbox,
    pub sheets: Option<FakeSheets>,
    folder: TempDir,
    accounts: Vec<Account>,
    /// How far ahead the clocks of rowbill and of the sandbox are.
    ahead: Cell<Duration>,
}

struct Account {
    name: String,
    key: String,
    stripe: Sandbox,
    /// More lines of the account's settings.
    more: String,
}

/// A sandbox on a free port.
pub fn sandbox(options: Options) -> Sandbox {
    let _guard = RUNTIME.enter();
    Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).unwrap()
}

impl Project {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// With a sandbox that has these options.
    pub fn with(options: Options) -> Self {
        let stripe = sandbox(options);
        let folder = tempfile::Builder::new().prefix("rowbill-test-").tempdir().unwrap();
        for name in ["mappings", "data"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut project =
            Self { stripe: stripe.clone(), sheets: None, folder, accounts: Vec::new(), ahead: Cell::default() };
        project.account("acme", &stripe, "");
        project
    }

    /// With a Google Sheets as well.
    pub fn with_sheets() -> Self {
        let mut project = Self::new();
        let sheets = FakeSheets::start();
        sheets.login_file(project.root());
        project.sheets = Some(sheets);
        project.settings();
        project
    }

    /// Adds an account, or changes the one of this name; `more` are lines of its settings.
    pub fn account(&mut self, name: &str, stripe: &Sandbox, more: &str) {
        let account = Account {
            name: name.to_owned(),
            key: format!("sk_test_{name}0000000000"),
            stripe: stripe.clone(),
            more: more.to_owned(),
        };
        self.accounts.retain(|other| other.name != name);
        self.accounts.push(account);
        self.settings();
    }

    /// Puts another key in the place of an account's.
    pub fn key(&self, account: &str, key: &str) {
        self.write(&format!("{account}.key"), key);
    }

    fn settings(&self) {
        let mut lines = vec!["version: 1\ntimezone: Europe/Kyiv\naccounts:".to_owned()];
        for Account { name, key, stripe, more } in &self.accounts {
            self.key(name, key);
            lines.push(format!("  {name}:\n    mode: test\n    key: {{ file: {name}.key }}"));
            lines.push(format!("    api_base: {}", stripe.url()));
            lines.push("    rate_limit: unlimited\n    endpoint_rate_limit: unlimited".to_owned());
            lines.extend(more.lines().map(|line| format!("    {line}")));
        }
        if let Some(sheets) = &self.sheets {
            lines.push("google:\n  login: { file: service-account.json }".to_owned());
            lines.push(format!("  api_base: {}", sheets.url()));
            lines.push(super::samples::ORDERS_SOURCE.to_owned());
        }
        self.write("rowbill.yaml", &super::samples::lines(lines));
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn mapping(&self, name: &str, yaml: &str) {
        self.write(&format!("mappings/{name}.yaml"), yaml);
    }

    /// Writes `data/NAME.csv`.
    pub fn csv(&self, name: &str, text: &str) {
        self.write(&format!("data/{name}.csv"), text);
    }

    /// Replaces one place of a file, which must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub fn set_rows(&self, sheet: &str, rows: Vec<Vec<Value>>) {
        self.sheets.as_ref().unwrap().set_rows(sheet, rows);
    }

    /// Moves the clocks of rowbill and of every sandbox ahead together.
    pub fn advance(&self, by: Duration) {
        self.ahead.set(self.ahead.get() + by);
        self.accounts.iter().for_each(|account| account.stripe.clock().advance(by));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowbill"));
        command.current_dir(self.root()).args(args);
        command.env_remove("STRIPE_SECRET_KEY").env_remove("RUST_LOG");
        command.env("ROWBILL_TEST_CLOCK", format!("+{}s", self.ahead.get().as_secs()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the binary and goes on.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).arg("--output=json").spawn().unwrap()
    }

    /// Runs the binary with `-o json`, and checks what must hold after every run.
    pub fn run(&self, args: &[&str]) -> Output {
        let before: Vec<usize> = self.accounts.iter().map(|account| account.stripe.journal().len()).collect();
        let output = Output::of(&self.command(args).arg("--output=json").output().unwrap());
        output.is_well_formed();
        for (account, before) in self.accounts.iter().zip(before) {
            invariants::hold(&account.stripe);
            if output.json["result"] == "refused" {
                let posts = journal::posts(&account.stripe, before);
                assert!(posts.is_empty(), "I14: a refused run sent {posts:#?}\n{output:#?}");
            }
        }
        output
    }

    /// Runs the binary with `-o json` while another one runs.
    pub fn run_beside(&self, args: &[&str]) -> Output {
        let output = Output::of(&self.command(args).arg("--output=json").output().unwrap());
        output.is_well_formed();
        output
    }

    /// Takes the ledger away, as a disk does.
    pub fn lose_ledger(&self) {
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(self.path("state").join(name));
        }
    }

    /// Runs all connections.
    pub fn run_all(&self) -> Output {
        self.run(&["run-now", "--all"])
    }

    /// A mark in the journal, for [`Project::posts_since`].
    pub fn mark(&self) -> usize {
        self.stripe.journal().len()
    }

    /// The POST requests of rowbill since a mark, as `POST /v1/customers`.
    pub fn posts_since(&self, mark: usize) -> Vec<String> {
        let posts = journal::posts(&self.stripe, mark);
        posts.iter().map(|post| format!("POST {}", post.path)).collect()
    }

    /// The id of what a step of a row has made.
    pub fn object(&self, connection: &str, key: &str, step: &str) -> String {
        let row = self.row(connection, key);
        let object = row["objects"].as_array().unwrap().iter().find(|object| object["step"] == step);
        object.unwrap_or_else(|| panic!("no {step}: {row:#}"))["id"].as_str().unwrap().to_owned()
    }

    /// The ledger's row with this key, as `rows NAME KEY` has it.
    pub fn row(&self, connection: &str, key: &str) -> Value {
        let output = self.run(&["rows", connection, key]);
        output.json["rows"][0].clone()
    }
}
