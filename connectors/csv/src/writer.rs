//! Writes the results file: the source's columns and the marks, whole or not at all.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use rowbill_connector::{Mark, Problem, Written};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::fingerprint::Fingerprint;
use crate::harmless::harmless;
use crate::reader::Reader;
use crate::{CsvConfig, problems};

/// `orders.csv` → `orders.results.csv`, beside it.
pub(crate) fn results_path(source: &Path) -> PathBuf {
    let mut name = source.file_stem().unwrap_or_default().to_owned();
    name.push(".results.csv");
    source.with_file_name(name)
}

/// Copies the file with the marks in their columns. Refused when it is not the file that was read.
pub(crate) fn write(
    config: &CsvConfig,
    encoding: Option<&'static Encoding>,
    expected: Fingerprint,
    columns: &[String],
    marks: mpsc::Receiver<Vec<Mark>>,
) -> Result<Written, Problem> {
    let changed = || problems::changed_since_read(&config.display);
    let reader = Reader::open(config, encoding).map_err(|_| changed())?;
    if reader.fingerprint() != expected {
        return Err(changed());
    }
    let results = results_path(&config.path);
    let attempt = NewFile::beside(&results).and_then(|file| {
        let mut copy = Copy { writer: file.csv(reader.delimiter())?, reader, marks: Marks::new(marks) };
        let written = copy.all(columns)?;
        Ok((file, copy.writer, written))
    });
    let (file, writer, written) = attempt.map_err(|error| said(&config.display, error))?;
    file.keep(writer, &config.path, &results).map_err(|error| problems::cannot_write(&config.display, &error))?;
    Ok(written)
}

/// A source that can no longer be read to its end has changed since it was.
enum Broken {
    Reading,
    Writing(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Writing(error)
    }
}

impl From<csv::Error> for Broken {
    fn from(error: csv::Error) -> Self {
        Self::Writing(error.into())
    }
}

fn said(display: &str, broken: Broken) -> Problem {
    match broken {
        Broken::Reading => problems::changed_since_read(display),
        Broken::Writing(error) => problems::cannot_write(display, &error),
    }
}

type Output = csv::Writer<BufWriter<File>>;

/// A file that takes its name only when it is whole.
struct NewFile(NamedTempFile);

impl NewFile {
    fn beside(results: &Path) -> Result<Self, Broken> {
        let directory = results.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self(tempfile::Builder::new().prefix(".rowbill-results-").tempfile_in(directory)?))
    }

    fn csv(&self, delimiter: u8) -> io::Result<Output> {
        let buffered = BufWriter::with_capacity(256 * 1024, self.0.as_file().try_clone()?);
        Ok(csv::WriterBuilder::new().delimiter(delimiter).from_writer(buffered))
    }

    /// Makes it durable, then visible. It may be read by whoever may read the source.
    fn keep(self, writer: Output, source: &Path, results: &Path) -> io::Result<()> {
        drop(writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?);
        self.0.as_file().set_permissions(fs::metadata(source)?.permissions())?;
        self.0.as_file().sync_all()?;
        self.0.persist(results).map_err(|error| error.error)?;
        sync_directory(results)
    }
}

/// A rename lasts only when the directory is on the disk too.
fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

struct Copy {
    reader: Reader,
    writer: Output,
    marks: Marks,
}

impl Copy {
    fn all(&mut self, columns: &[String]) -> Result<Written, Broken> {
        let names = self.reader.header.clone();
        let added: Vec<usize> = (0..columns.len()).filter(|&at| !names.contains(&columns[at])).collect();
        let place = |name: &String| columns.iter().position(|column| column == name);
        let replaced: Vec<Option<usize>> = names.iter().map(place).collect();
        let headers = names.iter().chain(added.iter().map(|&at| &columns[at]));
        line(&mut self.writer, headers.map(Cow::from))?;
        while let Some(number) = self.reader.next().map_err(|_| Broken::Reading)? {
            let values = self.marks.of(number);
            let value = |at: usize| Cow::from(values.get(at).map_or("", String::as_str));
            let own = replaced.iter().enumerate().map(|(at, mark)| mark.map_or_else(|| self.reader.cell(at), value));
            line(&mut self.writer, own.chain(added.iter().map(|&at| value(at))))?;
        }
        Ok(self.marks.done())
    }
}

fn line<'a>(writer: &mut Output, cells: impl Iterator<Item = Cow<'a, str>>) -> Result<(), Broken> {
    for cell in cells {
        writer.write_field(harmless(&cell).as_bytes())?;
    }
    Ok(writer.write_record(None::<&[u8]>)?)
}

/// The marks, taken one by one in the order of the rows.
struct Marks {
    incoming: mpsc::Receiver<Vec<Mark>>,
    batch: std::vec::IntoIter<Mark>,
    next: Option<Mark>,
    written: Written,
}

impl Marks {
    fn new(incoming: mpsc::Receiver<Vec<Mark>>) -> Self {
        let mut marks = Self { incoming, batch: Vec::new().into_iter(), next: None, written: Written::default() };
        marks.advance();
        marks
    }

    fn advance(&mut self) -> Option<Mark> {
        loop {
            if let Some(mark) = self.batch.next() {
                return self.next.replace(mark);
            }
            match self.incoming.blocking_recv() {
                Some(batch) => self.batch = batch.into_iter(),
                None => return self.next.take(),
            }
        }
    }

    /// The values for the row with this number; none when it has no mark.
    fn of(&mut self, number: u64) -> Vec<String> {
        while self.next.as_ref().is_some_and(|mark| mark.number < number) {
            self.advance();
            self.written.missing += 1;
        }
        if self.next.as_ref().is_none_or(|mark| mark.number != number) {
            return Vec::new();
        }
        self.written.rows += 1;
        self.advance().map(|mark| mark.values).unwrap_or_default()
    }

    /// Marks behind the last row belong to no row.
    fn done(&mut self) -> Written {
        while self.advance().is_some() {
            self.written.missing += 1;
        }
        self.written
    }
}
