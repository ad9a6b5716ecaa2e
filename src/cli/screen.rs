//! What is printed: results to stdout, all else to stderr; control characters of rows never reach a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use rowbill_connector::Problem;
use serde_json::{Value, json};

use super::args::{Color, Global, Output};
use super::tame;
pub use super::tame::harmless;
use crate::config::secret::{masked, masked_keys};

/// Where a command prints.
pub struct Screen {
    output: Output,
    quiet: bool,
}

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

impl Screen {
    /// A screen as the command line asks for it.
    pub fn new(global: &Global) -> Self {
        match global.color {
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
            Color::Auto => {}
        }
        Self { output: global.output, quiet: global.quiet }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        matches!(self.output, Output::Json | Output::Jsonl)
    }

    /// Whether results are one JSON value per line.
    pub fn is_jsonl(&self) -> bool {
        self.output == Output::Jsonl
    }

    /// A line of the result.
    #[expect(clippy::unused_self, reason = "a screen is asked to print, wherever its lines go")]
    pub fn line(&self, text: impl AsRef<str>) {
        // A reader that went away is no reason to fail: the work is done either way.
        let _ = writeln!(anstream::stdout(), "{}", text.as_ref());
    }

    /// A line for people, not part of the result.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
        }
    }

    /// A JSON value as the result.
    pub fn json(&self, value: &Value) {
        let text =
            if self.is_jsonl() { value.to_string() } else { serde_json::to_string_pretty(value).unwrap_or_default() };
        let _ = writeln!(anstream::stdout(), "{}", tame::json(&text));
    }

    /// A refusal: nothing was sent.
    pub fn refused(&self, exit: u8, problems: &[Problem], root: &std::path::Path) {
        // What was typed is quoted, and it may be a key that was pasted into the wrong place.
        let problems: &[Problem] = &problems.iter().map(without_keys).collect::<Vec<_>>();
        if self.is_json() {
            self.json(&json!({ "v": 1, "result": "refused", "exit": exit, "problems": problems }));
        } else {
            for problem in problems {
                let _ = write!(anstream::stderr(), "{}", render(problem, root));
            }
            let count = problems.len();
            let nothing =
                if problems.iter().any(|problem| problem.code == "daemon.gone") { "" } else { "; nothing was sent" };
            self.say(format!("{count} {}{nothing}", if count == 1 { "problem" } else { "problems" }));
        }
    }

    /// One problem, for people.
    #[expect(clippy::unused_self, reason = "a screen is asked to print, wherever its lines go")]
    pub fn problem(&self, problem: &Problem, root: &std::path::Path) {
        let _ = write!(anstream::stderr(), "{}", render(problem, root));
    }
}

/// What is wrong with the command line, or the help that was asked for.
pub fn mistyped(error: &clap::Error) {
    let plain = error.render().to_string();
    let masked = masked_keys(&plain);
    // A key that was pasted into the command line is not said again.
    let _ = if masked == plain { error.print() } else { write!(anstream::stderr(), "{masked}") };
}

/// Whether a person is there to be asked.
pub fn can_ask(global: &Global) -> bool {
    !global.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether a person types this word, as a yes that nobody gives by mistake.
pub fn typed(word: &str, what: &str) -> bool {
    eprint!("type \"{word}\" {what}: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == word
}

/// A sign and a word, in colour.
pub fn good(text: &str) -> String {
    format!("{GREEN}{text}{GREEN:#}")
}

/// A sign and a word, in colour.
pub fn bad(text: &str) -> String {
    format!("{RED}{text}{RED:#}")
}

/// A sign and a word, in colour.
pub fn unsure(text: &str) -> String {
    format!("{YELLOW}{text}{YELLOW:#}")
}

/// What matters less.
pub fn dim(text: &str) -> String {
    format!("{DIM}{text}{DIM:#}")
}

/// What matters more.
pub fn bold(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

fn without_keys(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    problem.message = masked(&problem.message);
    problem.advice = problem.advice.map(|advice| masked_keys(&advice));
    if let Some(place) = &mut problem.place {
        place.file = place.file.take().map(|file| masked_keys(&file));
    }
    problem
}

/// A problem with the lines it is about.
fn render(problem: &Problem, root: &std::path::Path) -> String {
    let mut out = format!("{} {}\n", bad(&format!("✘ {}:", problem.code)), harmless(&problem.message));
    if let Some(place) = &problem.place {
        let mut at = place.file.clone().or(place.source.clone()).unwrap_or_default();
        if let Some(line) = place.line.or(place.row) {
            at = format!("{at}:{line}");
        }
        if let Some(column) = place.column {
            at = format!("{at}:{column}");
        }
        if let Some(cell) = &place.cell {
            at = format!("{at} ({cell})");
        }
        if let Some(byte) = place.byte {
            at = format!("{at}, byte {byte}");
        }
        let _ = writeln!(out, "  {} {}", dim("╭─"), harmless(&at));
        out.push_str(&snippet(place, root));
    }
    if let Some(advice) = &problem.advice {
        let _ = writeln!(out, "  {} {}", dim("help:"), harmless(advice));
    }
    if let Some(id) = &problem.request_id {
        let _ = writeln!(out, "  {} {}", dim("request:"), harmless(id));
    }
    out.push('\n');
    out
}

/// The line of a configuration file and the one before it, with every key masked.
fn snippet(place: &rowbill_connector::Place, root: &std::path::Path) -> String {
    let (Some(file), Some(line), Some(column)) = (&place.file, place.line, place.column) else { return String::new() };
    let Ok(text) = std::fs::read_to_string(root.join(file)) else { return String::new() };
    let text = masked(&text);
    let mut out = String::new();
    let line = usize::try_from(line).unwrap_or(1);
    for (index, content) in text.lines().enumerate().skip(line.saturating_sub(2)).take(if line > 1 { 2 } else { 1 }) {
        let _ = writeln!(out, "  {} {}", dim(&format!("{:>4} │", index + 1)), harmless(content));
    }
    let pad = " ".repeat(usize::try_from(column).unwrap_or(1).saturating_sub(1));
    let _ = writeln!(out, "  {} {pad}{}", dim("     │"), unsure("▲"));
    out
}
