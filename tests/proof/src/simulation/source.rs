//! A table as a source: read at one moment, a few rows at a time, written back by key.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rowbill_connector::{Cell, Header, Layout, Mark, Problem, Reading, Row, Source, SourceInfo, Written};

use super::broken::Broken;
use super::table::Table;
use super::trips::Port;
use super::world::hold;

/// The table of a connection.
pub struct TableSource {
    /// The process's port.
    pub port: Port,
    /// The table's name.
    pub table: &'static str,
    /// The run that reads it.
    pub run: String,
}

fn cell(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

fn header(table: &Table) -> Header {
    Header {
        names: table.headers().iter().map(|&name| name.to_owned()).collect(),
        zone: None,
        origin: Arc::from(format!("data/{}.csv", table.name)),
        sheet: None,
    }
}

#[async_trait]
impl Source for TableSource {
    async fn read(&self) -> Result<Reading, Problem> {
        self.port.pass(true).await;
        let world = &self.port.world;
        let (header, rows) = {
            let tables = hold(&world.tables);
            let table = &tables[self.table];
            (header(table), table.rows.clone())
        };
        let breaks = {
            let mut breaks = hold(&world.source_breaks);
            *breaks = breaks.saturating_sub(1);
            *breaks > 0
        };
        hold(&world.readings).insert(self.run.clone(), rows.clone());
        let number = |at: usize| u64::try_from(at).unwrap_or(u64::MAX) + 2;
        let rows: Vec<Row> = rows
            .iter()
            .enumerate()
            .map(|(at, cells)| Row { number: number(at), cells: cells.iter().map(|text| cell(text)).collect() })
            .collect();
        let mut batches: Vec<Result<Vec<Row>, Problem>> = rows.chunks(7).map(|rows| Ok(rows.to_vec())).collect();
        if breaks {
            batches.truncate(1);
            batches.push(Err(Problem::new("source.cut", "the source broke off")));
        }
        let port = self.port.clone();
        let batches = stream::iter(batches).then(move |batch| {
            let port = port.clone();
            async move {
                port.pass(true).await;
                batch
            }
        });
        Ok(Reading { header: Arc::new(header), batches: batches.boxed() })
    }

    async fn write_back(&self, layout: &Layout, mut marks: BoxStream<'_, Vec<Mark>>) -> Result<Written, Problem> {
        let mut written = Written::default();
        while let Some(marks) = marks.next().await {
            self.port.pass(true).await;
            let mut tables = hold(&self.port.world.tables);
            let Some(table) = tables.get_mut(self.table) else { continue };
            for mark in marks {
                let at = if self.port.world.broken == Some(Broken::MarksByRowNumber) {
                    usize::try_from(mark.number).ok().map(|number| number - 2).filter(|at| *at < table.rows.len())
                } else {
                    place(table, layout, &mark)
                };
                match at {
                    Some(at) => {
                        for (header, value) in layout.columns.iter().zip(&mark.values) {
                            let column = table.column(header);
                            table.rows[at][column].clone_from(value);
                        }
                        written.rows += 1;
                    }
                    None => written.missing += 1,
                }
            }
        }
        self.port.pass(true).await;
        Ok(written)
    }

    async fn check(&self) -> Result<SourceInfo, Problem> {
        let tables = hold(&self.port.world.tables);
        let header = header(&tables[self.table]);
        Ok(SourceInfo { description: header.origin.to_string(), headers: header.names })
    }
}

/// The one row whose key is the mark's.
fn place(table: &Table, layout: &Layout, mark: &Mark) -> Option<usize> {
    let columns: Vec<usize> = layout.key.iter().map(|header| table.column(header)).collect();
    // The lines of a bill all have its key: each takes the mark of its own reading.
    let lines = matches!(table.name, "bills" | "fees");
    let is_it = |row: &Vec<String>| columns.iter().zip(&mark.key).all(|(column, text)| row[*column] == *text);
    let mut found = table.rows.iter().enumerate().filter(|(_, row)| is_it(row)).map(|(at, _)| at);
    let first = found.next()?;
    let own = usize::try_from(mark.number).ok()?.checked_sub(2)?;
    match (found.next(), lines) {
        (None, _) => Some(first),
        (Some(_), true) => Some(own).filter(|at| table.rows.get(*at).is_some_and(is_it)),
        (Some(_), false) => None,
    }
}
