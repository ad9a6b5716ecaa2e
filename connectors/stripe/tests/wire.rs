//! What goes over the wire, and what broken answers mean.

use rowbill_connector::{Filter, Request, SendError, Target};
use rowbill_stripe::StripeTarget;

use crate::scripted::{Reply, Scripted};
use crate::support::{KEY, config, customer, key, send, target};

fn ok() -> Reply {
    Reply::json(200, &["Idempotent-Replayed: true"], r#"{"id":"cus_1","object":"customer","livemode":false}"#)
}

#[tokio::test]
async fn a_request_is_the_stored_bytes_under_our_headers() {
    let server = Scripted::start(vec![ok()]).await;
    let mut config = config(&server.url);
    config.connected_account = Some("acct_1".to_owned());
    let target = StripeTarget::new(config).unwrap();
    let (_, receipt) = send(&target, &customer("op1", "ann@example.org"), "op1").await;
    assert!(receipt.unwrap().replayed);
    let asked = server.asked().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "email=ann%40example.org&metadata[rowbill_op]=op1");
    let head: Vec<_> = head.lines().map(|line| line.split_once(": ").map_or(line.to_owned(), lower)).collect();
    let wanted = [
        "POST /v1/customers HTTP/1.1".to_owned(),
        format!("authorization: Bearer {KEY}"),
        format!("stripe-version: {}", rowbill_stripe_spec::VERSION),
        "stripe-account: acct_1".to_owned(),
        "idempotency-key: rowbill-1-op1-0".to_owned(),
        format!("user-agent: rowbill/{}", env!("CARGO_PKG_VERSION")),
        "content-type: application/x-www-form-urlencoded".to_owned(),
    ];
    for line in wanted {
        assert!(head.contains(&line), "{line} in {head:#?}");
    }
}

fn lower((name, value): (&str, &str)) -> String {
    format!("{}: {value}", name.to_lowercase())
}

#[tokio::test]
async fn a_send_is_one_request_whatever_comes_back() {
    let cut = Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":\"cus_1\"".to_owned());
    let cases = [
        (Reply::Close, "open stripe.answer_cut"),
        (cut, "open stripe.answer_cut"),
        (Reply::Bytes("nonsense\r\n\r\n".to_owned()), "open stripe.answer_cut"),
        (Reply::json(500, &[], "{}"), "unknown stripe.server_error"),
        (Reply::json(429, &["Retry-After: 2"], "{}"), "again stripe.rate_limit"),
        (Reply::json(307, &["Location: /v1/elsewhere"], ""), "unknown stripe.answer_foreign"),
        (Reply::json(200, &[], r#"{"object":"customer"}"#), "unknown stripe.answer_unreadable"),
        (Reply::json(200, &[], r#"{"id":"cus_1","livemode":true}"#), "halt stripe.livemode_mismatch"),
    ];
    for (reply, wanted) in cases {
        let server = Scripted::start(vec![reply.clone()]).await;
        let (_, result) = send(&target(&server.url), &customer("op1", "a@b.c"), "op1").await;
        assert_eq!(told(&result.unwrap_err()), wanted, "{reply:?}");
        assert_eq!(server.asked().len(), 1, "{reply:?}");
    }
}

fn told(error: &SendError) -> String {
    let what = match error {
        SendError::Refused(_) => "refused",
        SendError::NotSent { open: true, .. } => "open",
        SendError::NotSent { .. } => "again",
        SendError::Unknown(_) => "unknown",
        SendError::Halt(_) => "halt",
    };
    format!("{what} {}", error.problem().code)
}

#[tokio::test]
async fn nobody_at_home_means_the_same_request_again() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (_, result) = send(&target(&url), &customer("op1", "a@b.c"), "op1").await;
    assert_eq!(told(&result.unwrap_err()), "again stripe.connection");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_after_a_minute() {
    let server = Scripted::start(vec![Reply::Silence]).await;
    let target = target(&server.url);
    let start = tokio::time::Instant::now();
    let (_, result) = send(&target, &customer("op1", "a@b.c"), "op1").await;
    assert!(matches!(result, Err(SendError::NotSent { wait: None, .. })), "{result:?}");
    assert!(start.elapsed().as_secs() <= 61, "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_id_that_would_change_the_endpoint_is_not_sent() {
    let server = Scripted::start(vec![ok()]).await;
    let target = target(&server.url);
    for path in
        ["/v1/customers/", "/v1/customers/..", "/v1/invoices//finalize", "/v1/customers/%2E%2E/x", "/other", "/v1/a?b"]
    {
        let request =
            Request { operation: "POST /v1/customers/{customer}".to_owned(), path: path.to_owned(), body: vec![] };
        let error = target.send(&request, &key("op1")).await.unwrap_err();
        assert_eq!(told(&error), "refused stripe.path", "{path}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_read_is_repeated_until_it_gets_through() {
    let list = r#"{"object":"list","data":[{"id":"cus_1","object":"customer","livemode":false}],"has_more":false}"#;
    let replies = vec![Reply::json(500, &[], "{}"), Reply::Close, Reply::json(200, &[], list)];
    let server = Scripted::start(replies).await;
    let filter = Filter { email: Some("a+b@c.d".to_owned()), at_most: Some(3), ..Filter::default() };
    let found = target(&server.url).list("customer", &filter).await.unwrap();
    assert_eq!((found.len(), found[0].id.as_str()), (1, "cus_1"));
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[2].starts_with("GET /v1/customers?email=a%2Bb%40c.d&limit=3 HTTP"), "{}", asked[2]);
    assert!(!asked[2].to_lowercase().contains("idempotency-key"));
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error() {
    let page = r#"{"data":[{"id":"cus_1"}],"has_more":true}"#;
    let server = Scripted::start(vec![Reply::json(200, &[], page)]).await;
    let error = target(&server.url).list("customer", &Filter::default()).await.unwrap_err();
    assert_eq!((told(&error).as_str(), server.asked().len()), ("unknown stripe.list_endless", 2));
}

#[tokio::test]
async fn an_object_of_the_other_mode_halts_lists_too() {
    let page = r#"{"data":[{"id":"cus_1","livemode":true}],"has_more":false}"#;
    let server = Scripted::start(vec![Reply::json(200, &[], page)]).await;
    let error = target(&server.url).list("customer", &Filter::default()).await.unwrap_err();
    assert_eq!(told(&error), "halt stripe.livemode_mismatch");
}
