//! What a Google Sheets source needs to know.

use std::time::Duration;

/// A sheet of a spreadsheet, and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetsConfig {
    /// The spreadsheet's id: what stands between `/d/` and `/edit` in its address.
    pub spreadsheet: String,
    /// The sheet's name, as on its tab.
    pub sheet: String,
    /// Where the API is, when it is not Google's: loopback only.
    pub api_base: Option<String>,
    /// Whether marks are written back. Without it no token that could write is ever asked for.
    pub write: bool,
    /// How old an answer may be that a reading uses again, counted from when its request was made. With zero every
    /// reading is a look at the sheet that begins after it was called for.
    pub max_age: Duration,
}
