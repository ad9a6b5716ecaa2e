//! `daemon:` and `notify:`, checked.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use rowbill_connector::Problem;

use super::file::File;
use super::mapping_file::texts;
use super::secret::SecretRef;
use super::shape::parse_duration;
use super::yaml::Node;

/// Where health and numbers are served when nothing else is said.
const DASHBOARD: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8377);
/// For so many days runs stay in the history when nothing else is said.
const KEEP_RUNS: u64 = 90 * 86_400;

/// What `daemon:` says.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Where health and numbers are served; loopback.
    pub dashboard: SocketAddr,
    /// Whether that was chosen.
    pub is_chosen: bool,
    /// Where webhooks are received, if anywhere.
    pub webhooks: Option<SocketAddr>,
    /// How long runs stay in the history, in seconds.
    pub keep_runs: u64,
}

/// What `notify:` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// The address of a webhook.
    pub webhook: Option<SecretRef>,
    /// E-mail.
    pub email: Option<Email>,
    /// The address of a Healthchecks project.
    pub healthchecks: Option<SecretRef>,
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `tls`, `starttls` or `none`.
    pub security: Security,
    /// Who logs in, where that is needed.
    pub login: Option<(String, SecretRef)>,
    /// The sender.
    pub from: String,
    /// The readers.
    pub to: Vec<String>,
    /// Where this is written.
    pub place: rowbill_connector::Place,
}

/// How the way to the mail server is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte.
    Tls,
    /// After a greeting.
    StartTls,
    /// Not at all; loopback only.
    None,
}

impl Daemon {
    /// Reads a checked `daemon:`.
    pub fn read(file: &File, node: Option<&Node>, problems: &mut Vec<Problem>) -> Self {
        let text = |key: &str| node.and_then(|node| node.get(key)).and_then(Node::text);
        let mut address = |key: &str, parse: fn(&str) -> Result<SocketAddr, Problem>| {
            let at = node?.get(key)?;
            parse(at.text().unwrap_or_default()).map_err(|problem| problems.push(file.place(at.at, problem))).ok()
        };
        let (dashboard, webhooks) = (address("dashboard", parse_dashboard), address("webhooks", parse_webhooks));
        Self {
            dashboard: dashboard.unwrap_or(DASHBOARD),
            is_chosen: node.is_some_and(|node| node.get("dashboard").is_some()),
            webhooks,
            keep_runs: text("keep_runs").and_then(parse_duration).unwrap_or(KEEP_RUNS),
        }
    }
}

/// Any address: deliveries come from outside, and are believed for their signatures alone.
fn parse_webhooks(text: &str) -> Result<SocketAddr, Problem> {
    text.replace("localhost:", "127.0.0.1:").parse().map_err(|_| {
        Problem::new("config.webhooks", format!("`{text}` is not an address and port")).advise(
            "write such as 127.0.0.1:8378, behind a proxy that ends TLS; Stripe delivers to https addresses only",
        )
    })
}

/// An address on this machine.
pub fn parse_dashboard(text: &str) -> Result<SocketAddr, Problem> {
    let good = text.replace("localhost:", "127.0.0.1:").parse().ok().filter(|at: &SocketAddr| at.ip().is_loopback());
    good.ok_or_else(|| {
        Problem::new("config.dashboard", format!("`{text}` is not an address and port of this machine alone"))
            .advise("write such as 127.0.0.1:8377; others reach it through a proxy that asks who they are")
    })
}

impl Notify {
    /// Reads a checked `notify:`.
    pub fn read(file: &File, node: Option<&Node>, root: &Path, problems: &mut Vec<Problem>) -> Self {
        let Some(node) = node else { return Self::default() };
        let url = |key: &str| SecretRef::of(node.get(key)?.get("url")?, file, root);
        let email = node.get("email").and_then(|email| Email::read(file, email, root, problems));
        Self { webhook: url("webhook"), email, healthchecks: url("healthchecks") }
    }
}

impl Email {
    fn read(file: &File, node: &Node, root: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let security = match text("security") {
            Some("starttls") => Security::StartTls,
            Some("none") => Security::None,
            _ => Security::Tls,
        };
        let server = node.get("server")?;
        let usual = if security == Security::Tls { 465 } else { 587 };
        let (host, port) = match server.text()?.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (server.text()?, Some(usual)),
        };
        let mut tell = |node: &Node, message: &str, advice: &str| {
            problems.push(file.place(node.at, Problem::new("config.email", message).advise(advice)));
        };
        if port.is_none() || host.is_empty() {
            tell(server, "the mail server's port is not a number", "write such as smtp.example.org:465");
        }
        let login = match (text("user"), node.get("password").and_then(|at| SecretRef::of(at, file, root))) {
            (Some(user), Some(password)) => Some((user.to_owned(), password)),
            (None, None) => None,
            _ => {
                tell(node, "`user` and `password` go together", "write both or neither");
                None
            }
        };
        Some(Self {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            security,
            login,
            from: text("from")?.to_owned(),
            to: texts(node.get("to")),
            place: file.place_of(node.at),
        })
    }
}
