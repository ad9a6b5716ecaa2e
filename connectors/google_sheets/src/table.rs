//! A sheet whose whole content is ours: a report.

use google_sheets4::api::ValueRange;
use rowbill_connector::Problem;
use serde_json::Value;

use crate::client::Client;
use crate::retry::Backoff;
use crate::source::checked;
use crate::{Budget, Login, SheetsConfig, a1, problems};

/// A sheet that is written as a whole.
#[derive(Debug)]
pub struct SheetsTable {
    client: Client,
}

impl SheetsTable {
    /// A table over one sheet. Nothing is sent yet.
    pub fn new(config: SheetsConfig, login: &Login, budget: &Budget) -> Result<Self, Problem> {
        checked(&config)?;
        Ok(Self { client: Client::new(config, login.clone(), budget.clone()) })
    }

    /// Makes these records its content, as plain texts, in one request: whoever looks sees the old table or the new one.
    /// What was longer or wider before is emptied. Repeating it gives the same.
    pub async fn replace(&self, records: &[Vec<String>]) -> Result<(), Problem> {
        let sheet = a1::sheet(&self.client.config.sheet);
        let before = self.client.values(std::slice::from_ref(&sheet)).await?.into_iter().next().unwrap_or_default();
        // A slip in a name must not empty somebody's sheet.
        let is_ours = before.first().is_none_or(|first| {
            let head = records.first().map(Vec::as_slice).unwrap_or_default();
            first.iter().zip(head).all(|(there, ours)| there.as_str() == Some(ours)) && first.len() <= head.len()
        });
        if !is_ours {
            return Err(problems::another_table(&self.client.config));
        }
        let width = before.iter().map(Vec::len).chain(records.iter().map(Vec::len)).max().unwrap_or_default();
        let height = before.len().max(records.len());
        let cell = |row: usize, at: usize| records.get(row).and_then(|record| record.get(at)).cloned();
        let row = |row| (0..width).map(|at| Value::String(cell(row, at).unwrap_or_default())).collect::<Vec<_>>();
        if width == 0 {
            return Ok(());
        }
        let range = ValueRange {
            major_dimension: Some("ROWS".to_owned()),
            range: Some(format!("{sheet}!A1:{}{height}", a1::column(width - 1))),
            values: Some((0..height).map(row).collect()),
        };
        let mut tries = Backoff::new();
        loop {
            match self.client.update_once(vec![range.clone()]).await {
                Ok(()) => return Ok(()),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }
}
