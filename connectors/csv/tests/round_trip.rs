//! Tables of odd cells, written by the csv crate in many forms, come back cell by cell and line by line.

use csv::{QuoteStyle, Terminator};
use rowbill_connector::suite::source::all;
use rowbill_connector::{Cell, Problem, Row};
use rowbill_csv::{CsvConfig, CsvSource};

/// Pieces of which cells are made: everything that could be taken for something else.
const PIECES: [&str; 16] =
    ["", "a", "\"", "\"\"", ",", ";", "\n", "\r\n", "\r", " ", "ї", "😀", "0.10", "\t", "long long long text", "=x"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn cell(&mut self) -> String {
        (0..self.roll(4)).map(|_| PIECES[self.roll(PIECES.len())]).collect()
    }
}

/// Rows of three cells, the first of them never empty, so that no line is blank.
fn table(dice: &mut Dice, rows: usize) -> Vec<[String; 3]> {
    (0..rows).map(|at| [format!("k{at}{}", dice.cell()), dice.cell(), dice.cell()]).collect()
}

fn written(table: &[[String; 3]], style: QuoteStyle, crlf: bool) -> String {
    let end = if crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(end).from_writer(Vec::new());
    writer.write_record(["id", "a", "b"]).unwrap();
    for row in table {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

async fn read(bytes: &[u8]) -> Result<Vec<Row>, Problem> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, bytes).unwrap();
    all(&CsvSource::new(CsvConfig { path, display: "t.csv".into(), delimiter: None, encoding: None }).unwrap()).await
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
}

fn lines(text: &str) -> u64 {
    let lone = text.as_bytes().windows(2).filter(|two| two[0] == b'\r' && two[1] != b'\n').count();
    (text.matches('\n').count() + lone + usize::from(text.ends_with('\r'))) as u64
}

#[tokio::test]
async fn what_was_written_is_read() {
    let mut dice = Dice(7);
    for (style, crlf) in [(QuoteStyle::Necessary, false), (QuoteStyle::Always, true), (QuoteStyle::NonNumeric, true)] {
        let table = table(&mut dice, 60_000);
        let text = written(&table, style, crlf);
        assert!(text.len() > 1_000_000, "several chunks");
        let rows = read(text.as_bytes()).await.unwrap();
        assert_eq!(rows.len(), table.len());
        let mut line = 2;
        for (row, cells) in rows.iter().zip(&table) {
            assert_eq!(row.number, line, "{cells:?}");
            line += 1 + cells.iter().map(|cell| lines(cell)).sum::<u64>();
            let cell = |text: &String| {
                if text.is_empty() { Cell::Empty } else { Cell::Text(text.clone()) }
            };
            assert_eq!(row.cells, cells.iter().map(cell).collect::<Vec<_>>());
        }
        assert_eq!(read(&utf16(&text)).await.unwrap(), rows);
    }
}

#[tokio::test]
async fn places_are_exact_behind_many_chunks() {
    let text = written(&table(&mut Dice(3), 60_000), QuoteStyle::Necessary, true);
    let bad = format!("{text}only one\r\n");
    let line = 1 + lines(&text);
    for (bytes, offset) in [(bad.clone().into_bytes(), text.len()), (utf16(&bad), utf16(&text).len())] {
        let problem = read(&bytes).await.unwrap_err();
        let place = problem.place.unwrap();
        assert_eq!(problem.code, "source.ragged_row");
        assert_eq!((place.row, place.byte), (Some(line), Some(offset as u64)));
    }
    let undecodable = [text.as_bytes(), b"1,2,\xFF\r\n"].concat();
    let place = read(&undecodable).await.unwrap_err().place.unwrap();
    assert_eq!((place.row, place.byte), (Some(line), Some(text.len() as u64 + 4)));
}
