//! The webhook receiver, on a listener of its own: `POST /webhooks/stripe/ACCOUNT`.
//!
//! Whoever reaches it can do nothing but deliver, and only what is signed is taken. A delivery is answered with 200 once
//! it is in the ledger; what it means is found out afterwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rowbill_connector::Problem;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The largest delivery. Stripe's are a few kilobytes.
const LARGEST: usize = 1024 * 1024;
/// Who is slower than this has no delivery of Stripe's.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection lives so long, however busy it is.
const LIFE: Duration = Duration::from_mins(1);
/// So many connections are open at once; more wait.
const MOST: usize = 512;
/// After a connection could not be taken, as when all file handles are in use.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes deliveries.
#[async_trait]
pub trait Receiver: Send + Sync + 'static {
    /// Takes a delivery to an account: when it returns, the delivery is durable.
    async fn take(&self, account: &str, signature: &str, body: &[u8]) -> Result<(), Refusal>;
}

/// Why a delivery is not taken.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such account, or it takes none.
    Unknown,
    /// It is not Stripe's, or not for this account.
    Bad(Problem),
    /// Not now: Stripe delivers it again.
    Later(Problem),
}

/// Listens.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, receiver: Arc<dyn Receiver>) {
    let router = Router::new()
        .route("/webhooks/stripe/{account}", post(take))
        .fallback(any(|| async { StatusCode::NOT_FOUND }))
        .with_state(receiver);
    let open = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(LIFE, connection(stream, router)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // What goes wrong on a connection is its other end's business.
    let _ = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

async fn take(
    State(receiver): State<Arc<dyn Receiver>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, &'static str) {
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, "too large, or broken off\n"),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "too slow\n"),
    };
    // A stranger learns as little as can be; the log says more.
    match receiver.take(&account, signature, &body).await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(Refusal::Unknown) => (StatusCode::NOT_FOUND, "not found\n"),
        Err(Refusal::Bad(_)) => (StatusCode::BAD_REQUEST, "refused\n"),
        Err(Refusal::Later(_)) => (StatusCode::SERVICE_UNAVAILABLE, "later\n"),
    }
}
