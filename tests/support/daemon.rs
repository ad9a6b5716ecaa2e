//! A daemon of a project: its log as it comes, and its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Project, RUNTIME};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon; killed when this is dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub http: String,
}

#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<Value>, bool)>,
    news: Condvar,
}

impl Daemon {
    /// Starts one, and waits until it is ready.
    pub fn start(project: &Project) -> Self {
        Self::of(project.command(&[]))
    }

    /// Starts one by a command that has the environment it needs, and waits until it is ready.
    pub fn of(mut command: Command) -> Self {
        command.arg("--output=json");
        let mut daemon = Self::spawn(command);
        let serving = daemon.until("serving", |_| true);
        daemon.http = format!("http://{}", serving["address"].as_str().unwrap());
        daemon.until("started", |_| true);
        daemon
    }

    /// Starts one, and waits for nothing. Without `--output=json` each line of its log is a text.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.args(["daemon", "--dashboard=127.0.0.1:0"]).spawn().unwrap();
        let (log, stderr) = (Arc::new(Log::default()), child.stderr.take().unwrap());
        let heard = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Words for people, before the log begins, are kept as they are.
                let line = serde_json::from_str(&line).unwrap_or_else(|_| Value::from(line));
                heard.lines.lock().unwrap().0.push(line);
                heard.news.notify_all();
            }
            heard.lines.lock().unwrap().1 = true;
            heard.news.notify_all();
        });
        Self { child, log, http: String::new() }
    }

    /// The status and the text of `/healthz`, `/readyz` or `/metrics`.
    pub fn get(&self, path: &str) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        RUNTIME.block_on(async {
            let answer = reqwest::get(format!("{}{path}", self.http)).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// One of the numbers of `/metrics`, by its name and labels as they are written there.
    pub fn metric(&self, name: &str) -> Option<String> {
        let text = self.get("/metrics").1;
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        values.next_back()
    }

    /// All lines of the log so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lines.lock().unwrap().0.clone()
    }

    /// The lines with this message so far.
    pub fn told(&self, message: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["message"] == message).collect()
    }

    /// Waits for a line with this message of which something is true; the first there ever was.
    #[track_caller]
    pub fn until(&self, message: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.nth(message, 0, is_it)
    }

    /// Waits for such a line that comes after so many others of its kind.
    #[track_caller]
    pub fn nth(&self, message: &str, nth: usize, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            let mut found = lines.0.iter().filter(|line| line["message"] == message && is_it(line));
            if let Some(line) = found.nth(nth) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!lines.1 && !left.is_zero(), "no {message} came (ended: {}): {:#?}", lines.1, lines.0);
            lines = self.log.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for a line of a log of texts that has these words.
    #[track_caller]
    pub fn until_text(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        while !lines.0.iter().any(|line| line.as_str().is_some_and(|text| text.contains(words))) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!lines.1 && !left.is_zero(), "no {words} came (ended: {}): {:#?}", lines.1, lines.0);
            lines = self.log.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for the end of a connection's run, after so many others of that connection.
    #[track_caller]
    pub fn run(&self, connection: &str, nth: usize) -> Value {
        self.nth("run_finished", nth, |line| line["connection"] == connection)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGKILL: nothing of it can be caught.
    pub fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log()
    }

    /// SIGTERM; the exit code, and the whole log.
    pub fn stop(mut self) -> (i32, Vec<Value>) {
        self.signal("TERM");
        let code = self.wait();
        (code, self.log())
    }

    /// Waits for the end by itself.
    pub fn wait(&mut self) -> i32 {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let mut lines = self.log.lines.lock().unwrap();
        while !lines.1 {
            lines = self.log.news.wait_timeout(lines, PATIENCE).unwrap().0;
        }
        code
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
