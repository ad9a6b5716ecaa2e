//! An HTTP server that answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub content_type: String,
    pub body: String,
}

/// Every answer of the server.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16, String),
    Redirect(String),
    Silence,
}

pub struct HttpServer {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Shared = (Answer, Arc<Mutex<Vec<Asked>>>);

impl HttpServer {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let router = Router::new().fallback(serve).with_state((answer, Arc::clone(&asked)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    pub async fn status(status: u16, body: &str) -> Self {
        Self::start(Answer::Status(status, body.to_owned())).await
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(State((answer, log)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    let content_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    log.lock().unwrap().push(Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        content_type: content_type.unwrap_or_default(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    match answer {
        Answer::Status(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Answer::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
