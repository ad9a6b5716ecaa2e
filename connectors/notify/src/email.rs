//! One plain-text mail for each notice.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use rowbill_connector::{Channel, Notice, Problem};
use secrecy::SecretString;

use crate::Timeouts;
use crate::smtp::Smtp;
use crate::text::{one_line, title};

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte; usually port 465.
    Tls,
    /// TLS after STARTTLS, and nothing without it; usually port 587.
    StartTls,
    /// Not at all; on loopback only.
    None,
}

/// Who logs in at the mail server.
#[derive(Clone, Debug)]
pub struct MailLogin {
    /// The user's name there.
    pub user: String,
    /// The password, or what the provider has in its place.
    pub password: SecretString,
}

/// How mail leaves, and to whom.
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// The mail server: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// Left out where the server takes mail without.
    pub login: Option<MailLogin>,
    /// The sender: `ops@example.org` or `rowbill <ops@example.org>`.
    pub from: String,
    /// Who gets every notice; at least one.
    pub to: Vec<String>,
}

/// A [`Channel`] that sends mail by SMTP.
pub struct Email {
    smtp: Smtp,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Shows whom it writes to.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Email").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Email {
    /// Checks all that can be checked without the server.
    pub fn new(config: EmailConfig, timeouts: Timeouts) -> Result<Self, Problem> {
        let from = mailbox("from", &config.from)?;
        let to = config.to.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            let problem = Problem::new("notify.address", "The mail has nobody in `to`.");
            return Err(problem.advise("Write at least one address there."));
        }
        Ok(Self { smtp: Smtp::new(config, from.email.domain(), timeouts)?, from, to })
    }

    fn mail(&self, notice: &Notice) -> Result<Message, Problem> {
        let lines: Vec<String> = notice.lines.iter().map(|line| one_line(line)).collect();
        let subject = title(notice);
        let body = if lines.is_empty() { subject.clone() } else { lines.join("\n") };
        let mut mail = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .date_now()
            .message_id(Some(self.message_id()))
            // RFC 3834: no absence notes in answer.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .header(ContentTransferEncoding::QuotedPrintable);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        mail.body(format!("{body}\n")).map_err(|error| {
            Problem::new("notify.address", format!("No mail can be made of these addresses: {error}"))
                .advise("Look at `from` and `to`.")
        })
    }

    /// In the sender's domain, since other ones look like spam.
    fn message_id(&self) -> String {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("<{nanos:x}.{}.rowbill@{}>", std::process::id(), self.from.email.domain())
    }
}

#[async_trait]
impl Channel for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    async fn tell(&self, notice: &Notice) -> Result<(), Problem> {
        self.smtp.send(&self.mail(notice)?).await
    }
}

fn mailbox(field: &str, text: &str) -> Result<Mailbox, Problem> {
    text.parse().map_err(|_| {
        Problem::new("notify.address", format!("`{field}` has `{}`, which is no e-mail address.", one_line(text)))
            .advise("Write ops@example.org, or rowbill <ops@example.org>.")
    })
}
