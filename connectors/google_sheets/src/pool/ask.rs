//! Asks for the sheets of a flight in one request, and in more where Google refuses one of them.

use std::sync::Arc;

use rowbill_connector::Problem;
use tokio::time::Instant;

use super::Answer;
use super::facts::KnownFacts;
use super::flights::{Departed, Results};
use crate::client::{Client, Facts, Values};
use crate::{SheetsConfig, a1, problems};

/// What becomes of each sheet. There is room for the first request already.
pub(super) async fn ask(facts: &KnownFacts, client: &Client, flight: &Departed) -> Results {
    let mut asking = Asking { client, begun: flight.begun, results: Results::new() };
    let mut left = flight.sheets.clone();
    let mut known = facts.with(client, &left, flight.called).await;
    loop {
        let now = match known {
            Ok(now) => now,
            Err(problem) => break asking.failed(left, &problem),
        };
        left = asking.without_missing(left, &now);
        if left.is_empty() {
            break;
        }
        match client.values_with_room(&ranges(&left)).await {
            Ok(values) => break asking.answered(left, values, &now),
            Err(problem) if !problems::is_refusal(&problem) => break asking.failed(left, &problem),
            Err(problem) => {
                known = facts.since(client, Instant::now()).await;
                if let Ok(now) = &known
                    && left.iter().all(|sheet| now.sheets.contains(sheet))
                {
                    break asking.each_alone(left, now, &problem).await;
                }
                client.room().await;
            }
        }
    }
    asking.results
}

struct Asking<'a> {
    client: &'a Client,
    begun: Instant,
    results: Results,
}

impl Asking<'_> {
    /// The sheets that are there; the others have their problem.
    fn without_missing(&mut self, sheets: Vec<String>, facts: &Facts) -> Vec<String> {
        let (there, missing): (Vec<_>, Vec<_>) = sheets.into_iter().partition(|sheet| facts.sheets.contains(sheet));
        for sheet in missing {
            let config = SheetsConfig { sheet: sheet.clone(), ..self.client.config.clone() };
            self.results.insert(sheet, Err(problems::sheet_missing(&config, &facts.sheets)));
        }
        there
    }

    /// One that is refused must not spoil the others.
    async fn each_alone(&mut self, sheets: Vec<String>, facts: &Facts, refused: &Problem) {
        if sheets.len() == 1 {
            return self.failed(sheets, refused);
        }
        for sheet in sheets {
            let alone = vec![sheet];
            match self.client.values(&ranges(&alone)).await {
                Ok(values) => self.answered(alone, values, facts),
                Err(problem) => self.failed(alone, &problem),
            }
        }
    }

    fn answered(&mut self, sheets: Vec<String>, values: Vec<Values>, facts: &Facts) {
        for (sheet, values) in sheets.into_iter().zip(values) {
            let answer = Answer { values: Arc::new(values), zone: facts.zone.clone(), begun: self.begun };
            self.results.insert(sheet, Ok(Arc::new(answer)));
        }
    }

    fn failed(&mut self, sheets: Vec<String>, problem: &Problem) {
        self.results.extend(sheets.into_iter().map(|sheet| (sheet, Err(problem.clone()))));
    }
}

fn ranges(sheets: &[String]) -> Vec<String> {
    sheets.iter().map(|sheet| a1::sheet(sheet)).collect()
}
