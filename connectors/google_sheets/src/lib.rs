//! The Google Sheets source.
