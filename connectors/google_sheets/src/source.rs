//! The source: one sheet of a spreadsheet.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use rowbill_connector::{Layout, Mark, Problem, Reading, Source, SourceInfo, Written};

use crate::client::Client;
use crate::login::is_https_or_loopback;
use crate::pool::{Answer, Spreadsheet};
use crate::{Budget, Login, Pool, SheetsConfig, a1, problems, reader, writer};

/// A sheet as a source.
#[derive(Debug)]
pub struct SheetsSource {
    client: Client,
    spreadsheet: Arc<Spreadsheet>,
    /// The headers as they were last seen: a hint where columns are.
    header: Mutex<Option<Vec<String>>>,
    /// What the last reading saw, until its marks come: they may stand there already.
    last: Mutex<Option<Arc<Answer>>>,
}

impl SheetsSource {
    /// A source over one sheet, asked for by `login` within `budget`, together with the others of
    /// `pool`. Nothing is sent yet.
    pub fn new(config: SheetsConfig, login: &Login, budget: &Budget, pool: &Pool) -> Result<Self, Problem> {
        checked(&config)?;
        let client = Client::new(config, login.clone(), budget.clone());
        let spreadsheet = pool.spreadsheet(&client);
        Ok(Self { client, spreadsheet, header: Mutex::new(None), last: Mutex::new(None) })
    }
}

/// Whether id and address have their forms.
pub(crate) fn checked(config: &SheetsConfig) -> Result<(), Problem> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if config.spreadsheet.is_empty() || !config.spreadsheet.bytes().all(is_id) {
        return Err(problems::spreadsheet_id(config));
    }
    match &config.api_base {
        Some(base) if base.starts_with("https://") || !is_https_or_loopback(base) => {
            Err(problems::api_base(config, base))
        }
        _ => Ok(()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Source for SheetsSource {
    async fn read(&self) -> Result<Reading, Problem> {
        *locked(&self.last) = None;
        let config = &self.client.config;
        let answer = self.spreadsheet.read(&self.client).await?;
        let reading = reader::reading(config, Arc::clone(&answer))?;
        *locked(&self.header) = Some(reading.header.names.clone());
        *locked(&self.last) = config.write.then_some(answer);
        Ok(reading)
    }

    async fn write_back(&self, layout: &Layout, marks: BoxStream<'_, Vec<Mark>>) -> Result<Written, Problem> {
        let config = &self.client.config;
        if !config.write {
            return Err(problems::read_only(config));
        }
        let marks: Vec<Mark> = marks.concat().await;
        // It has served then: after a write it is not what the sheet holds.
        let last = locked(&self.last).take();
        if marks.is_empty() {
            return Ok(Written::default());
        }
        if let Some(written) = last.and_then(|answer| writer::in_place(config, &answer, layout, &marks)) {
            return Ok(written);
        }
        let known = locked(&self.header).clone();
        match writer::write(&self.client, &self.spreadsheet, layout, &marks, known).await {
            Ok(written) => Ok(written),
            Err(problem) => Err(self.spreadsheet.explain(&self.client, problem).await),
        }
    }

    async fn check(&self) -> Result<SourceInfo, Problem> {
        let (client, config) = (&self.client, &self.client.config);
        let facts = self.spreadsheet.facts(client).await?;
        let mut header = match client.values(&[format!("{}!1:1", a1::sheet(&config.sheet))]).await {
            Ok(ranges) => ranges.into_iter().flatten(),
            Err(problem) => return Err(self.spreadsheet.explain(client, problem).await),
        };
        let headers = header.next().map(|row| reader::names(&row)).unwrap_or_default();
        if headers.iter().all(|name| name.trim().is_empty()) {
            return Err(problems::empty(config));
        }
        let zone = facts.zone.map(|zone| format!(", time zone {zone}")).unwrap_or_default();
        let description = format!("Google sheet \"{}\" of {}{zone}", config.sheet, config.spreadsheet);
        Ok(SourceInfo { description, headers })
    }
}
