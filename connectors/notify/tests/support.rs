//! What the tests tell, and how long they wait.

use std::time::Duration;

use rowbill_connector::{Notice, Problem};
use rowbill_notify::{EmailConfig, MailLogin, Security, Timeouts, Webhook};
use tokio::net::TcpListener;

/// The secret part of every URL, and every password.
pub const SECRET: &str = "CANARY-4f7a";

/// Enough for a slow machine.
pub fn patient() -> Timeouts {
    Timeouts::default()
}

/// So short that a silent server is given up at once.
pub fn hasty() -> Timeouts {
    Timeouts { connect: Duration::from_secs(10), whole: Duration::from_millis(150) }
}

pub fn notice(title: &str, lines: &[&str]) -> Notice {
    let lines = lines.iter().map(|&line| line.to_owned()).collect();
    Notice { title: title.to_owned(), lines, trouble: true }
}

pub fn webhook(base: &str) -> Webhook {
    Webhook::new(&format!("{base}/services/T0/{SECRET}").into(), patient()).unwrap()
}

/// Mail without encryption to a server on loopback, with a log-in.
pub fn mail_to(port: u16) -> EmailConfig {
    EmailConfig {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        login: Some(MailLogin { user: "rowbill".to_owned(), password: SECRET.into() }),
        from: "rowbill <rowbill@acme.example>".to_owned(),
        to: vec!["ops@acme.example".to_owned()],
    }
}

/// A port where nobody listens.
pub async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Gives the problem, after a look that it tells no secret and says what to do.
pub fn problem<T: std::fmt::Debug>(result: Result<T, Problem>) -> Problem {
    let problem = result.unwrap_err();
    let text = format!("{problem:?} {problem}");
    assert!(!text.contains("CANARY"), "{text}");
    assert!(problem.advice.is_some(), "{text}");
    problem
}
