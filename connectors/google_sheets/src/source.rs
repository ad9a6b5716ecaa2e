//! The source: one sheet of a spreadsheet.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use rowbill_connector::{Layout, Mark, Problem, Reading, Source, SourceInfo, Written};

use crate::client::{Client, Facts};
use crate::login::is_https_or_loopback;
use crate::{Budget, Login, SheetsConfig, a1, problems, reader, writer};

/// A sheet as a source.
#[derive(Debug)]
pub struct SheetsSource {
    client: Client,
    /// Asked for once, unless the sheet turns out to be missing.
    facts: Mutex<Option<Facts>>,
    /// The headers as they were last seen: a hint where columns are.
    header: Mutex<Option<Vec<String>>>,
}

impl SheetsSource {
    /// A source over one sheet, asked for by `login` within `budget`. Nothing is sent yet.
    pub fn new(config: SheetsConfig, login: &Login, budget: &Budget) -> Result<Self, Problem> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if config.spreadsheet.is_empty() || !config.spreadsheet.bytes().all(is_id) {
            return Err(problems::spreadsheet_id(&config));
        }
        if let Some(base) = &config.api_base
            && (base.starts_with("https://") || !is_https_or_loopback(base))
        {
            return Err(problems::api_base(&config, base));
        }
        let client = Client::new(config, login.clone(), budget.clone());
        Ok(Self { client, facts: Mutex::new(None), header: Mutex::new(None) })
    }

    /// Time zone and sheets, with this sheet among them.
    async fn facts(&self) -> Result<Facts, Problem> {
        if let Some(facts) = locked(&self.facts).clone() {
            return Ok(facts);
        }
        let facts = self.client.facts().await?;
        if !facts.sheets.contains(&self.client.config.sheet) {
            return Err(problems::sheet_missing(&self.client.config, &facts.sheets));
        }
        *locked(&self.facts) = Some(facts.clone());
        Ok(facts)
    }

    /// After a refusal it may be that the sheet has gone or has another name since.
    async fn explain(&self, problem: Problem) -> Problem {
        if problem.code != "source.refused" {
            return problem;
        }
        *locked(&self.facts) = None;
        self.facts().await.err().unwrap_or(problem)
    }

    async fn ask(&self, range: String) -> Result<crate::client::Values, Problem> {
        match self.client.values(&[range]).await {
            Ok(mut ranges) => Ok(ranges.swap_remove(0)),
            Err(problem) => Err(self.explain(problem).await),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Source for SheetsSource {
    async fn read(&self) -> Result<Reading, Problem> {
        let facts = self.facts().await?;
        let values = self.ask(a1::sheet(&self.client.config.sheet)).await?;
        let reading = reader::reading(&self.client.config, facts, values)?;
        *locked(&self.header) = Some(reading.header.names.clone());
        Ok(reading)
    }

    async fn write_back(&self, layout: &Layout, marks: BoxStream<'_, Vec<Mark>>) -> Result<Written, Problem> {
        if !self.client.config.write {
            return Err(problems::read_only(&self.client.config));
        }
        let marks: Vec<Mark> = marks.concat().await;
        if marks.is_empty() {
            return Ok(Written::default());
        }
        let known = locked(&self.header).clone();
        match writer::write(&self.client, layout, &marks, known).await {
            Ok(written) => Ok(written),
            Err(problem) => Err(self.explain(problem).await),
        }
    }

    async fn check(&self) -> Result<SourceInfo, Problem> {
        let config = &self.client.config;
        let facts = self.facts().await?;
        let header = self.ask(format!("{}!1:1", a1::sheet(&config.sheet))).await?;
        let headers = header.into_iter().next().map(reader::names).unwrap_or_default();
        if headers.iter().all(|name| name.trim().is_empty()) {
            return Err(problems::empty(config));
        }
        let zone = facts.zone.map(|zone| format!(", time zone {zone}")).unwrap_or_default();
        let description = format!("Google sheet \"{}\" of {}{zone}", config.sheet, config.spreadsheet);
        Ok(SourceInfo { description, headers })
    }
}
