//! A mail server that answers as it is told, and remembers what it was told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Closes the connection in place of an answer.
pub const HANG_UP: &str = "";
/// Keeps the connection, and says nothing.
pub const SILENCE: &str = "…";

/// What the server says to each verb, unless a test says otherwise; `.` is the end of a mail.
const USUAL: &[(&str, &str)] = &[
    ("greeting", "220 mail.test ready"),
    ("EHLO", "250-mail.test\r\n250 AUTH PLAIN LOGIN"),
    ("AUTH", "235 welcome"),
    ("MAIL", "250 ok"),
    ("RCPT", "250 ok"),
    ("DATA", "354 go on"),
    (".", "250 queued"),
    ("QUIT", "221 bye"),
];

/// Verbs with what is said to them.
pub type Answers = &'static [(&'static str, &'static str)];

pub struct SmtpServer {
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    /// `answers` take the place of the usual ones.
    pub async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = Arc::default();
        let log = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers, Arc::clone(&log)));
            }
        });
        Self { port, lines }
    }

    /// All lines so far, without their ends.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The first words of the commands so far.
    pub fn verbs(&self) -> Vec<String> {
        let verbs = self.lines().into_iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned());
        verbs.filter(|verb| USUAL.iter().any(|(known, _)| known == verb)).collect()
    }

    /// The lines of the one mail, its end left out.
    pub fn mail(&self) -> Vec<String> {
        let lines = self.lines().into_iter().skip_while(|line| line != "DATA").skip(1);
        lines.take_while(|line| line != ".").collect()
    }
}

async fn serve(stream: TcpStream, answers: Answers, log: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut verb = "greeting".to_owned();
    let mut in_mail = false;
    loop {
        if !in_mail || verb == "." {
            let Some(answer) = answers.iter().chain(USUAL).find(|(known, _)| *known == verb) else { return };
            match answer.1 {
                HANG_UP => return,
                SILENCE => std::future::pending::<()>().await,
                answer => stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap(),
            }
            in_mail = verb == "DATA" && answer.1.starts_with("354");
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        verb = line.split(' ').next().unwrap_or_default().to_owned();
        log.lock().unwrap().push(line);
    }
}
