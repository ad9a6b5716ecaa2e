//! The CSV reader: any bytes are read the same wherever a block of the file ends, and as the `csv` crate reads them
//! where both take them.

use std::io::Write;
use std::sync::LazyLock;

use futures::StreamExt;
use rowbill_connector::{Cell, Problem, Row, Source};
use rowbill_csv::{CsvConfig, CsvSource};
use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};

/// How many bytes the reader takes at once.
const BLOCK: usize = 128 * 1024;
/// The byte order marks.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

struct Reading {
    header: Vec<String>,
    rows: Vec<Row>,
    end: Result<(), Problem>,
}

/// The first byte says whether the others are read once more, and where a block ends in them.
pub fn check(data: &[u8]) {
    let Some((cut, text)) = data.split_first() else { return };
    let whole = read(text, None);
    if let Ok(whole) = &whole {
        is_sound(whole);
        agrees(whole, text);
    }
    // A byte order mark counts only at the very beginning, and other encodings have other line ends.
    let is_marked = MARKS.iter().any(|mark| text.starts_with(mark));
    // A block is large, which takes time.
    if cut % 4 == 0 && !is_marked {
        let blank = BLOCK - usize::from(cut / 4).min(text.len());
        let shifted = [vec![b'\n'; blank], text.to_vec()].concat();
        same(&whole, &read(&shifted, None), blank as u64);
    }
}

fn read(bytes: &[u8], delimiter: Option<u8>) -> Result<Reading, Problem> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let config = CsvConfig { path: file.path().to_owned(), display: "fuzz.csv".to_owned(), delimiter, encoding: None };
    let source = CsvSource::new(config)?;
    RUNTIME.block_on(async {
        let mut reading = source.read().await?;
        let (mut rows, mut end) = (Vec::new(), Ok(()));
        while let Some(batch) = reading.batches.next().await {
            match batch {
                Ok(batch) => rows.extend(batch),
                Err(problem) => end = Err(problem),
            }
        }
        Ok(Reading { header: reading.header.names.clone(), rows, end })
    })
}

/// Rows are as wide as the header, and their lines go up.
fn is_sound(reading: &Reading) {
    assert!(reading.rows.iter().all(|row| row.cells.len() == reading.header.len()));
    assert!(reading.rows.windows(2).all(|pair| pair[0].number < pair[1].number));
}

/// Blank lines before a file move its lines and change nothing else.
fn same(whole: &Result<Reading, Problem>, shifted: &Result<Reading, Problem>, by: u64) {
    match (whole, shifted) {
        (Ok(whole), Ok(shifted)) => {
            assert_eq!(whole.header, shifted.header);
            let moved = whole.rows.iter().map(|row| Row { number: row.number + by, cells: row.cells.clone() });
            assert!(moved.eq(shifted.rows.iter().cloned()), "{:?}\n{:?}", whole.rows, shifted.rows);
            told_alike(whole.end.as_ref().err(), shifted.end.as_ref().err(), by);
        }
        (Err(whole), Err(shifted)) => told_alike(Some(whole), Some(shifted), by),
        (Ok(_), Err(problem)) | (Err(problem), Ok(_)) => panic!("only one of them: {problem:?}"),
    }
}

fn told_alike(whole: Option<&Problem>, shifted: Option<&Problem>, by: u64) {
    assert_eq!(whole.map(|problem| &problem.code), shifted.map(|problem| &problem.code), "{whole:?} {shifted:?}");
    let place = |problem: Option<&Problem>| problem?.place.as_ref().map(|place| (place.row, place.byte));
    let moved = place(whole).map(|(row, byte)| (row.map(|row| row + by), byte.map(|byte| byte + by)));
    assert_eq!(moved, place(shifted), "{whole:?} {shifted:?}");
}

/// Every record that we give is what the `csv` crate gives, of a file that we take whole.
fn agrees(reading: &Reading, text: &[u8]) {
    let is_utf8 = str::from_utf8(text).is_ok() && !MARKS[1..].iter().any(|mark| text.starts_with(mark));
    let Some(delimiter) = delimiter(reading, text).filter(|_| reading.end.is_ok() && is_utf8) else { return };
    let mut theirs = csv::ReaderBuilder::new();
    let mut theirs = theirs.has_headers(false).delimiter(delimiter).from_reader(text);
    let theirs: Vec<Vec<String>> =
        theirs.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    let cells = |row: &Row| row.cells.iter().map(|cell: &Cell| cell.text().to_owned()).collect();
    let ours: Vec<Vec<String>> =
        std::iter::once(reading.header.clone()).chain(reading.rows.iter().map(cells)).collect();
    assert_eq!(ours, theirs);
}

/// The delimiter that was found: the one under which the declared reading is the same.
fn delimiter(reading: &Reading, text: &[u8]) -> Option<u8> {
    let is_it = |delimiter: &u8| read(text, Some(*delimiter)).is_ok_and(|other| other.header == reading.header);
    [b',', b';', b'\t', b'|'].into_iter().find(is_it)
}
