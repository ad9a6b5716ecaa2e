//! `rowbill.yaml`, checked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rowbill_connector::Problem;

use super::file::File;
use super::report_jobs::{self, ReportJob};
use super::secret::SecretRef;
use super::shape::{self, parse_duration, parse_rate};
use super::shapes::SETTINGS;
use super::watch::{Daemon, Notify};
use super::yaml::{self, Node};

/// What `rowbill.yaml` says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of clock times, and of days that become instants.
    pub zone: TimeZone,
    /// Accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// The Google login.
    pub google: Option<Google>,
    /// Where the ledger is.
    pub ledger: PathBuf,
    /// Whether every account is on loopback.
    pub all_loopback: bool,
    /// What the daemon serves and keeps.
    pub daemon: Daemon,
    /// Whom it tells.
    pub notify: Notify,
    /// Reports that are written by themselves.
    pub reports: Vec<ReportJob>,
}

/// One Stripe account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Real money.
    pub live: bool,
    /// Where the key is.
    pub key: SecretRef,
    /// Where the secrets are that deliveries to its webhook are signed with.
    pub webhook_secrets: Vec<SecretRef>,
    /// How the daemon follows what became of its invoices.
    pub payments: Follow,
    /// Act for this connected account.
    pub connected_account: Option<String>,
    /// Another address than Stripe's; loopback.
    pub api_base: Option<String>,
    /// Requests per second of the account.
    pub rate_limit: Option<Rate>,
    /// Requests per second of each endpoint.
    pub endpoint_rate_limit: Option<Rate>,
}

impl Account {
    /// Whether the daemon follows what becomes of its invoices.
    pub fn follows_payments(&self) -> bool {
        self.payments.poll.is_some() || !self.webhook_secrets.is_empty()
    }
}

/// How payments are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// How often the list of events is read, in seconds; not at all if none.
    pub poll: Option<u64>,
    /// At most so many invoices are read at once.
    pub most_reads: usize,
}

impl Follow {
    /// So many invoices are read at once when nothing else is said.
    const MOST_READS: usize = 500;
    /// So many seconds lie between two readings when only `poll` is said.
    const EVERY: u64 = 300;

    fn read(node: Option<&Node>) -> Self {
        let text = |key: &str| node.and_then(|node| node.get(key)).and_then(Node::text);
        let most_reads = text("most_reads").and_then(|text| text.parse().ok()).unwrap_or(Self::MOST_READS);
        let alone = node.and_then(Node::text).filter(|word| *word == "poll").map(|_| Self::EVERY);
        Self { poll: text("poll").and_then(parse_duration).or(alone), most_reads }
    }
}

/// A declared rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// At most so many per second.
    PerSecond(u32),
    /// No limit; loopback only.
    Unlimited,
}

/// The login for Google Sheets.
#[derive(Clone, Debug)]
pub struct Google {
    /// The service account's key file.
    pub login: SecretRef,
    /// Another address than Google's; loopback.
    pub api_base: Option<String>,
}

/// Reads `rowbill.yaml`. The node is given back for what the mappings need of it.
pub fn read(file: &File, root: &Path, problems: &mut Vec<Problem>) -> Option<(Settings, Node)> {
    let node = yaml::parse(file, problems)?;
    shape::check(file, &node, SETTINGS, problems);
    let mut reader = Reader { file, root, problems };
    let settings = reader.settings(&node);
    Some((settings, node))
}

struct Reader<'a> {
    file: &'a File,
    root: &'a Path,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn settings(&mut self, node: &Node) -> Settings {
        if let Some(accounts) = node.get("accounts").filter(|node| node.text().is_none() && node.entries().is_empty()) {
            let advice = "name at least one, with `mode:` and `key:` below its name";
            self.tell(accounts, "config.wrong_type", "`accounts` names no account", advice);
        }
        let zone = match node.get("timezone") {
            Some(zone) => self.zone(zone),
            None => TimeZone::UTC,
        };
        let accounts: BTreeMap<String, Account> = node
            .get("accounts")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .filter_map(|(key, account)| Some((key.text.clone(), self.account(&key.text, account)?)))
            .collect();
        let google = node.get("google").and_then(|google| self.google(google));
        let ledger = node.get("ledger").and_then(|ledger| ledger.get("sqlite")).and_then(Node::text);
        let all_loopback = !accounts.is_empty() && accounts.values().all(|account| account.api_base.is_some());
        let daemon = Daemon::read(self.file, node.get("daemon"), self.problems);
        let notify = Notify::read(self.file, node.get("notify"), self.root, self.problems);
        let ledger = self.root.join(ledger.unwrap_or("state/ledger.db"));
        let reports = report_jobs::read(self.file, node.get("reports"), self.root, &accounts, self.problems);
        Settings { zone, accounts, google, ledger, all_loopback, daemon, notify, reports }
    }

    fn zone(&mut self, node: &Node) -> TimeZone {
        let name = node.text().unwrap_or_default();
        TimeZone::get(name).unwrap_or_else(|_| {
            let problem = Problem::new("config.timezone", format!("`{name}` is not a time zone"));
            self.problems.push(self.file.place(node.at, problem.advise(zone_advice(name))));
            TimeZone::UTC
        })
    }

    fn account(&mut self, name: &str, node: &Node) -> Option<Account> {
        let live = node.get("mode").and_then(Node::text) == Some("live");
        let api_base = self.api_base(node);
        if let (true, Some(_), Some(at)) = (live, &api_base, node.get("api_base")) {
            self.tell(at, "config.api_base_live", "api_base is for mode test only", "take it out, or use mode: test");
        }
        let loopback = api_base.is_some();
        Some(Account {
            name: name.to_owned(),
            live,
            key: SecretRef::of(node.get("key")?, self.file, self.root)?,
            webhook_secrets: self.webhook_secrets(node),
            payments: Follow::read(node.get("payments")),
            connected_account: self.connected(node),
            api_base,
            rate_limit: self.rate(node, "rate_limit", loopback),
            endpoint_rate_limit: self.rate(node, "endpoint_rate_limit", loopback),
        })
    }

    fn webhook_secrets(&self, account: &Node) -> Vec<SecretRef> {
        let secrets = account.get("webhook_secrets").map(Node::elements).unwrap_or_default();
        secrets.iter().filter_map(|secret| SecretRef::of(secret, self.file, self.root)).collect()
    }

    fn connected(&mut self, account: &Node) -> Option<String> {
        let node = account.get("connected_account")?;
        let id = node.text()?;
        if !id.starts_with("acct_") {
            self.tell(
                node,
                "config.connected_account",
                &format!("`{id}` is not an account id"),
                "it starts with acct_",
            );
        }
        Some(id.to_owned())
    }

    fn rate(&mut self, account: &Node, key: &str, loopback: bool) -> Option<Rate> {
        let node = account.get(key)?;
        match node.text()? {
            "unlimited" => {
                if !loopback {
                    let advice = "write a number such as 100/s";
                    self.tell(node, "config.rate_unlimited", "`unlimited` goes only with a loopback api_base", advice);
                }
                Some(Rate::Unlimited)
            }
            text => parse_rate(text).map(Rate::PerSecond),
        }
    }

    fn google(&mut self, node: &Node) -> Option<Google> {
        Some(Google { login: SecretRef::of(node.get("login")?, self.file, self.root)?, api_base: self.api_base(node) })
    }

    fn api_base(&mut self, parent: &Node) -> Option<String> {
        let node = parent.get("api_base")?;
        let url = node.text()?;
        if !is_loopback(url) {
            let advice =
                "it is for a server on this machine, such as http://127.0.0.1:12111; leave it out for the real one";
            self.tell(node, "config.api_base", &format!("`{url}` is not a loopback address"), advice);
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    fn tell(&mut self, node: &Node, code: &str, message: &str, advice: &str) {
        let problem = Problem::new(code, message).advise(advice);
        self.problems.push(self.file.place(node.at, problem));
    }
}

/// What to write instead of a time zone that does not exist.
pub fn zone_advice(name: &str) -> String {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
    let near = crate::suggest::nearest(name, &zones).map(|zone| format!("did you mean `{zone}`? "));
    format!("{}write an IANA name such as Europe/Kyiv or UTC", near.unwrap_or_default())
}

/// `http://127.0.0.1:1`, `http://localhost`, `http://[::1]:1`; nothing with a user part or another host.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    !authority.contains('@') && (host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}
