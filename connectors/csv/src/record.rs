//! Cuts one record into fields.
//!
//! The `csv` crate's reader takes an unclosed quote and text after a closing quote as they come, has no cap on a
//! record, and gives the place before skipped line ends; all four matter here, so records are cut by this module.
//! What it accepts is RFC 4180 with any one-byte delimiter and LF, CRLF or CR as line end.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

/// Where a field is in the text, without the quotes around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    start: usize,
    end: usize,
    /// Doubled quotes inside stand for one.
    doubled: bool,
}

impl Field {
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    pub(crate) fn start(self) -> usize {
        self.start
    }

    /// The field's content.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        let raw = &text[self.start..self.end];
        if self.doubled { Cow::Owned(raw.replace("\"\"", "\"")) } else { Cow::Borrowed(raw) }
    }
}

/// How far a record went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A whole record; the next one begins at `next`.
    Whole { next: usize, quoted: bool },
    /// The text ends before the record does.
    Open,
    /// The text ends inside quotes that opened here.
    Unclosed { quote: usize },
    /// Something other than a delimiter or a line end stands behind a closing quote.
    Stray { at: usize },
}

/// Cuts the record that begins at `start` into `fields`.
pub(crate) fn cut(text: &[u8], start: usize, delimiter: u8, fields: &mut Vec<Field>) -> Cut {
    fields.clear();
    let mut quoted = false;
    let mut at = start;
    loop {
        let field = if text.get(at) == Some(&b'"') {
            quoted = true;
            in_quotes(text, at, delimiter)
        } else {
            plain(text, at, delimiter)
        };
        let (field, stop) = match field {
            Ok(found) => found,
            Err(unfinished) => return unfinished,
        };
        fields.push(field);
        match text[stop] {
            b'\n' => return Cut::Whole { next: stop + 1, quoted },
            b'\r' => return after_return(text, stop, quoted),
            _ => at = stop + 1,
        }
    }
}

fn plain(text: &[u8], start: usize, delimiter: u8) -> Result<(Field, usize), Cut> {
    let length = memchr3(delimiter, b'\n', b'\r', &text[start..]).ok_or(Cut::Open)?;
    let end = start + length;
    Ok((Field { start, end, doubled: false }, end))
}

fn in_quotes(text: &[u8], quote: usize, delimiter: u8) -> Result<(Field, usize), Cut> {
    let mut doubled = false;
    let mut from = quote + 1;
    loop {
        let Some(length) = memchr(b'"', &text[from..]) else {
            return Err(Cut::Unclosed { quote });
        };
        let end = from + length;
        match text.get(end + 1) {
            None => return Err(Cut::Open),
            Some(b'"') => {
                doubled = true;
                from = end + 2;
            }
            Some(&byte) if byte == delimiter || byte == b'\n' || byte == b'\r' => {
                return Ok((Field { start: quote + 1, end, doubled }, end + 1));
            }
            Some(_) => return Err(Cut::Stray { at: end + 1 }),
        }
    }
}

/// A CR ends a record together with the LF behind it, which may not be there yet.
fn after_return(text: &[u8], stop: usize, quoted: bool) -> Cut {
    match text.get(stop + 1) {
        None => Cut::Open,
        Some(b'\n') => Cut::Whole { next: stop + 2, quoted },
        Some(_) => Cut::Whole { next: stop + 1, quoted },
    }
}

/// How many lines end in this text.
pub(crate) fn line_ends(text: &[u8]) -> u64 {
    let lone = |at: usize| text.get(at + 1) != Some(&b'\n');
    let returns = memchr::memchr_iter(b'\r', text).filter(|&at| lone(at)).count();
    (memchr::memchr_iter(b'\n', text).count() + returns) as u64
}

#[cfg(test)]
mod tests {
    use super::{Cut, cut, line_ends};

    fn fields(text: &str) -> (Vec<String>, Cut) {
        let mut found = Vec::new();
        let cut = cut(text.as_bytes(), 0, b',', &mut found);
        (found.iter().map(|field| field.text(text).into_owned()).collect(), cut)
    }

    #[test]
    fn a_record_is_cut_at_delimiters_outside_quotes() {
        let (cells, cut) = fields("a,\"b,\"\"c\"\"\nd\",,e\"f\r\nnext");
        assert_eq!(cells, ["a", "b,\"c\"\nd", "", "e\"f"]);
        assert_eq!(cut, Cut::Whole { next: 20, quoted: true });
    }

    #[test]
    fn what_is_not_finished_says_how() {
        assert_eq!(fields("a,b").1, Cut::Open);
        assert_eq!(fields("a,b\r").1, Cut::Open);
        assert_eq!(fields("a,\"b").1, Cut::Unclosed { quote: 2 });
        assert_eq!(fields("a,\"b\"").1, Cut::Open);
        assert_eq!(fields("a,\"b\"c\n").1, Cut::Stray { at: 5 });
    }

    #[test]
    fn line_ends_of_all_kinds_are_counted_once() {
        assert_eq!(line_ends(b"a\nb\r\nc\rd"), 3);
    }
}
