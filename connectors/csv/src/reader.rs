//! Reads a file record by record, and knows at the end whether it was whole.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use rowbill_connector::Problem;

use crate::decode::{Fault, Text};
use crate::fingerprint::Fingerprint;
use crate::record::{Cut, Field, cut, line_ends};
use crate::{CsvConfig, delimiter, problems};

/// The largest cell, in bytes of UTF-8.
const CELL_CAP: usize = 64 * 1024;
/// The largest record, in bytes of UTF-8.
const ROW_CAP: usize = 1024 * 1024;

/// A file that is being read.
pub(crate) struct Reader {
    display: String,
    path: PathBuf,
    before: Fingerprint,
    input: Text,
    /// Decoded text; what stands before `at` has been dealt with.
    text: String,
    at: usize,
    /// The line in which `at` is.
    line: u64,
    /// The byte of the file at which `text` begins.
    base: u64,
    delimiter: u8,
    fields: Vec<Field>,
    /// The headers, in order.
    pub(crate) header: Vec<String>,
}

impl Reader {
    /// Opens the file and reads its header.
    pub(crate) fn open(config: &CsvConfig, encoding: Option<&'static Encoding>) -> Result<Self, Problem> {
        let display = config.display.clone();
        let (file, before) = open_file(&config.path, &display)?;
        let input = Text::new(file, encoding).map_err(|error| problems::cannot_read(&display, &error))?;
        let base = input.mark;
        let mut reader = Self {
            display,
            path: config.path.clone(),
            before,
            input,
            text: String::new(),
            at: 0,
            line: 1,
            base,
            delimiter: 0,
            fields: Vec::new(),
            header: Vec::new(),
        };
        reader.read_header(config.delimiter)?;
        Ok(reader)
    }

    fn read_header(&mut self, declared: Option<u8>) -> Result<(), Problem> {
        if !self.skip_blank_lines()? {
            return Err(problems::empty(&self.display));
        }
        self.delimiter = match declared {
            Some(delimiter) => delimiter,
            None => self.detect_delimiter()?,
        };
        self.next()?;
        self.header = (0..self.fields.len()).map(|at| self.cell(at).into_owned()).collect();
        if self.header.iter().all(|name| name.trim().is_empty()) {
            return Err(problems::empty(&self.display));
        }
        Ok(())
    }

    fn detect_delimiter(&mut self) -> Result<u8, Problem> {
        let mut whole = false;
        loop {
            let head = &self.text.as_bytes()[self.at..];
            if let Some(found) = delimiter::detect(head, whole || head.len() > ROW_CAP) {
                return Ok(found);
            }
            whole = !self.more()?;
        }
    }

    /// For people: encoding and delimiter.
    pub(crate) fn description(&self) -> String {
        let encoding = self.input.encoding().name();
        format!("{}, {encoding}, delimiter {}", self.display, delimiter::name(self.delimiter))
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The file as it was when it was opened.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.before
    }

    /// Goes to the next record and says in which line it begins; `None` when the file has ended well.
    pub(crate) fn next(&mut self) -> Result<Option<u64>, Problem> {
        self.advance().map_err(|problem| self.or_changed(problem))
    }

    /// One cell of the record.
    pub(crate) fn cell(&self, at: usize) -> Cow<'_, str> {
        self.fields[at].text(&self.text)
    }

    fn advance(&mut self) -> Result<Option<u64>, Problem> {
        loop {
            if !self.skip_blank_lines()? {
                return self.finish();
            }
            match cut(self.text.as_bytes(), self.at, self.delimiter, &mut self.fields) {
                Cut::Whole { next, quoted } => return self.take(next, quoted).map(Some),
                Cut::Stray { at } => return Err(self.problem_at(at, problems::stray)),
                unfinished => self.read_on(&unfinished)?,
            }
        }
    }

    /// Line ends that end no record. `false` at the end of the file.
    fn skip_blank_lines(&mut self) -> Result<bool, Problem> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) if !self.more()? => return Ok(false),
                // The CR of a CRLF is counted with its LF; at the end of the text only more text can tell.
                (Some(b'\r'), None) if !self.more()? => return Err(self.not_ended()),
                (None, _) | (Some(b'\r'), None) => {}
                (Some(b'\r'), Some(b'\n')) => self.at += 1,
                (Some(b'\r' | b'\n'), _) => {
                    self.line += 1;
                    self.at += 1;
                }
                (Some(_), _) => return Ok(true),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// The record from `at` to `next` is whole: checks it and moves on.
    fn take(&mut self, next: usize, quoted: bool) -> Result<u64, Problem> {
        if next - self.at > CELL_CAP {
            self.check_size(next)?;
        }
        if !self.header.is_empty() && self.fields.len() != self.header.len() {
            let (expected, found) = (self.header.len(), self.fields.len());
            return Err(problems::ragged(&self.display, self.line, self.byte(self.at), expected, found));
        }
        let line = self.line;
        self.line += if quoted { line_ends(&self.text.as_bytes()[self.at..next]) } else { 1 };
        self.at = next;
        Ok(line)
    }

    fn check_size(&self, next: usize) -> Result<(), Problem> {
        if let Some(field) = self.fields.iter().find(|field| field.len() > CELL_CAP) {
            let large =
                |display: &str, line, byte| problems::too_large(display, line, byte, "a cell is larger than 64 KiB");
            return Err(self.problem_at(field.start(), large));
        }
        if next - self.at > ROW_CAP { Err(self.row_too_large()) } else { Ok(()) }
    }

    fn row_too_large(&self) -> Problem {
        self.problem_at(self.at, |display, line, byte| {
            problems::too_large(display, line, byte, "a row begins that is larger than 1 MiB")
        })
    }

    /// More text for a record that is not whole yet.
    fn read_on(&mut self, unfinished: &Cut) -> Result<(), Problem> {
        if self.text.len() - self.at > ROW_CAP {
            return Err(self.row_too_large());
        }
        let from = self.at;
        if self.more()? {
            return Ok(());
        }
        Err(match unfinished {
            Cut::Unclosed { quote } => self.problem_at(quote - (from - self.at), problems::unclosed),
            _ => self.not_ended(),
        })
    }

    /// Forgets the text that was dealt with and reads more; `false` at the end of the file.
    fn more(&mut self) -> Result<bool, Problem> {
        self.base += self.input.width(&self.text[..self.at]);
        self.text.drain(..self.at);
        self.at = 0;
        self.input.more(&mut self.text).map_err(|fault| self.fault(&fault))
    }

    fn fault(&self, fault: &Fault) -> Problem {
        let line = self.line + line_ends(self.text.as_bytes());
        let byte = self.byte(self.text.len());
        problems::fault(&self.display, line, byte, self.input.encoding().name(), fault)
    }

    fn not_ended(&self) -> Problem {
        let line = self.line + line_ends(&self.text.as_bytes()[self.at..]);
        problems::no_final_newline(&self.display, line, self.byte(self.text.len()))
    }

    fn problem_at(&self, at: usize, problem: impl FnOnce(&str, u64, u64) -> Problem) -> Problem {
        let line = self.line + line_ends(&self.text.as_bytes()[self.at..at]);
        problem(&self.display, line, self.byte(at))
    }

    /// The byte of the file for a place in the text.
    fn byte(&self, at: usize) -> u64 {
        self.base + self.input.width(&self.text[..at])
    }

    /// Every record has ended in a line end; now the file must still be the one that was opened.
    fn finish(&self) -> Result<Option<u64>, Problem> {
        if self.is_unchanged() { Ok(None) } else { Err(problems::changed_while_read(&self.display)) }
    }

    /// What looks wrong in a file that changes is no news about the file.
    fn or_changed(&self, problem: Problem) -> Problem {
        let now = std::fs::metadata(&self.path).map(|metadata| Fingerprint::of(&metadata));
        if now.is_ok_and(|now| now == self.before) { problem } else { problems::changed_while_read(&self.display) }
    }

    fn is_unchanged(&self) -> bool {
        let now = std::fs::metadata(&self.path).map(|metadata| Fingerprint::of(&metadata));
        self.input.taken() == self.before.size && now.is_ok_and(|now| now == self.before)
    }
}

/// Opens a file whose path leads to the same file before and after.
fn open_file(path: &Path, display: &str) -> Result<(File, Fingerprint), Problem> {
    let before = std::fs::metadata(path).map_err(|error| problems::cannot_open(display, &error))?;
    if !before.is_file() {
        return Err(problems::not_a_file(display));
    }
    let file = File::open(path).map_err(|error| problems::cannot_open(display, &error))?;
    let opened = file.metadata().map_err(|error| problems::cannot_read(display, &error))?;
    let before = Fingerprint::of(&before);
    if before == Fingerprint::of(&opened) { Ok((file, before)) } else { Err(problems::changed_while_read(display)) }
}
