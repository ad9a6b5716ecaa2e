//! What a chat gets, and what is told of its answers.

use std::time::{Duration, Instant};

use rowbill_connector::{Channel, Notice};
use rowbill_notify::Webhook;
use tokio::net::TcpListener;

use crate::http_server::{Answer, Asked, HttpServer};
use crate::support::{SECRET, closed_port, hasty, notice, problem, webhook};

#[tokio::test]
async fn a_notice_arrives_as_json_that_slack_takes() {
    let server = HttpServer::status(200, "ok").await;
    let bad = notice("orders fails: 3 of 7 <!channel>", &["3 rows: row.not_a_number & others", "Größe\tok"]);
    let good = Notice { title: "orders works again".to_owned(), lines: Vec::new(), trouble: false };
    let webhook = webhook(&server.url);
    assert_eq!(webhook.name(), "webhook");
    webhook.tell(&bad).await.unwrap();
    webhook.tell(&good).await.unwrap();
    let asked = |body: &str| Asked {
        method: "POST".to_owned(),
        path: format!("/services/T0/{SECRET}"),
        content_type: "application/json".to_owned(),
        body: body.to_owned(),
    };
    let bad =
        r#"{"text":"⚠️ *orders fails: 3 of 7 &lt;!channel&gt;*\n3 rows: row.not_a_number &amp; others\nGröße ok"}"#;
    assert_eq!(server.asked(), [asked(bad), asked(r#"{"text":"✅ *orders works again*"}"#)]);
}

#[tokio::test]
async fn every_2xx_says_that_it_was_taken() {
    for status in [200, 201, 202, 204] {
        webhook(&HttpServer::status(status, "").await.url).tell(&notice("t", &[])).await.unwrap();
    }
}

#[tokio::test]
async fn a_title_stays_one_line_in_bold() {
    let server = HttpServer::status(200, "ok").await;
    webhook(&server.url).tell(&notice("one\r\ntwo\n", &["a\nb"])).await.unwrap();
    assert_eq!(server.asked()[0].body, r#"{"text":"⚠️ *one two*\na b"}"#);
}

#[tokio::test]
async fn a_long_notice_is_cut_and_says_by_how_much() {
    let server = HttpServer::status(200, "ok").await;
    let lines = vec!["0123456789".repeat(20); 40];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    webhook(&server.url).tell(&notice("orders fails", &lines)).await.unwrap();
    let body = server.asked()[0].body.clone();
    assert!(body.ends_with(r#"\nand 26 more"}"#), "{body}");
    assert!(body.chars().count() < 3050, "{body}");
}

#[tokio::test]
async fn a_refusal_says_its_status_and_what_to_do() {
    let cases = [
        (404, "no_service", "404 (“no_service”)", "new incoming webhook"),
        (403, "invalid_token\n", "403 (“invalid_token”)", "new incoming webhook"),
        (429, "", "status 429 and", "takes no more messages"),
        (500, "<html>", "status 500 and", "trouble is at the service"),
        // These may be, or hold, a part of the URL.
        (404, "services", "status 404 and", "new incoming webhook"),
        (404, "Cannot POST /services/T0/CANARY-4f7a", "status 404 and", "new incoming webhook"),
    ];
    for (status, body, said, advice) in cases {
        let server = HttpServer::status(status, body).await;
        let problem = problem(webhook(&server.url).tell(&notice("t", &[])).await);
        assert_eq!(problem.code, "notify.refused");
        assert!(problem.message.contains(said), "{problem:?}");
        assert!(problem.advice.as_ref().unwrap().contains(advice), "{problem:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = HttpServer::status(200, "ok").await;
    let server = HttpServer::start(Answer::Redirect(format!("{}/{SECRET}", other.url))).await;
    let problem = problem(webhook(&server.url).tell(&notice("t", &[])).await);
    assert_eq!((problem.code.as_str(), server.asked().len()), ("notify.refused", 1));
    assert!(problem.message.contains("307") && problem.advice.unwrap().contains("redirect"));
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_or_hangs_up_is_unreachable() {
    let closed = format!("http://127.0.0.1:{}", closed_port().await);
    let gone = problem(webhook(&closed).tell(&notice("t", &[])).await);
    assert_eq!(gone.code, "notify.unreachable");
    assert!(gone.message.contains("could not be reached"), "{gone:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let cut = problem(webhook(&url).tell(&notice("t", &[])).await);
    assert_eq!(cut.code, "notify.unreachable");
    assert!(cut.message.contains("broke the connection"), "{cut:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = HttpServer::start(Answer::Silence).await;
    let webhook = Webhook::new(&format!("{}/{SECRET}", server.url).into(), hasty()).unwrap();
    let start = Instant::now();
    let problem = problem(webhook.tell(&notice("t", &[])).await);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(problem.message, "The webhook gave no answer in 150ms.");
    assert_eq!((problem.code.as_str(), server.asked().len()), ("notify.unreachable", 1));
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_by_https() {
    let server = HttpServer::status(200, "ok").await;
    let url = server.url.replace("http://127.0.0.1", "https://localhost");
    let problem = problem(webhook(&url).tell(&notice("t", &[])).await);
    assert_eq!(problem.code, "notify.unreachable");
    assert!(problem.message.contains("could not be reached"), "{problem:?}");
    assert!(server.asked().is_empty());
}
