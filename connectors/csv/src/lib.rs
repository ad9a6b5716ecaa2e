//! The CSV source.
