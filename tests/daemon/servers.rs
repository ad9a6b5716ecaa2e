//! Servers on loopback that remember what they were told: a chat or a health check, a mail server, systemd.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use crate::support::{RUNTIME, journal};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Path and query.
    pub path: String,
    pub body: String,
}

type Shared = (StatusCode, Arc<Mutex<Vec<Asked>>>);

/// Answers every request with the same status.
pub struct HttpServer {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl HttpServer {
    pub fn start(status: u16) -> Self {
        RUNTIME.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let asked = Arc::default();
            let shared: Shared = (StatusCode::from_u16(status).unwrap(), Arc::clone(&asked));
            let router = Router::new().fallback(remember).with_state(shared);
            tokio::spawn(async move { axum::serve(listener, router).await });
            Self { url, asked }
        })
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits for so many requests, and gives the last of them.
    #[track_caller]
    pub fn nth(&self, count: usize) -> Asked {
        journal::until("a request", || self.asked().len() >= count);
        self.asked()[count - 1].clone()
    }
}

async fn remember(State((status, asked)): State<Shared>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    asked.lock().unwrap().push(Asked { path: parts.uri.to_string(), body });
    status
}

/// A mail server that takes everything.
pub struct MailServer {
    pub port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::default();
        let kept = Arc::clone(&mails);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || take_mails(stream, &kept));
            }
        });
        Self { port, mails }
    }

    /// The mails so far, with their headers.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn take_mails(stream: TcpStream, mails: &Mutex<Vec<String>>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    out.write_all(b"220 mail.test\r\n").ok()?;
    while let Some(line) = lines.next() {
        if line == "DATA" {
            out.write_all(b"354 go on\r\n").ok()?;
            let mail: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
            mails.lock().unwrap().push(mail.join("\n"));
        }
        out.write_all(b"250 ok\r\n").ok()?;
    }
    None
}

/// What systemd is told.
pub struct Systemd {
    pub path: PathBuf,
    socket: UnixDatagram,
    told: Mutex<Vec<String>>,
}

impl Systemd {
    pub fn start(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self { path, socket, told: Mutex::default() }
    }

    /// Waits for a message of which this is true, after those that were waited for before.
    #[track_caller]
    pub fn until(&self, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut bytes = [0; 4096];
        loop {
            assert!(Instant::now() < deadline, "systemd was told {:#?}", self.told);
            let Ok(length) = self.socket.recv(&mut bytes) else { continue };
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            self.told.lock().unwrap().push(text.clone());
            if is_it(&text) {
                return text;
            }
        }
    }
}
