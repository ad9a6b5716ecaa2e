//! What a command has printed, byte for byte.

use std::process::Command;

use crate::support::Project;

pub struct Told {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary and keeps all that it says.
#[track_caller]
pub fn tell(project: &Project, args: &[&str]) -> Told {
    run(project.command(args))
}

#[track_caller]
pub fn run(mut command: Command) -> Told {
    let output = command.env("RUST_BACKTRACE", "full").output().unwrap();
    // No output is cut inside a character, and none is bytes of something else.
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let told =
        Told { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!told.stderr.contains("panicked") && told.code != -1, "{command:?}: {}", told.stderr);
    told
}

impl Told {
    /// Both streams.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Whether a terminal shows this as it stands: it moves no cursor, starts no sequence, turns no line around.
pub fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\n' || !(c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Nothing but text, and no line that pretends to be one of ours.
#[track_caller]
pub fn is_tame(what: &str, text: &str) {
    if let Some(wild) = text.lines().find(|line| !line.chars().all(is_plain)) {
        panic!("{what}: {wild:?}");
    }
    let forged = |line: &&str| {
        ["ERROR forged", "✔ forged", "2026-01-01T00:00:00Z"].iter().any(|start| line.trim_start().starts_with(start))
    };
    if let Some(line) = text.lines().find(forged) {
        panic!("{what}: a forged line: {line:?}");
    }
}

/// Takes the colours out that rowbill itself has put in.
pub fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end.filter(|end| part[*end..].starts_with('m')) {
            Some(end) => plain.push_str(&part[end + 1..]),
            None => plain.extend(["\u{1b}[", part]),
        }
    }
    plain
}
