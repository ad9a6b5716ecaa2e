//! `/healthz`, `/readyz` and `/metrics`: for programs that look after the daemon. Nothing can be changed here.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::routing::get;

/// A daemon, as it is looked after.
pub trait Vital: Send + Sync + 'static {
    /// Why it does not work any more, if so: restart it.
    fn ill(&self) -> Option<String>;
    /// Why nothing is sent for now, if so.
    fn not_ready(&self) -> Option<String>;
    /// Its numbers as they are now, as text.
    fn metrics(&self) -> String;
}

/// Listens on a loopback address.
pub async fn listen(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

/// Serves until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, vital: Arc<dyn Vital>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(|| async { "rowbill daemon: /healthz /readyz /metrics\n" }))
        .route("/healthz", get(|State(vital): State<Arc<dyn Vital>>| async move { state(vital.ill()) }))
        .route("/readyz", get(|State(vital): State<Arc<dyn Vital>>| async move { state(vital.not_ready()) }))
        .route("/metrics", get(metrics))
        .with_state(vital);
    axum::serve(listener, router).await
}

fn state(trouble: Option<String>) -> (StatusCode, String) {
    match trouble {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn metrics(State(vital): State<Arc<dyn Vital>>) -> (HeaderMap, String) {
    let form = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    (HeaderMap::from_iter([(header::CONTENT_TYPE, form)]), vital.metrics())
}
