//! The source: readings on a thread of their own, and marks into the results file.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use encoding_rs::{Encoding, REPLACEMENT};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rowbill_connector::{Cell, Header, Layout, Mark, Problem, Reading, Row, RowBatches, Source, SourceInfo, Written};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::fingerprint::Fingerprint;
use crate::reader::Reader;
use crate::{CsvConfig, problems, writer};

/// Rows in one batch.
const BATCH: usize = 1000;
/// Batches that may wait for the consumer.
const WAITING: usize = 4;

/// The file of the last reading that ended well.
type LastRead = Arc<Mutex<Option<Fingerprint>>>;

/// A CSV file as a source.
#[derive(Debug)]
pub struct CsvSource {
    config: CsvConfig,
    encoding: Option<&'static Encoding>,
    last_read: LastRead,
}

/// What the reading thread says. A channel that closes without `End` was broken off.
enum Event {
    Rows(Vec<Row>),
    Bad(Box<Problem>),
    End,
}

impl CsvSource {
    /// A source over one file. The file need not be there yet; only the encoding's name is checked.
    pub fn new(config: CsvConfig) -> Result<Self, Problem> {
        let encoding = match &config.encoding {
            None => None,
            Some(label) => {
                Some(known_encoding(label).ok_or_else(|| problems::encoding_unknown(&config.display, label))?)
            }
        };
        Ok(Self { config, encoding, last_read: LastRead::default() })
    }

    /// The headers as they are now, for checks that are made before anything runs.
    pub fn headers(&self) -> Result<Vec<String>, Problem> {
        Reader::open(&self.config, self.encoding).map(|reader| reader.header)
    }

    async fn open(&self) -> Result<Reader, Problem> {
        let (config, encoding) = (self.config.clone(), self.encoding);
        let opened = spawn_blocking(move || Reader::open(&config, encoding)).await;
        opened.unwrap_or_else(|_| Err(problems::reader_gone(&self.config.display)))
    }

    fn last_read(&self) -> Option<Fingerprint> {
        *self.last_read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The encodings that can be decoded; the standard's `replacement` only stands for those that cannot.
fn known_encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).filter(|&encoding| encoding != REPLACEMENT)
}

#[async_trait]
impl Source for CsvSource {
    async fn read(&self) -> Result<Reading, Problem> {
        let reader = self.open().await?;
        let header = Header {
            names: reader.header.clone(),
            zone: None,
            origin: Arc::from(self.config.display.as_str()),
            sheet: None,
        };
        let (sender, events) = mpsc::channel(WAITING);
        let last_read = Arc::clone(&self.last_read);
        spawn_blocking(move || pump(reader, &sender, &last_read));
        Ok(Reading { header: Arc::new(header), batches: batches(events, self.config.display.clone()) })
    }

    async fn write_back(&self, layout: &Layout, mut marks: BoxStream<'_, Vec<Mark>>) -> Result<Written, Problem> {
        let display = &self.config.display;
        let expected = self.last_read().ok_or_else(|| problems::changed_since_read(display))?;
        let (sender, incoming) = mpsc::channel(WAITING);
        let (config, encoding, columns) = (self.config.clone(), self.encoding, layout.columns.clone());
        let writing = spawn_blocking(move || writer::write(&config, encoding, expected, &columns, incoming));
        while let Some(batch) = marks.next().await {
            // Nobody takes it any more: the writer has failed and says why below.
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        drop(sender);
        writing.await.unwrap_or_else(|_| Err(problems::reader_gone(display)))
    }

    async fn check(&self) -> Result<SourceInfo, Problem> {
        let reader = self.open().await?;
        Ok(SourceInfo { description: reader.description(), headers: reader.header })
    }
}

/// Reads to the end or to the first problem, or until nobody listens any more.
fn pump(mut reader: Reader, sender: &mpsc::Sender<Event>, last_read: &LastRead) {
    loop {
        let (rows, end) = batch(&mut reader);
        if !rows.is_empty() && sender.blocking_send(Event::Rows(rows)).is_err() {
            return;
        }
        match end {
            None => {}
            Some(Ok(())) => {
                *last_read.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader.fingerprint());
                let _ = sender.blocking_send(Event::End);
                return;
            }
            Some(Err(problem)) => {
                let _ = sender.blocking_send(Event::Bad(Box::new(problem)));
                return;
            }
        }
    }
}

/// The next rows, and how the file ended if it did.
fn batch(reader: &mut Reader) -> (Vec<Row>, Option<Result<(), Problem>>) {
    let mut rows = Vec::with_capacity(BATCH);
    while rows.len() < BATCH {
        match reader.next() {
            Ok(Some(number)) => rows.push(row(reader, number)),
            Ok(None) => return (rows, Some(Ok(()))),
            Err(problem) => return (rows, Some(Err(problem))),
        }
    }
    (rows, None)
}

fn row(reader: &Reader, number: u64) -> Row {
    let cell = |at| {
        let text = reader.cell(at);
        if text.is_empty() { Cell::Empty } else { Cell::Text(text.into_owned()) }
    };
    Row { number, cells: (0..reader.header.len()).map(cell).collect() }
}

fn batches(events: mpsc::Receiver<Event>, display: String) -> RowBatches {
    let next = |state: Option<(mpsc::Receiver<Event>, String)>| async move {
        let (mut events, display) = state?;
        match events.recv().await {
            Some(Event::Rows(rows)) => Some((Ok(rows), Some((events, display)))),
            Some(Event::Bad(problem)) => Some((Err(*problem), None)),
            Some(Event::End) => None,
            None => Some((Err(problems::reader_gone(&display)), None)),
        }
    };
    stream::unfold(Some((events, display)), next).boxed()
}
