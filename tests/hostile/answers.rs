//! A Stripe that answers with hostile words, ids and headers, and one that says back what it was told.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::told::{Told, is_tame, run, without_colours};
use crate::support::{Project, RUNTIME, samples};

const EVIL: &str = "a\u{1b}[2J\u{9b}2J\u{7}\u{202e}\u{2028}\u{0}\rERROR forged\nERROR forged";

/// Answers everything with one status and body; `KEY` in the body becomes what stood behind `Bearer`.
pub fn server(status: u16, body: &Value) -> String {
    let state = (StatusCode::from_u16(status).unwrap(), body.to_string());
    RUNTIME.block_on(async {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    })
}

async fn answer(State((status, body)): State<(StatusCode, String)>, request: Request) -> Response {
    let key = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = key.trim_start_matches("Bearer ").to_owned();
    // Lists are empty, so that a run begins.
    let is_read = request.method() == "GET" && status != StatusCode::UNAUTHORIZED;
    let list = json!({ "object": "list", "data": [], "has_more": false }).to_string();
    let (status, body) = if is_read { (StatusCode::OK, list) } else { (status, body.replace("KEY", &key)) };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    // Escape sequences may stand in no header, other bytes may.
    let id = HeaderValue::from_bytes(b"req_\x9b2J\t").unwrap();
    response.headers_mut().insert("request-id", id);
    response
}

/// A project whose Stripe is that server.
pub fn project(url: &str) -> Project {
    let project = Project::new();
    let own = project.stripe.url();
    project.edit("rowbill.yaml", &own, url);
    let write_back = "write_back: { status: S, problem: P, stripe_id: I }";
    project.mapping("customers", &samples::CUSTOMERS.replace("write_back:", &format!("{write_back} #")));
    project.csv("customers", &samples::customers(2));
    project
}

fn commands(project: &Project) -> Vec<Told> {
    let list: [&[&str]; 7] = [
        &["run-now", "customers"],
        &["rows", "customers"],
        &["rows", "customers", "--failed"],
        &["runs"],
        &["send-test", "customers"],
        &["validate", "--online"],
        &["doctor"],
    ];
    list.map(|args| run(project.command(&[args, &["--color=always", "-vv"]].concat()))).into()
}

#[test]
fn what_stripe_says_is_printed_as_plain_text() {
    let error = |kind: &str| json!({ "error": { "type": kind, "code": EVIL, "param": EVIL, "message": EVIL } });
    let object = json!({ "id": EVIL, "object": EVIL, "livemode": false, "status": EVIL, "created": 1 });
    for (status, body, code) in [
        (400, error("invalid_request_error"), 3),
        (402, error(EVIL), 3),
        (403, error(EVIL), 12),
        (401, error(EVIL), 12),
        (200, object, 0),
    ] {
        let project = project(&server(status, &body));
        let told = commands(&project);
        assert_eq!(told[0].code, code, "{status}: {}", told[0].all());
        for told in &told {
            is_tame(&status.to_string(), &without_colours(&told.all()));
        }
        let json = run(project.command(&["rows", "customers", "-o", "json"])).stdout;
        let rows: Value = serde_json::from_str(&json).unwrap();
        if code == 3 {
            let message = rows["rows"][0]["problem"]["message"].as_str().unwrap();
            assert!(message.starts_with(EVIL), "verbatim: {message:?}");
        }
    }
}

/// A message that begins like a formula becomes none in the results file; nor does an id.
#[test]
fn what_stripe_says_is_no_formula_in_the_results_file() {
    for start in ["=1+1", "+1+1", "-1+1", "@A1", "\t=1", "\r=1", "\u{0}=1"] {
        let error = json!({ "error": { "type": "card_error", "message": start } });
        let object = json!({ "id": start, "object": "customer", "livemode": false, "created": 1 });
        for (status, body, cell) in [(402, error, 4), (200, object, 5)] {
            let project = project(&server(status, &body));
            run(project.command(&["run-now", "customers"]));
            let results = project.read("data/customers.results.csv");
            let mut reader = csv::Reader::from_reader(results.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(record[cell], format!("'{start}"), "{status} {results:?}");
        }
    }
}
