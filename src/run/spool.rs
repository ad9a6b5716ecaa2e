//! What a run has to remember of its rows, on disk: in a file without a name, so that nothing of it can stay behind.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use rowbill_connector::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Records that can be read again by the offset at which they were written.
pub struct Spool {
    writer: BufWriter<File>,
    reader: File,
    length: u64,
    flushed: u64,
}

/// The offset of a record that was not written.
pub const NOWHERE: u64 = u64::MAX;

impl Spool {
    /// An empty spool in the system's folder for temporary files; readable by this user only, and without a name.
    pub fn new() -> Result<Self, Problem> {
        let file = tempfile::tempfile().map_err(full)?;
        let reader = file.try_clone().map_err(full)?;
        Ok(Self { writer: BufWriter::with_capacity(1 << 16, file), reader, length: 0, flushed: 0 })
    }

    /// Appends a record.
    pub fn push<T: Serialize>(&mut self, record: &T) -> Result<u64, Problem> {
        let bytes = serde_json::to_vec(record).map_err(full)?;
        let offset = self.length;
        let length = u32::try_from(bytes.len()).map_err(full)?;
        self.writer.write_all(&length.to_le_bytes()).and_then(|()| self.writer.write_all(&bytes)).map_err(full)?;
        self.length += 4 + u64::from(length);
        Ok(offset)
    }

    /// Reads the record at an offset.
    pub fn get<T: DeserializeOwned>(&mut self, offset: u64) -> Result<T, Problem> {
        if offset >= self.flushed {
            self.writer.flush().map_err(full)?;
            self.flushed = self.length;
        }
        let mut length = [0; 4];
        self.reader.read_exact_at(&mut length, offset).map_err(full)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.reader.read_exact_at(&mut bytes, offset + 4).map_err(full)?;
        serde_json::from_slice(&bytes).map_err(full)
    }

    /// The offset behind the last record.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The offset of the record behind the one at this offset, which has been read.
    pub fn after(&self, offset: u64) -> Result<u64, Problem> {
        let mut length = [0; 4];
        self.reader.read_exact_at(&mut length, offset).map_err(full)?;
        Ok(offset + 4 + u64::from(u32::from_le_bytes(length)))
    }

    /// All records in the order they were written.
    pub fn each<T: DeserializeOwned>(&mut self, mut take: impl FnMut(T)) -> Result<(), Problem> {
        let mut offset = 0;
        while offset < self.length {
            take(self.get(offset)?);
            offset = self.after(offset)?;
        }
        Ok(())
    }
}

fn full(error: impl std::fmt::Display) -> Problem {
    Problem::new("run.spool", format!("the temporary file of this run failed: {error}"))
        .advise("make room in the folder for temporary files (TMPDIR)")
}
