//! Turns the bytes of a file into text, and refuses what is not text.

use std::fs::File;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How many bytes are read at once.
const CHUNK: usize = 128 * 1024;

/// Why no more text comes.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file could not be read.
    Io(io::Error),
    /// The bytes from this offset are not of the encoding.
    Undecodable { byte: u64 },
    /// The file ends inside a character.
    CutOff,
    /// The text is followed by a NUL.
    Nul,
}

/// A file that is read as text.
pub(crate) struct Text {
    file: File,
    decoder: Decoder,
    raw: Vec<u8>,
    /// How many bytes of the file the decoder has been given.
    taken: u64,
    /// How many bytes a byte order mark has.
    pub(crate) mark: u64,
    ended: bool,
    fault: Option<Fault>,
}

impl Text {
    /// Opens a text. A byte order mark is stronger than what was declared.
    pub(crate) fn new(mut file: File, declared: Option<&'static Encoding>) -> io::Result<Self> {
        let mut head = Vec::with_capacity(3);
        file.by_ref().take(3).read_to_end(&mut head)?;
        let (encoding, mark) = Encoding::for_bom(&head).unwrap_or((declared.unwrap_or(UTF_8), 0));
        let mut raw = head.split_off(mark);
        raw.reserve_exact(CHUNK);
        let decoder = encoding.new_decoder_without_bom_handling();
        Ok(Self { file, decoder, raw, taken: mark as u64, mark: mark as u64, ended: false, fault: None })
    }

    pub(crate) fn encoding(&self) -> &'static Encoding {
        self.decoder.encoding()
    }

    /// How many bytes of the file have been read.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes of the file this text was.
    pub(crate) fn width(&self, text: &str) -> u64 {
        let encoding = self.encoding();
        let width = if encoding == UTF_8 {
            text.len()
        } else if encoding == UTF_16LE || encoding == UTF_16BE {
            2 * text.encode_utf16().count()
        } else {
            encoding.encode(text).0.len()
        };
        width as u64
    }

    /// Appends more text; `false` at the end. What stands before a fault is given first.
    pub(crate) fn more(&mut self, text: &mut String) -> Result<bool, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.ended {
            return Ok(false);
        }
        self.fill().map_err(Fault::Io)?;
        let before = text.len();
        self.decode(text);
        if let Some(nul) = memchr::memchr(0, &text.as_bytes()[before..]) {
            text.truncate(before + nul);
            self.fault = Some(Fault::Nul);
        }
        Ok(true)
    }

    /// Behind the first bytes, which `new` may have left in `raw`, comes the next chunk of the file.
    fn fill(&mut self) -> io::Result<()> {
        if self.taken > self.mark {
            self.raw.clear();
        }
        let room = (CHUNK - self.raw.len()) as u64;
        self.ended = self.file.by_ref().take(room).read_to_end(&mut self.raw)? as u64 != room;
        Ok(())
    }

    fn decode(&mut self, text: &mut String) {
        let room = self.decoder.max_utf8_buffer_length_without_replacement(self.raw.len()).unwrap_or(3 * CHUNK + 16);
        text.reserve(room);
        let (result, read) = self.decoder.decode_to_string_without_replacement(&self.raw, text, self.ended);
        self.taken += read as u64;
        if let DecoderResult::Malformed(length, behind) = result {
            let byte = self.taken - u64::from(length) - u64::from(behind);
            self.fault = Some(if self.is_cut_off(read) { Fault::CutOff } else { Fault::Undecodable { byte } });
        }
    }

    /// Bytes that only lack their rest are not wrong: the file is not whole.
    fn is_cut_off(&self, read: usize) -> bool {
        self.ended && read == self.raw.len() && (self.raw.is_empty() || self.lacks_rest())
    }

    fn lacks_rest(&self) -> bool {
        if self.encoding() != UTF_8 {
            return self.encoding() == UTF_16LE || self.encoding() == UTF_16BE;
        }
        let tail = &self.raw[self.raw.len().saturating_sub(3)..];
        (0..tail.len()).any(|at| {
            str::from_utf8(&tail[at..]).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
    }
}
