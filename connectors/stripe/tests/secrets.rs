//! The key shows up nowhere.

use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use rowbill_connector::{Filter, Target};
use rowbill_stripe::StripeTarget;

use crate::scripted::{Reply, Scripted};
use crate::support::{KEY, config, customer, send, target};

fn shows_no_key(what: &impl Debug) {
    let text = format!("{what:?} {what:#?}");
    assert!(!text.contains(KEY) && !text.contains("CANARY"), "{text}");
}

#[tokio::test]
async fn neither_settings_nor_errors_show_the_key() {
    let quoting = |status| {
        let body = format!(r#"{{"error":{{"type":"invalid_request_error","message":"Bad: {KEY}","code":"x"}}}}"#);
        Reply::json(status, &["Request-Id: req_1"], &body)
    };
    let replies = vec![quoting(401), quoting(400), quoting(403), quoting(500), quoting(429), Reply::Close];
    let count = replies.len();
    let server = Scripted::start(replies).await;
    let target = target(&server.url);
    shows_no_key(&config(&server.url));
    shows_no_key(&target);
    for _ in 0..count {
        let (request, result) = send(&target, &customer("op1", "a@b.c"), "op1").await;
        shows_no_key(&request);
        let error = result.unwrap_err();
        shows_no_key(&error);
        assert!(!error.problem().message.contains("a@b.c"), "{error:?}");
    }
    shows_no_key(&target.link("cus_1"));
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_has_neither_the_key_nor_what_was_sent() {
    let written = Written::default();
    let writer = written.clone();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    // For the whole process: a subscriber of one thread misses what another thread's log call has just been asked about.
    tracing::subscriber::set_global_default(log.with_writer(move || writer.clone()).finish()).unwrap();
    let page = Reply::json(200, &[], r#"{"data":[],"has_more":false}"#);
    let replies = vec![Reply::json(500, &["Request-Id: req_1"], "{}"), Reply::Close, page];
    let server = Scripted::start(replies).await;
    let target = target(&server.url);
    for _ in 0..2 {
        let _ = send(&target, &customer("op1", "ann@canary.example"), "op1").await;
    }
    let filter = Filter { email: Some("ann@canary.example".to_owned()), ..Filter::default() };
    target.list("customer", &filter).await.unwrap();
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for wanted in ["POST /v1/customers", "req_1", "stripe.answer_cut", "GET /v1/customers"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("CANARY") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_lost_list_does_not_tell_whom_it_asked_for() {
    let filter = Filter { email: Some("ann@canary.example".to_owned()), ..Filter::default() };
    let error = target("http://127.0.0.1:1").list("customer", &filter).await.unwrap_err();
    assert_eq!(error.problem().code, "stripe.connection");
    assert!(!error.problem().message.contains("canary"), "{error:?}");
}

#[test]
fn settings_that_are_refused_do_not_show_it_either() {
    let mut live = config("http://127.0.0.1:1");
    live.live = true;
    let mut stranger = config("https://evil.example");
    stranger.account = "acme".to_owned();
    let mut header = config("http://127.0.0.1:1");
    header.connected_account = Some("acct\n1".to_owned());
    for (config, code) in
        [(live, "stripe.key_mode"), (stranger, "stripe.api_base"), (header, "stripe.connected_account")]
    {
        let problem = StripeTarget::new(config).unwrap_err();
        assert_eq!(problem.code, code);
        shows_no_key(&problem);
    }
}
