//! That an invoice was paid by bank, cash or another wallet: somebody says so, and somebody else confirms it or does not.

use rowbill_connector::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::{Document, DocumentFilter, DocumentKind, Ledger};
use crate::protocol::Time;

/// Where a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Somebody says that it was paid.
    Claimed,
    /// The money is there, and the invoice is marked as paid.
    Confirmed,
    /// It was not.
    Cancelled,
}

impl ClaimState {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Claimed, Self::Confirmed, Self::Cancelled].into_iter().find(|state| state.name() == name)
    }
}

/// A claim. Nothing of it disappears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Its id.
    #[serde(skip)]
    pub id: String,
    /// The connection that made the invoice.
    #[serde(skip)]
    pub connection: String,
    /// Where it stands.
    #[serde(skip, default = "claimed")]
    pub state: ClaimState,
    /// The invoice's id.
    pub invoice: String,
    /// The key of its row.
    pub key: Vec<String>,
    /// How it was paid, as it was said: `bank`, `cash`, …
    pub method: String,
    /// What else was said.
    pub note: Option<String>,
    /// What was confirmed, in minor units of `currency`.
    pub amount: Option<i64>,
    /// Lower-case currency code of the invoice.
    pub currency: Option<String>,
    /// The day on which the money came, `2026-11-27`.
    pub paid_on: Option<String>,
    /// What it can be found by at the bank.
    pub reference: Option<String>,
    /// Who did what and when, the oldest first.
    pub history: Vec<ClaimStep>,
}

/// What somebody did with a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimStep {
    /// `claimed`, `confirming`, `refused`, `confirmed`, `cancelled`.
    pub did: String,
    /// Who.
    pub by: String,
    /// When (seconds since 1970 UTC).
    pub at: Time,
    /// What they said.
    pub why: Option<String>,
}

fn claimed() -> ClaimState {
    ClaimState::Claimed
}

impl ClaimRecord {
    /// Writes into its history.
    pub fn step(&mut self, did: &str, by: &str, at: Time, why: Option<String>) {
        self.history.push(ClaimStep { did: did.to_owned(), by: by.to_owned(), at, why });
    }

    /// Whether it was to be confirmed before: then the operation that marks the invoice as paid is its own.
    pub fn was_sent(&self) -> bool {
        let last = self.history.iter().rev().find(|step| matches!(&*step.did, "confirming" | "refused"));
        last.is_some_and(|step| step.did == "confirming")
    }

    /// As `-o json` prints it.
    pub fn value(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for (name, text) in [("id", &*self.id), ("connection", &*self.connection), ("state", self.state.name())] {
            value[name] = text.into();
        }
        value
    }

    /// As the ledger keeps it.
    pub fn document(&self) -> Document {
        Document {
            kind: DocumentKind::Claim,
            id: self.id.clone(),
            owner: self.connection.clone(),
            state: self.state.name().to_owned(),
            record: serde_json::to_string(self).expect("a claim is plain JSON"),
        }
    }

    /// What the ledger kept.
    pub fn from_document(document: Document) -> Result<Self, Problem> {
        let read = || Some((serde_json::from_str::<Self>(&document.record).ok()?, ClaimState::of(&document.state)?));
        let (record, state) = read().ok_or_else(|| {
            let message = format!("the claim {} of the ledger cannot be read", document.id);
            Problem::new("ledger.damaged", message).advise("restore a backup of the ledger")
        })?;
        Ok(Self { id: document.id, connection: document.owner, state, ..record })
    }

    /// The claim with this id.
    pub async fn find(ledger: &dyn Ledger, id: &str) -> Result<Self, Problem> {
        let found = ledger.document(DocumentKind::Claim, id).await?;
        found.map(Self::from_document).transpose()?.ok_or_else(|| Self::unknown(id))
    }

    /// The claims of a connection's invoices, of one state or of all, the oldest first.
    pub async fn list(ledger: &dyn Ledger, connection: &str, state: Option<ClaimState>) -> Result<Vec<Self>, Problem> {
        let state = state.map(|state| state.name().to_owned());
        let filter = DocumentFilter { state, ..DocumentFilter::of(DocumentKind::Claim, connection, u32::MAX) };
        ledger.list_documents(&filter).await?.into_iter().map(Self::from_document).collect()
    }

    /// There is none with this id.
    pub fn unknown(id: &str) -> Problem {
        Problem::new("claims.unknown", format!("there is no claim {id}"))
            .advise("see `rowbill payments list --claimed`")
    }
}
