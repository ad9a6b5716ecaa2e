//! What is said when a file cannot be used.

use std::io;

use rowbill_connector::{Place, Problem};

use crate::decode::Fault;

const WRITE_THEN_RENAME: &str = "Let the program that makes the file write it under another name and rename it when it is whole; the next run reads it.";

/// A place in the file: a line from 1 and a byte from 0.
pub(crate) fn place(display: &str, line: u64, byte: u64) -> Place {
    Place { source: Some(display.to_owned()), row: Some(line), byte: Some(byte), ..Place::default() }
}

fn whole(display: &str) -> Place {
    Place { source: Some(display.to_owned()), ..Place::default() }
}

pub(crate) fn encoding_unknown(display: &str, label: &str) -> Problem {
    Problem::new("source.encoding_unknown", format!("There is no encoding \"{label}\""))
        .advise("Take a name of the WHATWG encoding standard: utf-8, utf-16le, windows-1251, windows-1252, iso-8859-2, shift_jis")
        .at(whole(display))
}

pub(crate) fn cannot_open(display: &str, error: &io::Error) -> Problem {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => Problem::new("source.not_found", format!("There is no file {display}"))
            .advise("Compare `path` with the file's name; it is relative to rowbill.yaml"),
        io::ErrorKind::PermissionDenied => Problem::new("source.unreadable", format!("{display} may not be read"))
            .advise("Give the user that runs rowbill the right to read the file and to enter its directory"),
        _ => cannot_read(display, error),
    };
    problem.at(whole(display))
}

pub(crate) fn not_a_file(display: &str) -> Problem {
    Problem::new("source.unreadable", format!("{display} is not a regular file"))
        .advise("Name one CSV file in `path`")
        .at(whole(display))
}

pub(crate) fn cannot_read(display: &str, error: &io::Error) -> Problem {
    Problem::new("source.unreadable", format!("{display} could not be read: {error}"))
        .advise("Look at the disk or the network share, and run again")
        .at(whole(display))
}

pub(crate) fn reader_gone(display: &str) -> Problem {
    Problem::new("source.unreadable", format!("The reading of {display} was broken off"))
        .advise("Run again")
        .at(whole(display))
}

pub(crate) fn empty(display: &str) -> Problem {
    Problem::new("source.empty", format!("{display} has no header line"))
        .advise("The first line must hold the names of the columns")
        .at(whole(display))
}

pub(crate) fn changed_while_read(display: &str) -> Problem {
    Problem::new("source.unstable", format!("{display} changed while it was read"))
        .advise(WRITE_THEN_RENAME)
        .at(whole(display))
}

pub(crate) fn no_final_newline(display: &str, line: u64, byte: u64) -> Problem {
    Problem::new("source.unstable", format!("{display} does not end in a newline, so it may be only half written"))
        .advise(format!("{WRITE_THEN_RENAME} A file that is whole must end in a newline (LF or CRLF)."))
        .at(place(display, line, byte))
}

pub(crate) fn ragged(display: &str, line: u64, byte: u64, expected: usize, found: usize) -> Problem {
    Problem::new("source.ragged_row", format!("Line {line} has {found} fields, and the header has {expected}"))
        .advise("Look for a missing or an extra delimiter; a field that holds the delimiter must stand in quotes")
        .at(place(display, line, byte))
}

pub(crate) fn unclosed(display: &str, line: u64, byte: u64) -> Problem {
    Problem::new("source.unclosed_quote", format!("The quote that opens in line {line} is never closed"))
        .advise("Close it, or write a quote inside a field twice; the file may also be only half written")
        .at(place(display, line, byte))
}

pub(crate) fn stray(display: &str, line: u64, byte: u64) -> Problem {
    Problem::new(
        "source.stray_quote",
        format!("In line {line}, text stands behind a closing quote"),
    )
    .advise(
        "Write a quote inside a quoted field twice (\"\"), and put nothing between a closing quote and the delimiter",
    )
    .at(place(display, line, byte))
}

pub(crate) fn too_large(display: &str, line: u64, byte: u64, what: &str) -> Problem {
    Problem::new("source.cell_too_large", format!("In line {line}, {what}"))
        .advise("Look for a quote that is never closed, or leave the column out of the file")
        .at(place(display, line, byte))
}

pub(crate) fn fault(display: &str, line: u64, byte: u64, encoding: &str, fault: &Fault) -> Problem {
    match fault {
        Fault::Io(error) => cannot_read(display, error),
        Fault::CutOff => no_final_newline(display, line, byte),
        Fault::Undecodable { byte } => {
            Problem::new("source.encoding", format!("Byte {byte}, in line {line}, is not {encoding}"))
                .advise("Save the file as UTF-8, or declare its encoding (`encoding: windows-1252`)")
                .at(place(display, line, *byte))
        }
        Fault::Nul => {
            Problem::new("source.encoding", format!("Byte {byte}, in line {line}, is a NUL, which no text has"))
                .advise("A file in UTF-16 without a byte order mark must declare it (`encoding: utf-16le`)")
                .at(place(display, line, byte))
        }
    }
}

pub(crate) fn changed_since_read(display: &str) -> Problem {
    Problem::new("source.changed_since_read", format!("{display} is not the file any more that the run has read"))
        .advise("Nothing was written back; the next run reads the file as it is now and writes the results")
        .at(whole(display))
}

pub(crate) fn cannot_write(display: &str, error: &io::Error) -> Problem {
    Problem::new("source.write_failed", format!("The results beside {display} could not be written: {error}"))
        .advise(
            "Give the user that runs rowbill the right to write into the file's directory, and look at the free space",
        )
        .at(whole(display))
}
