//! Which addresses are pinged, and what is told of the answers.

use rowbill_connector::{Pinger, Signal};
use rowbill_notify::Healthchecks;

use crate::http_server::{Answer, Asked, HttpServer};
use crate::support::{SECRET, hasty, patient, problem};

/// A ULID's number.
const RUN: u128 = 0x0192_1d5e_7a3b_4c5d_8e6f_0123_4567_89ab;
const RID: &str = "rid=01921d5e-7a3b-4c5d-8e6f-0123456789ab";

fn pinger(base: &str) -> Healthchecks {
    Healthchecks::new(&format!("{base}/{SECRET}").into(), patient()).unwrap()
}

fn get(path: &str) -> Asked {
    Asked { method: "GET".to_owned(), path: path.to_owned(), ..Asked::default() }
}

#[tokio::test]
async fn a_run_pings_its_start_and_its_end() {
    let server = HttpServer::status(200, "OK").await;
    let pinger = pinger(&server.url);
    pinger.ping("orders-to_invoices2", RUN, Signal::Start, "").await.unwrap();
    pinger.ping("orders-to_invoices2", RUN, Signal::Success, "").await.unwrap();
    pinger.ping("orders-to_invoices2", 1, Signal::Fail, "3 rows failed\nGröße").await.unwrap();
    let slug = format!("/{SECRET}/orders-to_invoices2");
    let fail = Asked {
        method: "POST".to_owned(),
        path: format!("{slug}/fail?rid=00000000-0000-0000-0000-000000000001"),
        content_type: "text/plain; charset=utf-8".to_owned(),
        body: "3 rows failed\nGröße".to_owned(),
    };
    assert_eq!(server.asked(), [get(&format!("{slug}/start?{RID}")), get(&format!("{slug}?{RID}")), fail]);
}

#[tokio::test]
async fn the_url_keeps_what_it_had() {
    let server = HttpServer::status(201, "Created").await;
    let url = format!("{}/ping/{SECRET}/?create=1", server.url);
    let pinger = Healthchecks::new(&url.into(), patient()).unwrap();
    pinger.ping("orders", RUN, Signal::Start, "").await.unwrap();
    assert_eq!(server.asked(), [get(&format!("/ping/{SECRET}/orders/start?create=1&{RID}"))]);
}

#[tokio::test]
async fn a_name_stays_one_part_of_the_path() {
    let server = HttpServer::status(200, "OK").await;
    for (name, slug) in [("März/a b", "M%C3%A4rz%2Fa%20b"), ("a.b?c#d%", "a%2Eb%3Fc%23d%25"), ("Orders", "Orders")] {
        pinger(&server.url).ping(name, RUN, Signal::Success, "").await.unwrap();
        assert_eq!(server.asked().pop(), Some(get(&format!("/{SECRET}/{slug}?{RID}"))));
    }
    let count = server.asked().len();
    for name in ["", ".", ".."] {
        let problem = problem(pinger(&server.url).ping(name, RUN, Signal::Success, "").await);
        assert_eq!(problem.code, "notify.url");
    }
    assert_eq!(server.asked().len(), count);
}

#[tokio::test]
async fn a_long_body_is_cut_between_letters() {
    let server = HttpServer::status(200, "OK").await;
    pinger(&server.url).ping("orders", RUN, Signal::Fail, &"€".repeat(5000)).await.unwrap();
    assert_eq!(server.asked()[0].body, "€".repeat(3333));
}

#[tokio::test]
async fn a_check_that_is_not_there_is_told() {
    let server = HttpServer::status(404, "not found").await;
    let missing = problem(pinger(&server.url).ping("orders", RUN, Signal::Start, "").await);
    assert_eq!(missing.code, "notify.refused");
    assert!(missing.message.contains("404 (“not found”)"), "{missing:?}");
    assert!(missing.advice.unwrap().contains("?create=1"));
    let other = HttpServer::status(200, "OK").await;
    let moved = HttpServer::start(Answer::Redirect(other.url.clone())).await;
    let moved = problem(pinger(&moved.url).ping("orders", RUN, Signal::Start, "").await);
    assert_eq!((moved.code.as_str(), other.asked().len()), ("notify.refused", 0));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = HttpServer::start(Answer::Silence).await;
    let pinger = Healthchecks::new(&format!("{}/{SECRET}", server.url).into(), hasty()).unwrap();
    let problem = problem(pinger.ping("orders", RUN, Signal::Start, "").await);
    assert_eq!(problem.message, "The health check service gave no answer in 150ms.");
}
