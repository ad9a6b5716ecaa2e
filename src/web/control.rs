//! What a daemon can be asked by this user's commands, and how question and answer travel.

use async_trait::async_trait;
use rowbill_connector::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::payments::PaymentRecord;
use crate::run::decision::Decision;
use crate::run::{ByHand, Followed};

/// A daemon, as its own user's commands see it.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// Answers one question. What is asked for is done in any case, also when nobody waits for the answer any more.
    async fn answer(&self, ask: Ask) -> Result<Answer, Vec<Problem>>;
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Run connections now.
    RunNow(RunNow),
    /// Plan them: what a run would do.
    Plan(RunNow),
    /// Put a connection on hold.
    Pause(String),
    /// Take it up again.
    Resume(String),
    /// Take a person's decision about a row.
    Decide(Decide),
    /// Do something about payments of this connection, for this person.
    ByHand(String, String, ByHand),
    /// Ask these accounts what has happened.
    Poll(Vec<String>),
    /// Apply this event of this account once more.
    Replay(String, String),
    /// What is going on.
    Running,
    /// Where every connection stands.
    Status,
}

/// Connections to run, as a person asked for them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunNow {
    /// Their names.
    pub names: Vec<String>,
    /// All of them.
    pub all: bool,
    /// Only the row or group with this key.
    pub only: Option<Vec<String>>,
    /// At most so many rows or groups.
    pub limit: Option<u64>,
    /// Then those that run after them.
    pub with_after: bool,
}

/// A decision about a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decide {
    /// The connection.
    pub connection: String,
    /// The row's key.
    pub key: Vec<String>,
    /// What is decided.
    pub decision: Decision,
}

/// What the daemon is doing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// The connections that run now.
    pub connections: Vec<String>,
    /// Files that are not taken up because something is wrong with them.
    pub problems: Vec<Problem>,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One value for each connection, as `-o json` prints it.
    Reports(Vec<Value>),
    /// A row as `-o json` prints it, and what the person is told.
    Row(Value, String),
    /// What is going on.
    Running(Running),
    /// It is done.
    Done,
}

/// What following the payments of an account came to, as `-o json` prints it.
pub fn polled(account: &str, followed: &Followed) -> Value {
    let changed: Vec<Value> = followed.applied.changed.iter().map(PaymentRecord::value).collect();
    json!({
        "account": account, "new_events": followed.new, "applied_events": followed.applied.events, "changed": changed,
        "stopped": followed.applied.stopped,
    })
}
