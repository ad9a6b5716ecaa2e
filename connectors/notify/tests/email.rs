//! The mail that leaves, and what is told when it does not.

use std::time::{Duration, Instant};

use rowbill_connector::{Channel, Problem};
use rowbill_notify::{Email, EmailConfig, Security};

use crate::smtp_server::{Answers, HANG_UP, SILENCE, SmtpServer};
use crate::support::{SECRET, closed_port, hasty, mail_to, notice, patient, problem};

async fn tell(config: EmailConfig) -> Result<(), Problem> {
    Email::new(config, patient()).unwrap().tell(&notice("orders fails", &["3 rows: row.not_a_number"])).await
}

/// Tells a server with these answers something, and gives the problem.
async fn refused(answers: Answers) -> (SmtpServer, Problem) {
    let server = SmtpServer::start(answers).await;
    let problem = problem(tell(mail_to(server.port)).await);
    (server, problem)
}

#[tokio::test]
async fn a_notice_is_one_plain_text_mail() {
    let server = SmtpServer::start(&[]).await;
    let mut config = mail_to(server.port);
    config.to.push("Ops Two <two@acme.example>".to_owned());
    let email = Email::new(config, patient()).unwrap();
    assert_eq!(email.name(), "email");
    email.tell(&notice("orders fails", &["3 rows: row.not_a_number", ".", "look at\r\nreport 7"])).await.unwrap();
    assert_eq!(server.verbs(), ["EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA", ".", "QUIT"]);
    let lines = server.lines();
    assert_eq!(lines[0], "EHLO acme.example");
    assert_eq!(lines[2], "MAIL FROM:<rowbill@acme.example>");
    assert_eq!(lines[3..5], ["RCPT TO:<ops@acme.example>", "RCPT TO:<two@acme.example>"]);
    let mail = server.mail();
    for wanted in [
        "From: rowbill <rowbill@acme.example>",
        "To: ops@acme.example, \"Ops Two\" <two@acme.example>",
        "Subject: orders fails",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
        "MIME-Version: 1.0",
    ] {
        assert!(mail.iter().any(|line| line == wanted), "{wanted}: {mail:#?}");
    }
    assert!(mail.iter().any(|line| line.starts_with("Date: ")), "{mail:#?}");
    let is_id = |line: &String| line.starts_with("Message-ID: <") && line.ends_with(".rowbill@acme.example>");
    assert!(mail.iter().any(is_id), "{mail:#?}");
    let body: Vec<&String> = mail.iter().skip_while(|line| !line.is_empty()).skip(1).collect();
    // The second line is a lone dot, doubled on its way.
    assert_eq!(body[..3], ["3 rows: row.not_a_number", "..", "look at report 7"]);
}

#[tokio::test]
async fn a_line_break_in_a_title_makes_no_header() {
    let server = SmtpServer::start(&[]).await;
    let email = Email::new(mail_to(server.port), patient()).unwrap();
    email.tell(&notice("orders\r\nBcc: evil@example.org\r\n\r\nbody\n", &[])).await.unwrap();
    let mail = server.mail();
    assert!(mail.iter().any(|line| line == "Subject: orders Bcc: evil@example.org body"), "{mail:#?}");
    assert!(!mail.iter().any(|line| line.starts_with("Bcc")), "{mail:#?}");
    assert_eq!(server.verbs().iter().filter(|verb| *verb == "RCPT").count(), 1);
}

#[tokio::test]
async fn letters_beyond_ascii_arrive_encoded() {
    let server = SmtpServer::start(&[]).await;
    let mut config = mail_to(server.port);
    config.from = "Rechnung für <rowbill@acme.example>".to_owned();
    Email::new(config, patient()).unwrap().tell(&notice("März schlägt fehl", &["Größe: 10 €"])).await.unwrap();
    let mail = server.mail().join("\n");
    assert!(mail.contains("\nSubject: =?utf-8?b?TcOkcnogc2NobMOkZ3Q=?= fehl\n"), "{mail}");
    assert!(mail.contains("\nContent-Transfer-Encoding: quoted-printable\n"), "{mail}");
    assert!(mail.contains("\nGr=C3=B6=C3=9Fe: 10 =E2=82=AC"), "{mail}");
    assert!(mail.is_ascii(), "{mail}");
}

#[tokio::test]
async fn a_server_without_log_ins_gets_mail_without_one() {
    let server = SmtpServer::start(&[("EHLO", "250 mail.test")]).await;
    let mut config = mail_to(server.port);
    config.login = None;
    tell(config).await.unwrap();
    assert_eq!(server.verbs(), ["EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"]);
}

#[tokio::test]
async fn a_refused_log_in_is_told_without_the_answer() {
    let (server, problem) = refused(&[("AUTH", "535 5.7.8 not you with CANARY-4f7a")]).await;
    assert_eq!(problem.code, "notify.smtp");
    let expected =
        format!("The mail server `127.0.0.1:{}` refused the log-in of `rowbill` with code 535.", server.port);
    assert_eq!(problem.message, expected);
    assert!(problem.advice.unwrap().contains("password"));
    assert_eq!(server.verbs(), ["EHLO", "AUTH"]);
}

#[tokio::test]
async fn a_refused_mail_is_told_with_the_answer() {
    let cases: [(Answers, &str, &str); 6] = [
        (&[("greeting", "554 go away")], "refused the connection with code 554: go away", "host and port"),
        (&[("MAIL", "553 not your address")], "the mail with code 553: not your address", "`from` and `to`"),
        (&[("RCPT", "550 no such user")], "the mail with code 550: no such user", "`from` and `to`"),
        (&[("RCPT", "451 busy")], "the mail with code 451: busy", "another try later"),
        (&[(".", "554 spam of CANARY-4f7a")], "the mail with code 554: spam of [hidden]", "`from` and `to`"),
        (&[("EHLO", "250 mail.test")], "offers no log-in that rowbill knows", "465 or 587"),
    ];
    for (answers, said, advice) in cases {
        let (_, problem) = refused(answers).await;
        assert_eq!(problem.code, "notify.smtp", "{problem:?}");
        assert!(problem.message.contains(said), "{problem:?}");
        assert!(problem.advice.as_ref().unwrap().contains(advice), "{problem:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_or_is_not_there_is_unreachable() {
    let cases: [(Answers, &str); 6] = [
        (&[("greeting", HANG_UP)], "could not be reached"),
        (&[("greeting", "HTTP/1.1 400 Bad Request")], "could not be reached"),
        (&[("EHLO", HANG_UP)], "could not be reached"),
        (&[("AUTH", HANG_UP)], "broke off while rowbill logged in."),
        (&[("DATA", HANG_UP)], "broke off before it had taken the mail"),
        (&[(".", HANG_UP)], "broke off before it had taken the mail"),
    ];
    for (answers, said) in cases {
        let (_, problem) = refused(answers).await;
        assert_eq!(problem.code, "notify.unreachable", "{problem:?}");
        assert!(problem.message.contains(said), "{problem:?}");
    }
    let gone = problem(tell(mail_to(closed_port().await)).await);
    assert_eq!(gone.code, "notify.unreachable");
    assert!(gone.message.contains("could not be reached: Connection refused"), "{gone:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_but_not_a_silent_goodbye() {
    let cases: [(Answers, bool); 4] =
        [(&[("greeting", SILENCE)], false), (&[(".", SILENCE)], false), (&[("QUIT", SILENCE)], true), (&[], true)];
    for (answers, taken) in cases {
        let server = SmtpServer::start(answers).await;
        let timeouts = if taken { patient() } else { hasty() };
        let email = Email::new(mail_to(server.port), timeouts).unwrap();
        let start = Instant::now();
        let told = email.tell(&notice("t", &[])).await;
        assert!(start.elapsed() < Duration::from_secs(10));
        if taken {
            told.unwrap();
        } else {
            let problem = problem(told);
            assert_eq!(problem.code, "notify.unreachable");
            assert!(problem.message.ends_with("did not take the mail in 150ms."), "{problem:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_does_not_encrypt() {
    for (security, code) in [(Security::StartTls, "notify.smtp"), (Security::Tls, "notify.unreachable")] {
        let server = SmtpServer::start(&[]).await;
        let problem = problem(tell(EmailConfig { security, ..mail_to(server.port) }).await);
        assert_eq!(problem.code, code);
        assert!(!server.verbs().iter().any(|verb| verb == "AUTH" || verb == "MAIL"), "{:?}", server.lines());
    }
    let server = SmtpServer::start(&[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 go on")]).await;
    let problem = problem(tell(EmailConfig { security: Security::StartTls, ..mail_to(server.port) }).await);
    assert_eq!(problem.code, "notify.unreachable");
    assert!(!server.lines().iter().any(|line| line.starts_with("AUTH")));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let change = |change: fn(&mut EmailConfig)| {
        let mut config = mail_to(25);
        change(&mut config);
        problem(Email::new(config, patient()))
    };
    let cases = [
        (change(|config| "ops".clone_into(&mut config.from)), "notify.address", "`from` has `ops`"),
        (change(|config| config.to.push("a@b\r\nBcc: c@d".to_owned())), "notify.address", "`to` has `a@b Bcc: c@d`"),
        (change(|config| config.to.clear()), "notify.address", "nobody in `to`"),
        (change(|config| "https://mail".clone_into(&mut config.host)), "notify.address", "`https://mail`"),
        (change(|config| config.host.clear()), "notify.address", "not the name"),
        (change(|config| "mail.acme.example".clone_into(&mut config.host)), "notify.security", "without encryption"),
    ];
    for (problem, code, said) in cases {
        assert_eq!(problem.code, code, "{problem:?}");
        assert!(problem.message.contains(said), "{problem:?}");
    }
    for security in [Security::Tls, Security::StartTls] {
        let config = EmailConfig { host: "mail.acme.example".to_owned(), security, ..mail_to(465) };
        Email::new(config, patient()).unwrap();
    }
    assert!(!format!("{:?}", mail_to(25)).contains(SECRET));
}
