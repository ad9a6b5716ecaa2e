//! Names that stay the same for ever: of rows, of operations, and hashes of contents.

use data_encoding::BASE32_NOPAD;
use rowbill_connector::{Cell, IdempotencyKey, OperationId};
use sha2::{Digest as _, Sha256};

/// The first half of a SHA-256.
pub type Digest = [u8; 16];

/// Whom an operation belongs to, apart from the row.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The account's name in `rowbill.yaml`.
    pub account: String,
    /// Whether it is live.
    pub live: bool,
    /// The connection's name. After `ledger rename` this stays the name under which the operations were made.
    pub connection: String,
    /// The action.
    pub action: &'static str,
}

impl Owner {
    /// The start that all operation ids of this connection share: six characters.
    pub fn tag(&self) -> String {
        let hash = digest(&[self.account.as_bytes(), self.mode(), self.connection.as_bytes()]);
        BASE32_NOPAD.encode(&hash).to_lowercase()[..6].to_owned()
    }

    /// The id of one step for one key.
    pub fn operation(&self, step: &str, key: &[String]) -> OperationId {
        let mut fields = vec![
            self.account.as_bytes(),
            self.mode(),
            self.connection.as_bytes(),
            self.action.as_bytes(),
            step.as_bytes(),
        ];
        fields.extend(key.iter().map(String::as_bytes));
        let hash = BASE32_NOPAD.encode(&digest(&fields)).to_lowercase();
        OperationId(format!("{}{hash}", self.tag()))
    }

    fn mode(&self) -> &'static [u8] {
        if self.live { b"live" } else { b"test" }
    }
}

/// The key under which the target recognises a repeat.
pub fn idempotency_key(operation: &OperationId, generation: u32) -> IdempotencyKey {
    IdempotencyKey(format!("rowbill-1-{}-{generation}", operation.0))
}

/// The id of a row: the hash of its key values.
pub fn row_id(key: &[String]) -> Digest {
    digest(&key.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// A hash over fields that cannot run into each other.
pub fn digest(fields: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::default();
    for field in fields {
        hasher.field(field);
    }
    hasher.finish()
}

/// Hashes fields one after the other.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds one field.
    pub fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds a cell with its header; an empty cell counts as no cell, so that a new column changes nothing.
    pub fn cell(&mut self, header: &str, cell: &Cell) {
        if !cell.is_blank() {
            self.field(header.as_bytes());
            self.field(cell.text().as_bytes());
        }
    }

    /// The hash.
    pub fn finish(self) -> Digest {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0.finalize()[..16]);
        half
    }
}
