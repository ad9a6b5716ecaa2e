//! What a CSV source needs to know.

use std::path::PathBuf;

/// A file and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvConfig {
    /// Where the file is.
    pub path: PathBuf,
    /// The path as a person wrote it, for messages.
    pub display: String,
    /// The byte between fields; found in the header line when it is not declared.
    pub delimiter: Option<u8>,
    /// A label of the WHATWG encoding standard (`windows-1251`); a byte order mark is stronger; UTF-8 when neither
    /// is there.
    pub encoding: Option<String>,
}
