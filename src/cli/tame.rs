//! Text of rows, files and answers, made harmless for a terminal; a JSON value stays the same value.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Text that moves no cursor, ends no line and turns none around.
pub fn harmless(text: &str) -> String {
    text.chars().flat_map(|c| if is_wild(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Control characters, ends of lines and paragraphs, and marks that change the direction of what follows.
fn is_wild(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON with every such character escaped: serde leaves those above the space as they are. All of them stand inside
/// texts.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_wild(c) && c > ' ' {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON on its way out, whose texts are written whole.
pub struct Json<W>(pub W);

impl<W: Write> Write for Json<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(json(text).as_bytes())?,
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{harmless, json};

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(harmless("a\u{1b}[2J\u{9b}2J\u{202e}\n"), "a\\u{1b}[2J\\u{9b}2J\\u{202e}\\n");
        assert_eq!(harmless("Zoë 👩‍👩‍👧"), "Zoë 👩‍👩‍👧");
    }

    #[test]
    fn json_is_the_same_value() {
        let value = serde_json::json!({ "a\u{7f}": ["\u{9b}\u{202e}\u{2028}\n\u{1b}Zoë"] });
        let told = json(&value.to_string());
        assert!(told.chars().all(|c| !super::is_wild(c)), "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap(), value);
    }
}
