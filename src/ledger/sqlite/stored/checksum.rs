//! The checksum of a record: what tells bit-rot from data.

use sha2::{Digest as _, Sha256};

/// Hashes fields one after the other, each with its length, so that no two records share their bytes.
#[derive(Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.0.update((value.len() as u64).to_le_bytes());
        self.0.update(value);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// Adds a text that may be missing; an empty one is not a missing one.
    #[must_use]
    pub fn maybe_text(self, value: Option<&str>) -> Self {
        match value {
            Some(text) => self.bytes(&[1]).text(text),
            None => self.bytes(&[0]),
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, value: i64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds a number that may be missing.
    #[must_use]
    pub fn maybe_number(self, value: Option<i64>) -> Self {
        match value {
            Some(number) => self.bytes(&[1]).number(number),
            None => self.bytes(&[0]),
        }
    }

    /// The first eight bytes of the hash, as a number that every database can hold and add.
    pub fn finish(self) -> i64 {
        let hash = self.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        i64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let one = Checksum::default().text("ab").text("c").finish();
        let other = Checksum::default().text("a").text("bc").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn missing_is_not_empty() {
        let empty = Checksum::default().maybe_text(Some("")).finish();
        assert_ne!(empty, Checksum::default().maybe_text(None).finish());
    }
}
