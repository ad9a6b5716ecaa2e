//! Rows as a source gives them: cells under headers, before any column contract is applied.

use std::sync::Arc;

/// One cell as the source holds it. Nothing is guessed here: types come from the column contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing was written.
    Empty,
    /// Text, exactly as it stands in the source.
    Text(String),
    /// A number of a spreadsheet, as its shortest decimal text (`19.99`, never a float).
    Number(String),
    /// A check box or logical value of a spreadsheet.
    Bool(bool),
    /// An error value of a spreadsheet, such as `#N/A`. It fails its row.
    Error(String),
}

impl Cell {
    /// The cell as text: what a text column holds, and what a person would read.
    pub fn text(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Text(text) | Self::Number(text) | Self::Error(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    /// Whether nothing but white space is in the cell.
    pub fn is_blank(&self) -> bool {
        self.text().trim().is_empty()
    }
}

/// One record of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where a person finds it: the line of a file (of the record's first byte) or the row of a sheet, counted from 1,
    /// headers included. It never identifies the row.
    pub number: u64,
    /// One cell per header, in the header's order; a source pads short rows itself where its format allows them.
    pub cells: Vec<Cell>,
}

/// What a source says about its table before the first row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The headers as written, in order. Empty texts stand for columns without a header.
    pub names: Vec<String>,
    /// The IANA time zone in which the source means dates and times (`Europe/Kyiv`), where it has one.
    pub zone: Option<String>,
    /// A short name for messages: a path, or `Sheet!`.
    pub origin: Arc<str>,
    /// The sheet inside the origin, for cell names such as `Orders!F58`.
    pub sheet: Option<String>,
}
