//! What is written down besides rows, operations and runs: payments, events, and how far a list was read.

use serde::{Deserialize, Serialize};

/// A record that the ledger keeps without reading it. Its kind, id, owner and state are for finding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its id among its kind.
    pub id: String,
    /// Whose it is: a connection's name, or an account's.
    pub owner: String,
    /// Where it stands: a word of its kind's own.
    pub state: String,
    /// All of it, as JSON.
    pub record: String,
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// The payment of an invoice; its owner is the connection that made the invoice.
    Payment,
    /// That an invoice was paid by bank, cash or another wallet; its owner is the connection that made the invoice.
    Claim,
    /// Something that a target told of; its owner is the account.
    Event,
    /// How far the events of an account were read; its owner is the account.
    Cursor,
}

impl DocumentKind {
    const ALL: [Self; 4] = [Self::Payment, Self::Claim, Self::Event, Self::Cursor];

    /// The word that a table holds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Claim => "claim",
            Self::Event => "event",
            Self::Cursor => "cursor",
        }
    }

    /// The kind behind the word.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Those that belong to a connection, and move to its new name.
    pub fn of_connections() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_of_connection())
    }

    /// Whether it belongs to a connection, and moves to its new name.
    pub fn is_of_connection(self) -> bool {
        matches!(self, Self::Payment | Self::Claim)
    }
}

/// Which documents to list, in the order of their ids.
#[derive(Clone, Debug)]
pub struct DocumentFilter {
    /// Only of this kind.
    pub kind: DocumentKind,
    /// Only of this owner.
    pub owner: String,
    /// Only in this state; in any if none is given.
    pub state: Option<String>,
    /// Only with greater ids: for paging.
    pub after: String,
    /// At most so many.
    pub limit: u32,
}

impl DocumentFilter {
    /// All documents of an owner.
    pub fn of(kind: DocumentKind, owner: &str, limit: u32) -> Self {
        Self { kind, owner: owner.to_owned(), state: None, after: String::new(), limit }
    }
}
