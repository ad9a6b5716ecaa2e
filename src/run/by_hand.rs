//! What people do about payments themselves: claims, and refunds.

use rowbill_connector::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::claims::{ClaimAsk, Claiming};
use super::engine::Engine;
use super::refund::{RefundAsk, Refunding};
use crate::config::Connection;

/// What somebody asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByHand {
    /// Something about a claim.
    Claim(ClaimAsk),
    /// A refund.
    Refund(RefundAsk),
}

impl ByHand {
    /// Does it: what became of it, as `-o json` prints it.
    pub async fn take(&self, engine: &Engine, connection: &Connection, by: &str) -> Result<Value, Vec<Problem>> {
        match self {
            Self::Claim(ask) => Ok(Claiming { engine, connection, by }.take(ask).await?.value()),
            Self::Refund(ask) => {
                let refunded = Refunding { engine, connection, by }.take(ask).await?;
                Ok(serde_json::to_value(refunded).unwrap_or_default())
            }
        }
    }
}
