//! A configuration file's text, and how problems are placed in it.

use rowbill_connector::{Place, Problem};

use super::yaml::At;

/// One file as it was read.
#[derive(Clone, Debug)]
pub struct File {
    /// The path for messages, relative to the project.
    pub name: String,
    /// The text.
    pub text: String,
    /// Whether characters and bytes are the same: then offsets need no search.
    ascii: bool,
}

impl File {
    /// A file with this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let ascii = text.is_ascii();
        Self { name: name.into(), text, ascii }
    }

    /// Line and column (in characters) of a byte offset, both from 1.
    pub fn position(&self, byte: usize) -> (u64, u64) {
        let before = &self.text[..self.floor(byte)];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line as u64, before[start..].chars().count() as u64 + 1)
    }

    /// Puts a place on a problem.
    pub fn place(&self, at: At, problem: Problem) -> Problem {
        problem.at(self.place_of(at))
    }

    /// A place for problems that are found later.
    pub fn place_of(&self, at: At) -> Place {
        let (line, column) = self.position(at.start);
        Place { file: Some(self.name.clone()), line: Some(line), column: Some(column), ..Place::default() }
    }

    /// Whether a problem was told in these lines.
    pub fn has_problem(&self, at: At, problems: &[Problem]) -> bool {
        let (first, last) = (self.position(at.start).0, self.position(at.end).0);
        let is_here = |line: u64| line >= first && (line < last || line == first);
        let mut places = problems.iter().filter_map(|problem| problem.place.as_ref());
        places.any(|place| place.file.as_deref() == Some(&self.name) && place.line.is_some_and(is_here))
    }

    /// The line that a byte is in.
    pub fn line_at(&self, byte: usize) -> &str {
        self.text[self.line_start(byte)..].lines().next().unwrap_or_default()
    }

    /// The byte at which the line of this byte starts.
    pub fn line_start(&self, byte: usize) -> usize {
        self.text[..self.floor(byte)].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The first byte of that line that is no space.
    pub fn first_of_line(&self, byte: usize) -> usize {
        let line = self.line_at(byte);
        self.line_start(byte) + (line.len() - line.trim_start().len())
    }

    /// The byte at which the n-th character starts.
    pub fn byte_of_char(&self, index: usize) -> usize {
        if self.ascii {
            return index.min(self.text.len());
        }
        self.text.char_indices().nth(index).map_or(self.text.len(), |(byte, _)| byte)
    }

    fn floor(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}
