//! A mail's way to its server, and what can go wrong on it.

use std::error::Error as _;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rowbill_connector::Problem;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use crate::address::is_loopback;
use crate::email::{EmailConfig, Security};
use crate::text::{one_line, shorten};
use crate::{MailLogin, Timeouts};

/// How long the server may take to say goodbye, once it has the mail.
const GOODBYE: Duration = Duration::from_secs(1);

/// How far a mail has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    Encrypt,
    LogIn,
    Deliver,
}

/// The way to one mail server.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    login: Option<MailLogin>,
    hello: ClientId,
    tls: Option<TlsParameters>,
    timeouts: Timeouts,
}

impl Smtp {
    /// `domain` is the sender's: what this machine calls itself, since some servers turn address literals away.
    pub(crate) fn new(config: EmailConfig, domain: &str, timeouts: Timeouts) -> Result<Self, Problem> {
        // Brackets around an IPv6 address are for URLs.
        let host = config.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@".contains(c)) {
            let message = format!("`{}` is not the name of a mail server.", one_line(&host));
            return Err(Problem::new("notify.address", message).advise("Write its name alone: smtp.example.org"));
        }
        if config.security == Security::None && !is_loopback(&host) {
            let message = format!("Mail to `{host}` would go without encryption.");
            let advice = "Encrypt it: TLS (usually port 465) or STARTTLS (usually port 587). Only a server on this \
                          machine is written to without.";
            return Err(Problem::new("notify.security", message).advise(advice));
        }
        let hello = if domain.is_ascii() { ClientId::Domain(domain.to_owned()) } else { ClientId::default() };
        let tls = if config.security == Security::None { None } else { Some(tls(&host)?) };
        let (port, security, login) = (config.port, config.security, config.login);
        Ok(Self { host, port, security, login, hello, tls, timeouts })
    }

    /// Hands one mail over, once.
    pub(crate) async fn send(&self, mail: &Message) -> Result<(), Problem> {
        let deadline = Instant::now() + self.timeouts.whole;
        let mut connection = timeout_at(deadline, self.deliver(mail)).await.map_err(|_| self.late())??;
        // The mail is taken; what the server says to a goodbye changes nothing.
        let _ = timeout_at(deadline.min(Instant::now() + GOODBYE), connection.quit()).await;
        Ok(())
    }

    async fn deliver(&self, mail: &Message) -> Result<AsyncSmtpConnection, Problem> {
        let tls = self.tls.clone().filter(|_| self.security == Security::Tls);
        let (server, connect) = ((self.host.as_str(), self.port), Some(self.timeouts.connect));
        let connecting = AsyncSmtpConnection::connect_tokio1(server, connect, &self.hello, tls, None);
        let mut connection = connecting.await.map_err(|error| self.problem(Step::Connect, &error))?;
        if let Some(tls) = self.tls.clone().filter(|_| self.security == Security::StartTls) {
            connection.starttls(tls, &self.hello).await.map_err(|error| self.problem(Step::Encrypt, &error))?;
        }
        if let Some(MailLogin { user, password }) = &self.login {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &login).await.map_err(|error| self.problem(Step::LogIn, &error))?;
        }
        let sent = connection.send(mail.envelope(), &mail.formatted()).await;
        sent.map_err(|error| self.problem(Step::Deliver, &error))?;
        Ok(connection)
    }

    fn problem(&self, step: Step, error: &Error) -> Problem {
        if error.status().is_some() {
            return self.refused(step, error);
        }
        if error.is_client() {
            return self.unable(step, error);
        }
        let server = self.server();
        let what = match step {
            Step::Connect => format!("The mail server {server} could not be reached"),
            Step::Encrypt => format!("The connection to the mail server {server} could not be encrypted"),
            Step::LogIn => format!("The mail server {server} broke off while rowbill logged in"),
            Step::Deliver => format!("The mail server {server} broke off before it had taken the mail"),
        };
        unreachable(&format!("{what}{}", self.said(step, &cause(error))))
    }

    /// The server's own no, with its code.
    fn refused(&self, step: Step, error: &Error) -> Problem {
        let (server, code) = (self.server(), error.status().map(|code| code.to_string()).unwrap_or_default());
        let user = self.login.as_ref().map(|login| login.user.as_str()).unwrap_or_default();
        let what = match step {
            Step::Connect => "the connection".to_owned(),
            Step::Encrypt => "STARTTLS".to_owned(),
            Step::LogIn => format!("the log-in of `{user}`"),
            Step::Deliver => "the mail".to_owned(),
        };
        let advice = match step {
            _ if error.is_transient() => {
                "It asks for another try later, which rowbill makes. If this stays, look there."
            }
            Step::LogIn => {
                "Look at user and password; many providers want a password that is made for one application."
            }
            Step::Deliver => "Look at `from` and `to`, and whether the server lets this user send from that address.",
            Step::Connect | Step::Encrypt => {
                "Look at host and port, and whether the server takes mail from this machine."
            }
        };
        let message =
            format!("The mail server {server} refused {what} with code {code}{}", self.said(step, &cause(error)));
        Problem::new("notify.smtp", message).advise(advice)
    }

    /// What the server does not offer, so that nothing was sent.
    fn unable(&self, step: Step, error: &Error) -> Problem {
        let server = self.server();
        let (message, advice) = match step {
            Step::Encrypt => (
                format!("The mail server {server} offers no STARTTLS, and nothing is sent without encryption."),
                "Use TLS from the first byte (usually port 465), or the port that offers STARTTLS (usually 587).",
            ),
            Step::LogIn => (
                format!("The mail server {server} offers no log-in that rowbill knows: PLAIN or LOGIN."),
                "Leave user and password out if it takes mail without, or use a port for log-ins (465 or 587).",
            ),
            Step::Connect | Step::Deliver => (
                format!("The mail server {server} cannot take this mail{}", self.said(step, &cause(error))),
                "Use addresses without letters beyond ASCII.",
            ),
        };
        Problem::new("notify.smtp", message).advise(advice)
    }

    /// The end of a sentence with what the other side said. An answer to a log-in may quote it, so it is left out.
    fn said(&self, step: Step, text: &str) -> String {
        let text = one_line(text);
        if step == Step::LogIn || text.is_empty() {
            return ".".to_owned();
        }
        let password = self.login.as_ref().map(|login| login.password.expose_secret()).filter(|text| !text.is_empty());
        let text = password.map_or(text.clone(), |password| text.replace(password, "[hidden]"));
        format!(": {}", shorten(&text, 300))
    }

    fn late(&self) -> Problem {
        let server = self.server();
        unreachable(&format!("The mail server {server} did not take the mail in {:?}.", self.timeouts.whole))
    }

    fn server(&self) -> String {
        format!("`{}:{}`", self.host, self.port)
    }
}

/// What lies behind the transport's own word for it: the server's answer, or the system's error.
fn cause(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn unreachable(message: &str) -> Problem {
    let advice = "rowbill tells again later; if this stays, look at host, port and encryption (465 speaks TLS from the \
                  first byte, 587 begins with STARTTLS), the network and the firewall.";
    Problem::new("notify.unreachable", message).advise(advice)
}

/// The certificates of the system; Mozilla's where it has none.
fn tls(host: &str) -> Result<TlsParameters, Problem> {
    let build = |store| TlsParameters::builder(host.to_owned()).certificate_store(store).build_rustls();
    build(CertificateStore::Default).or_else(|_| build(CertificateStore::WebpkiRoots)).map_err(|error| {
        Problem::new("notify.unreachable", format!("TLS could not be set up: {error}"))
            .advise("Install the certificates of the system, such as Debian's package ca-certificates.")
    })
}
