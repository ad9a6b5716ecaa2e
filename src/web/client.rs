//! A command's end of the socket.

use std::path::Path;
use std::time::Duration;

use rowbill_connector::Problem;

use super::control::{Answer, Ask, Running};
use super::socket::{Reach, path};

/// How long a daemon may take to say that it is there.
const HELLO: Duration = Duration::from_secs(5);

/// A daemon that answers.
pub struct Client {
    http: reqwest::Client,
    /// Keeps the folder of a long path open.
    _reach: Reach,
    /// What it was doing when it answered first.
    pub running: Running,
}

impl Client {
    /// The daemon that owns this ledger; none when there is none, or when it does not answer: then the ledger's lock
    /// tells.
    pub async fn reach(ledger: &Path) -> Option<Self> {
        let socket = path(ledger);
        if !socket.exists() {
            return None;
        }
        let reach = Reach::new(&socket).ok()?;
        let http = reqwest::Client::builder().unix_socket(reach.path.as_path()).build().ok()?;
        let mut client = Self { http, _reach: reach, running: Running::default() };
        let hello = tokio::time::timeout(HELLO, client.ask(&Ask::Running)).await.ok()?;
        match hello {
            Ok(Answer::Running(running)) => client.running = running,
            _ => return None,
        }
        Some(client)
    }

    /// Asks, and waits for the answer however long it takes.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, Vec<Problem>> {
        let body = serde_json::to_vec(ask).unwrap_or_default();
        let answer = self.http.post("http://daemon/v1/ask").body(body).send().await.map_err(|error| gone(&error))?;
        let (status, bytes) = (answer.status(), answer.bytes().await.map_err(|error| gone(&error))?);
        let broken = |_| {
            let said = String::from_utf8_lossy(&bytes).into_owned();
            vec![
                Problem::new("daemon.answer", format!("the daemon answered {status}: {said}"))
                    .advise("let command and daemon be of the same version: restart the daemon"),
            ]
        };
        serde_json::from_slice::<Result<Answer, Vec<Problem>>>(&bytes).map_err(broken)?
    }
}

/// The daemon answered something that this command does not know.
pub fn unexpected() -> Problem {
    Problem::new("daemon.answer", "the daemon's answer cannot be read; `rowbill runs` has what it did")
        .advise("let command and daemon be of the same version: restart the daemon")
}

fn gone(error: &reqwest::Error) -> Vec<Problem> {
    let problem = Problem::new("daemon.gone", format!("the daemon went away before it answered: {error}"));
    vec![problem.advise("see its log, and `rowbill runs`; what was sent is in the ledger, and asking again is safe")]
}
