//! A Sheets server on loopback: one spreadsheet in memory, requests checked against Google's own description.
//!
//! It knows the three methods that rowbill calls and refuses everything else, unknown parameters and fields too. It
//! gives tokens for [`FakeSheets::login_file`], looks at the form of their requests but not at the signature, and
//! holds each call to the scopes of its token.

mod check;
mod grid;
mod server;
mod token;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The id of its spreadsheet.
pub const SPREADSHEET: &str = "1AbCdEf";
/// The service account of its login file.
pub const EMAIL: &str = "rowbill-test@fake-project.iam.gserviceaccount.com";

/// Made for this file; it opens nothing anywhere.
const TEST_ONLY_KEY: &str = include_str!("../data/test-only-key.pem");

/// A request that came, and how it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `spreadsheets.get`, `values.batchGet`, `values.batchUpdate`, `token`, or method and path of anything else.
    pub method: String,
    /// The query's parameters, in order.
    pub query: Vec<(String, String)>,
    /// The body of a write.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
}

/// An answer that is given instead of the right one.
#[derive(Clone, Debug)]
pub struct Fault {
    /// To which calls: `values.batchGet`, `token`, …; the empty text is any call.
    pub method: String,
    /// The status.
    pub status: u16,
    /// The seconds of a `Retry-After` header.
    pub retry_after: Option<u64>,
    /// Whether a write is carried out all the same: the answer is lost.
    pub after_commit: bool,
}

/// The server; it stops when this is dropped.
pub struct FakeSheets {
    url: String,
    state: Arc<Mutex<State>>,
    _stop: oneshot::Sender<()>,
}

/// What the server holds.
struct State {
    url: String,
    gone: bool,
    zone: String,
    /// In the order of the tabs.
    sheets: Vec<(String, Vec<Vec<Value>>)>,
    /// Tokens and the scopes that they are for.
    tokens: HashMap<String, String>,
    faults: VecDeque<Fault>,
    calls: Vec<Call>,
}

impl FakeSheets {
    /// Starts a server on a free port, on a thread of its own.
    pub fn start() -> Self {
        Self::on(0).expect("a free port on loopback")
    }

    /// Starts a server on this port.
    pub fn on(port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(State::new(url.clone())));
        let (stop, stopped) = oneshot::channel();
        server::spawn(listener, Arc::clone(&state), stopped)?;
        Ok(Self { url, state, _stop: stop })
    }

    /// What `google.api_base` is set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes a service account's key file into the directory; its `token_uri` is this server.
    pub fn login_file(&self, directory: &Path) -> PathBuf {
        let key = json!({
            "type": "service_account",
            "project_id": "fake-project",
            "private_key_id": "test-only",
            "private_key": TEST_ONLY_KEY,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": format!("{}/token", self.url),
        });
        let path = directory.join("service-account.json");
        std::fs::write(&path, key.to_string()).expect("a directory that can be written");
        path
    }

    /// Makes a sheet hold these rows and nothing else; it is added when it is not there.
    pub fn set_rows(&self, sheet: &str, rows: Vec<Vec<Value>>) {
        let mut state = self.state();
        state.gone = false;
        match state.sheets.iter_mut().find(|(name, _)| name == sheet) {
            Some((_, held)) => *held = rows,
            None => state.sheets.push((sheet.to_owned(), rows)),
        }
    }

    /// What a sheet holds, without empty cells at the ends; nothing when it is not there.
    pub fn cells(&self, sheet: &str) -> Vec<Vec<Value>> {
        let state = self.state();
        let held = state.sheets.iter().find(|(name, _)| name == sheet);
        held.map(|(_, rows)| grid::trimmed(rows.clone())).unwrap_or_default()
    }

    /// Gives a sheet another name.
    pub fn rename_sheet(&self, from: &str, to: &str) {
        if let Some((name, _)) = self.state().sheets.iter_mut().find(|(name, _)| name == from) {
            to.clone_into(name);
        }
    }

    /// Sets the spreadsheet's time zone; it begins as `Europe/Kyiv`.
    pub fn set_zone(&self, zone: &str) {
        zone.clone_into(&mut self.state().zone);
    }

    /// Takes the spreadsheet away until rows are set again.
    pub fn remove(&self) {
        self.state().gone = true;
    }

    /// Answers the next call that it is for with this fault; several are used up in order.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    fn new(url: String) -> Self {
        Self {
            url,
            gone: false,
            zone: "Europe/Kyiv".to_owned(),
            sheets: Vec::new(),
            tokens: HashMap::new(),
            faults: VecDeque::new(),
            calls: Vec::new(),
        }
    }

    /// The first fault that is for this call.
    fn fault(&mut self, method: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| fault.method.is_empty() || fault.method == method)?;
        self.faults.remove(at)
    }
}

impl Fault {
    /// A status, in place of the answer to any call.
    pub fn status(status: u16) -> Self {
        Self { method: String::new(), status, retry_after: None, after_commit: false }
    }

    /// Only for calls of this method.
    #[must_use]
    pub fn of(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// With a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// After a write was carried out.
    #[must_use]
    pub fn after_commit(mut self) -> Self {
        self.after_commit = true;
        self
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
