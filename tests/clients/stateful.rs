//! Two fake Stripes to put the same questions to: ours, and npm's `stripe-stateful-mock`, which others have written.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use reqwest::{Client, Method};
use rowbill_stripe_sandbox::{Fault, Options, Rule, Sandbox};
use serde_json::Value;

use super::{program, script};
use crate::support::{RUNTIME, project};

static HTTP: LazyLock<Client> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
});

/// The other implementation, in a process of its own; killed when this is dropped.
pub struct StatefulMock {
    child: Child,
    url: String,
}

impl StatefulMock {
    /// Starts one and waits until it listens; `None` where it is not installed.
    pub fn start() -> Option<Self> {
        let package = program("STRIPE_STATEFUL_MOCK")?;
        let mut command = Command::new("node");
        command.arg(script("stateful_mock.js")).arg(package);
        // It also ends when its standard input does: not even a test that is killed leaves it behind.
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut mock = Self { child: child.unwrap_or_else(|error| panic!("node: {error}")), url: String::new() };
        BufReader::new(mock.child.stdout.take().unwrap()).read_line(&mut mock.url).unwrap();
        mock.url.truncate(mock.url.trim_end().len());
        assert!(mock.url.starts_with("http://127.0.0.1:"), "the stateful mock did not start: {:?}", mock.url);
        Some(mock)
    }
}

impl Drop for StatefulMock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the two.
pub enum Side<'a> {
    Sandbox(Sandbox),
    Mock(&'a StatefulMock),
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: Method,
    pub path: String,
    pub form: String,
    /// No header when it is empty.
    pub key: String,
    pub secret: &'static str,
}

impl Question {
    /// A POST by a caller who may do it.
    pub fn post(path: &str, form: &str, key: &str) -> Self {
        let (path, form, key) = (path.to_owned(), form.to_owned(), key.to_owned());
        Self { method: Method::POST, path, form, key, secret: "sk_test_compared" }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    pub fn id(&self) -> Option<&str> {
        self.body["id"].as_str()
    }
}

impl<'a> Side<'a> {
    /// Both, the sandbox empty.
    pub fn both(mock: &'a StatefulMock) -> [Self; 2] {
        [Self::Sandbox(project::sandbox(Options::default())), Self::Mock(mock)]
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sandbox(_) => "the sandbox",
            Self::Mock(_) => "the stateful mock",
        }
    }

    pub fn ask(&self, question: &Question) -> Answer {
        RUNTIME.block_on(self.asked(question))
    }

    /// Asks all at the same time.
    pub fn ask_all(&self, questions: &[Question]) -> Vec<Answer> {
        RUNTIME.block_on(futures::future::join_all(questions.iter().map(|question| self.asked(question))))
    }

    /// How many objects a list has.
    pub fn count(&self, path: &str) -> usize {
        let path = format!("{path}?limit=100");
        let answer = self.ask(&Question { method: Method::GET, ..Question::post(&path, "", "") });
        let (data, more) = (answer.body["data"].as_array(), answer.body["has_more"].as_bool());
        assert_eq!(more, Some(false), "{}: {answer:?}", self.name());
        data.unwrap().len()
    }

    /// The sandbox gets the next request wrong. The mock has a charge's source for that, not a switch.
    pub fn break_next(&self, fault: Fault) {
        if let Self::Sandbox(sandbox) = self {
            sandbox.faults().script(Rule::next(fault));
        }
    }

    async fn asked(&self, question: &Question) -> Answer {
        let base = match self {
            Self::Sandbox(sandbox) => sandbox.url(),
            Self::Mock(mock) => mock.url.clone(),
        };
        let mut request = HTTP
            .request(question.method.clone(), format!("{base}{}", question.path))
            .header("authorization", format!("Bearer {}", question.secret));
        if !question.key.is_empty() {
            request = request.header("idempotency-key", &question.key);
        }
        if question.method == Method::POST {
            let form = question.form.clone();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.name()));
        Answer { status, body, headers }
    }
}
