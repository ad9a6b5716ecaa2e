//! What a CSV file may look like, and what is said when it may not.

use std::fs;
use std::path::Path;

use futures::StreamExt;
use rowbill_connector::suite::source::all;
use rowbill_connector::{Layout, Mark, Problem, Row, Source, Written};
use rowbill_csv::{CsvConfig, CsvSource};
use tempfile::TempDir;

fn config(directory: &Path) -> CsvConfig {
    CsvConfig { path: directory.join("data.csv"), display: "data/data.csv".into(), delimiter: None, encoding: None }
}

fn file(bytes: impl AsRef<[u8]>) -> (TempDir, CsvSource) {
    file_in(bytes, None)
}

fn file_in(bytes: impl AsRef<[u8]>, encoding: Option<&str>) -> (TempDir, CsvSource) {
    let directory = tempfile::tempdir().unwrap();
    let config = CsvConfig { encoding: encoding.map(str::to_owned), ..config(directory.path()) };
    fs::write(&config.path, bytes).unwrap();
    (directory, CsvSource::new(config).unwrap())
}

async fn rows(bytes: impl AsRef<[u8]>) -> Result<Vec<Row>, Problem> {
    all(&file(bytes).1).await
}

async fn texts(bytes: impl AsRef<[u8]>) -> Vec<(u64, Vec<String>)> {
    let rows = rows(bytes).await.unwrap();
    rows.iter().map(|row| (row.number, row.cells.iter().map(|cell| cell.text().to_owned()).collect())).collect()
}

/// Code, line and byte.
async fn problem(bytes: impl AsRef<[u8]>) -> (String, Option<u64>, Option<u64>) {
    said(rows(bytes).await.unwrap_err())
}

fn said(problem: Problem) -> (String, Option<u64>, Option<u64>) {
    assert!(problem.advice.is_some(), "{problem:?}");
    let place = problem.place.unwrap();
    assert_eq!(place.source.as_deref(), Some("data/data.csv"));
    (problem.code, place.row, place.byte)
}

fn at(code: &str, line: u64, byte: u64) -> (String, Option<u64>, Option<u64>) {
    (code.to_owned(), Some(line), Some(byte))
}

fn line(number: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (number, cells.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn blank_lines_and_newlines_in_quotes_are_counted() {
    let text = "\n\r\na,b\r\n\r\n1,\"x\r\ny\nz\"\r\n\n2,\r\n";
    assert_eq!(texts(text).await, [line(5, &["1", "x\r\ny\nz"]), line(9, &["2", ""])]);
}

#[tokio::test]
async fn the_delimiter_is_found_in_the_header() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = "id~\"na,me\"\n1~\"a,b;c\td|e\"\n".replace('~', delimiter);
        assert_eq!(texts(text).await, [line(2, &["1", "a,b;c\td|e"])]);
    }
    assert_eq!(texts("one\nx;y\n").await, [line(2, &["x;y"])]);
}

#[tokio::test]
async fn one_table_in_many_encodings_is_one_table() {
    let text = "ключ;ім'я\n1;\"Ґанок; Її\"\n2;Ёж\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    let with_mark = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
    let windows: Vec<u8> = encoding_rs::WINDOWS_1251.encode(text).0.into_owned();
    let expected = all(&file(text).1).await.unwrap();
    assert_eq!(expected[0].cells[1].text(), "Ґанок; Її");
    let files = [
        (with_mark(b"\xEF\xBB\xBF", text.as_bytes()), None),
        (with_mark(b"\xFF\xFE", &utf16(u16::to_le_bytes)), None),
        (with_mark(b"\xFE\xFF", &utf16(u16::to_be_bytes)), None),
        (utf16(u16::to_le_bytes), Some("utf-16le")),
        (windows, Some("windows-1251")),
        (with_mark(b"\xEF\xBB\xBF", text.as_bytes()), Some("windows-1251")),
    ];
    for (bytes, encoding) in files {
        let (_directory, source) = file_in(bytes, encoding);
        assert_eq!(source.check().await.unwrap().headers, ["ключ", "ім'я"]);
        assert_eq!(source.headers().unwrap(), ["ключ", "ім'я"]);
        assert_eq!(all(&source).await.as_ref(), Ok(&expected), "{encoding:?}");
    }
}

#[tokio::test]
async fn what_is_not_text_is_refused_with_its_byte() {
    assert_eq!(problem(b"a,b\n1,x\n2,\xFFz\n").await, at("source.encoding", 3, 10));
    assert_eq!(problem(b"a,b\n1,\"x\ny\xC3(\"\n").await, at("source.encoding", 3, 10));
    assert_eq!(problem(b"a,b\n1,x\0\n").await, at("source.encoding", 2, 7));
    let utf16: Vec<u8> = "\u{feff}a\n1\n".encode_utf16().chain([0xD800, 0x0A]).flat_map(u16::to_le_bytes).collect();
    assert_eq!(problem(utf16).await, at("source.encoding", 3, 10));
    let (_directory, source) = file_in(b"a\n1\n\xAA\n", Some("windows-1253"));
    assert_eq!(said(all(&source).await.unwrap_err()), at("source.encoding", 3, 4));
    let unknown = CsvSource::new(CsvConfig { encoding: Some("ebcdic".into()), ..config(Path::new("/")) }).unwrap_err();
    assert_eq!(unknown.code, "source.encoding_unknown");
}

#[tokio::test]
async fn a_ragged_row_is_named_with_both_counts() {
    assert_eq!(problem("a,b\n1,2\n\"x\ny\",2\n3\n").await, at("source.ragged_row", 5, 16));
    assert_eq!(problem("a,b\n1,2,3\n").await, at("source.ragged_row", 2, 4));
    let message = rows("a,b\n1,2,3\n").await.unwrap_err().message;
    assert_eq!(message, "Line 2 has 3 fields, and the header has 2");
    let utf16: Vec<u8> = "\u{feff}ї,b\nї\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(problem(utf16).await, at("source.ragged_row", 2, 10));
}

#[tokio::test]
async fn quotes_must_be_closed_and_end_their_field() {
    assert_eq!(problem("a,b\n1,\"x\n2,y\n").await, at("source.unclosed_quote", 2, 6));
    assert_eq!(problem("a,b\n\"1\n2\",\"x\n").await, at("source.unclosed_quote", 3, 10));
    assert_eq!(problem("a,b\n1,\"x\"y\n").await, at("source.stray_quote", 2, 9));
    assert_eq!(texts("a,b\n1,5\" pipe\n").await, [line(2, &["1", "5\" pipe"])]);
}

#[tokio::test]
async fn a_file_without_header_or_without_end_is_refused() {
    for nothing in ["", "\n\n", "\r\n", ",,\n", "\u{feff}"] {
        assert_eq!(rows(nothing).await.unwrap_err().code, "source.empty", "{nothing:?}");
    }
    assert_eq!(problem("a,b\n1,2").await, at("source.unstable", 2, 7));
    assert_eq!(problem("a,b\r\n1,2\r").await, at("source.unstable", 3, 9));
    assert_eq!(problem("a,b").await, at("source.unstable", 1, 3));
}

#[tokio::test]
async fn only_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let source = |path: &Path| CsvSource::new(CsvConfig { path: path.to_owned(), ..config(directory.path()) }).unwrap();
    assert_eq!(all(&source(directory.path())).await.unwrap_err().code, "source.unreadable");
    assert_eq!(all(&source(&directory.path().join("no.csv"))).await.unwrap_err().code, "source.not_found");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_all_read() {
    let cell = |size: usize| format!("a,b\n1,{}\n", "x".repeat(size));
    assert_eq!(rows(cell(65_536)).await.unwrap().len(), 1);
    assert_eq!(problem(cell(65_537)).await, at("source.cell_too_large", 2, 6));
    let wide = |cells: usize| {
        let line = |text: &str| vec![text; cells].join(",");
        format!("{}\n{}\n", line("h"), line(&"x".repeat(60_000)))
    };
    assert_eq!(rows(wide(17)).await.unwrap().len(), 1);
    assert_eq!(problem(wide(18)).await, at("source.cell_too_large", 2, 36));
    let endless = format!("a,b\n1,\"{}", "x,y\n".repeat(1_000_000));
    assert_eq!(problem(endless).await, at("source.cell_too_large", 2, 4));
}

/// A half-written file never gives a reading that ends well with a value that the whole file does not have.
#[tokio::test]
async fn a_file_cut_anywhere_gives_no_wrong_value() {
    let text = "id,name,note\r\n1,Їжак,\"a \"\"b\"\"\r\nc\"\r\n22,Ann,5.00\n333,\"Bob\",\"x,\ny\"\n";
    let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [text.as_bytes(), &utf16] {
        let whole = rows(bytes).await.unwrap();
        assert_eq!(whole.len(), 3);
        let mut completed = 0;
        for end in 0..bytes.len() {
            if let Ok(rows) = rows(&bytes[..end]).await {
                assert_eq!(rows, whole[..rows.len()], "cut at {end}");
                completed += 1;
            }
        }
        assert_eq!(completed, 3, "only at the ends of lines");
    }
}

#[tokio::test]
async fn a_file_that_grows_or_is_replaced_while_it_is_read_is_unstable() {
    let text = format!("a,b\n{}", "1,2\n".repeat(200_000));
    for replace in [false, true] {
        let (directory, source) = file(&text);
        let path = directory.path().join("data.csv");
        let mut batches = source.read().await.unwrap().batches;
        batches.next().await.unwrap().unwrap();
        if replace {
            fs::write(directory.path().join("new.csv"), &text).unwrap();
            fs::rename(directory.path().join("new.csv"), &path).unwrap();
        } else {
            fs::write(&path, "a,b\n").unwrap();
        }
        let last = batches.fold(None, async |_, batch| Some(batch)).await;
        assert_eq!(last.unwrap().unwrap_err().code, "source.unstable");
        let marks = futures::stream::empty().boxed();
        let refused = source.write_back(&Layout { key: vec![], columns: vec![] }, marks).await.unwrap_err();
        assert_eq!(refused.code, "source.changed_since_read");
    }
}

#[tokio::test]
async fn results_keep_the_table_and_disarm_formulas() {
    let (directory, source) = file("id;Status;note\n1;old;=1+1\n2;old;\"a;\"\"b\"\"\nc\"\n4;old;-5,00\n");
    all(&source).await.unwrap();
    let layout = Layout { key: vec!["id".into()], columns: vec!["Stripe ID".into(), "Status".into()] };
    let mark = |number, id: &str| Mark { number, key: vec![], values: vec![id.into(), "+done".into()] };
    let marks = futures::stream::iter([vec![mark(2, "cus_1")], vec![mark(5, "=x"), mark(9, "")]]).boxed();
    let written = source.write_back(&layout, marks).await;
    assert_eq!(written, Ok(Written { rows: 2, missing: 1 }));
    let results = fs::read_to_string(directory.path().join("data.results.csv")).unwrap();
    let expected = "id;Status;note;Stripe ID\n1;'+done;'=1+1;cus_1\n2;;\"a;\"\"b\"\"\nc\";\n4;'+done;-5,00;'=x\n";
    assert_eq!(results, expected);
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
}
