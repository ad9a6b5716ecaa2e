//! The HTTP side: requests come in, answers go out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin;
use crate::answer::Answer;
use crate::engine::{Arrival, Engine};
use crate::refusal::Refusal;
use crate::wire::{Doorway, Wire};

const LARGEST_BODY: usize = 4 << 20;

/// A whole answer.
type Whole = axum::http::Response<Bytes>;

/// Serves until told to stop.
pub(crate) async fn serve(listener: TcpListener, engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    let service = Router::new().fallback(handle).with_state(engine).into_make_service_with_connect_info::<Wire>();
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    // Serving ends only when it is told to.
    let _ = axum::serve(Doorway(listener), service).with_graceful_shutdown(stopped).await;
}

async fn handle(State(engine): State<Arc<Engine>>, ConnectInfo(wire): ConnectInfo<Wire>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return response(&engine, Refusal::new(413, "Request body is too large.").into()).map(Body::from);
    };
    match answer(engine, axum::http::Request::from_parts(head, body)).await {
        Some(response) => response.map(Body::from),
        None => wire.cut(),
    }
}

/// Answers a request; `None` means that the connection is to be closed without an answer.
pub(crate) async fn answer(engine: Arc<Engine>, request: axum::http::Request<Bytes>) -> Option<Whole> {
    let (head, body) = request.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let arrival = Arrival {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
        authorization: text("authorization"),
        key: text("idempotency-key"),
        version: text("stripe-version"),
        account: text("stripe-account"),
    };
    if let Some(answer) = admin::answer(&engine, &arrival) {
        return Some(response(&engine, answer));
    }
    Arc::clone(&engine).respond(arrival).await.map(|answer| response(&engine, answer))
}

fn response(engine: &Engine, answer: Answer) -> Whole {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name, value: &str| {
        // A key that came in as a header may go out as one.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::DATE, &httpdate::fmt_http_date(engine.clock.now()));
    for (name, value) in &answer.headers {
        set(HeaderName::from_static(name), value);
    }
    let mut response = Whole::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// Binds a loopback address; the sandbox must not be reachable from outside.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    if !addr.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the sandbox listens on loopback addresses only"));
    }
    let listener = std::net::TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
