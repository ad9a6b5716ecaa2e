//! The Unix socket beside the ledger: open to the user that the daemon runs as, and to nobody else.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Router, serve::Listener};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::control::{Ask, Control};

/// The kernel takes no longer path of a socket (bytes).
const LONGEST: usize = 100;

/// Where the socket of a ledger is.
pub fn path(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".sock");
    PathBuf::from(name)
}

/// A way to name a socket whose path is too long for the kernel: through its open folder.
pub struct Reach {
    /// The path to use while this lives.
    pub path: PathBuf,
    _folder: Option<std::fs::File>,
}

impl Reach {
    /// Names a socket.
    pub fn new(socket: &Path) -> io::Result<Self> {
        if socket.as_os_str().as_bytes().len() <= LONGEST {
            return Ok(Self { path: socket.to_owned(), _folder: None });
        }
        let folder = std::fs::File::open(socket.parent().unwrap_or(Path::new(".")))?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
        let name = socket.file_name().unwrap_or_default();
        Ok(Self { path: Path::new("/proc/self/fd").join(number.to_string()).join(name), _folder: Some(folder) })
    }
}

/// Offers a daemon to its own user's commands until `closed`; then what was asked before is still answered. Whoever calls
/// this owns the ledger, so a socket that is there already is left over from a crash.
///
/// The socket gets its name when its rights are set: nobody else can be in between.
pub fn serve_socket(
    socket: &Path,
    control: Arc<dyn Control>,
    closed: oneshot::Receiver<()>,
) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
    let folder = socket.parent().unwrap_or(Path::new("."));
    let private = tempfile::Builder::new().prefix(".socket-").tempdir_in(folder)?;
    let draft = private.path().join("s");
    let reach = Reach::new(&draft)?;
    let listener = UnixListener::bind(&reach.path)?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
    let owner = std::fs::metadata(&draft)?.uid();
    std::fs::rename(&draft, socket)?;
    let router = Router::new().route("/v1/ask", post(ask)).with_state(control);
    let closed = async { drop(closed.await) };
    Ok(async move { axum::serve(Own { listener, owner }, router).with_graceful_shutdown(closed).await })
}

/// Takes connections of one user, and of root.
struct Own {
    listener: UnixListener,
    owner: u32,
}

impl Listener for Own {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let is_own = |peer: tokio::net::unix::UCred| peer.uid() == self.owner || peer.uid() == 0;
            if stream.peer_cred().is_ok_and(is_own) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn ask(State(control): State<Arc<dyn Control>>, body: Bytes) -> (StatusCode, String) {
    let Ok(ask) = serde_json::from_slice::<Ask>(&body) else {
        return (StatusCode::BAD_REQUEST, "this daemon does not know that question".to_owned());
    };
    // In a task of its own: it goes on when the one who asked has gone.
    let answer = tokio::spawn(async move { control.answer(ask).await }).await;
    match answer {
        Ok(answer) => (StatusCode::OK, serde_json::to_string(&answer).unwrap_or_default()),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the daemon gave no answer; see its log".to_owned()),
    }
}
