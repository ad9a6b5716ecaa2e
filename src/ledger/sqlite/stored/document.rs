//! A document as the table `documents` holds it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::queries::{DOCUMENT_STATEMENTS, Statements};
use super::{Bound, Checksum, Stored, Summary, Tally};
use crate::ledger::{Document, DocumentKind};

/// The columns of one document.
pub struct StoredDocument {
    /// What it is: the first of the key.
    pub kind: String,
    /// Its id: the last of the key.
    pub id: String,
    owner: String,
    state: String,
    record: String,
    checksum: i64,
}

impl StoredDocument {
    /// The columns that a record is written as.
    pub fn new(document: Document) -> Self {
        let Document { kind, id, owner, state, record } = document;
        let mut stored = Self { kind: kind.name().to_owned(), id, owner, state, record, checksum: 0 };
        stored.checksum = stored.computed();
        stored
    }

    /// The same document under another connection's name.
    #[must_use]
    pub fn renamed(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.owner);
        self.checksum = self.computed();
        self
    }
}

impl Stored for StoredDocument {
    type Record = Document;

    fn statements() -> &'static Statements {
        &DOCUMENT_STATEMENTS
    }

    fn from_columns(columns: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            kind: columns.try_get(0)?,
            id: columns.try_get(1)?,
            owner: columns.try_get(2)?,
            state: columns.try_get(3)?,
            record: columns.try_get(4)?,
            checksum: columns.try_get(5)?,
        })
    }

    fn bind(self, query: Bound<'_>) -> Bound<'_> {
        query.bind(self.kind).bind(self.id).bind(self.owner).bind(self.state).bind(self.record).bind(self.checksum)
    }

    fn checksum(&self) -> i64 {
        self.checksum
    }

    fn computed(&self) -> i64 {
        let Self { kind, id, owner, state, record, .. } = self;
        [kind, id, owner, state, record].into_iter().fold(Checksum::default(), |sum, text| sum.text(text)).finish()
    }

    fn into_record(self) -> Result<Document, &'static str> {
        let kind = DocumentKind::of(&self.kind).ok_or("kind")?;
        Ok(Document { kind, id: self.id, owner: self.owner, state: self.state, record: self.record })
    }

    fn label(&self) -> String {
        format!("the {} {}", self.kind, self.id)
    }

    fn tally(summary: &Summary) -> Tally {
        summary.documents
    }
}
