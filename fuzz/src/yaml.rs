//! Configuration files: any bytes give a project or problems with places inside the file.

use std::path::{Path, PathBuf};

use rowbill::config::files::Files;
use rowbill::config::load_files;
use rowbill_connector::Problem;

/// What is there when the bytes are the mapping.
const SETTINGS: &[u8] = b"version: 1\naccounts: { acme: { mode: test, key: { env: KEY } } }\n\
    sources: { orders: { csv: { path: orders.csv, columns: { id: { header: Id }, total: { header: Total, type: money, currency: EUR } } } } }\n";

/// The first byte says which file the others are: `rowbill.yaml` or a mapping.
pub fn check(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let is_settings = which % 4 == 0;
    let path = Path::new("rowbill.yaml");
    let mapping = PathBuf::from("mappings/fuzz.yaml");
    let files = Files {
        settings: Ok(if is_settings { text.to_vec() } else { SETTINGS.to_vec() }),
        mappings: if is_settings { [].into() } else { [(mapping, Ok(text.to_vec()))].into() },
        folder: Ok(()),
    };
    if let Err(problems) = load_files(path, &files, rowbill_stripe_spec::catalog(), &|_| Ok(None)) {
        assert!(!problems.is_empty());
        for problem in &problems {
            is_placed(problem, text);
        }
    }
}

fn is_placed(problem: &Problem, text: &[u8]) {
    assert!(!problem.message.is_empty() && problem.code.contains('.'), "{problem:?}");
    let Some(place) = &problem.place else { return };
    let (Some(line), Some(column)) = (place.line, place.column) else { return };
    let lossy = String::from_utf8_lossy(text);
    let wanted = usize::try_from(line).unwrap_or(usize::MAX);
    let found = lossy.split('\n').nth(wanted - 1).unwrap_or_else(|| panic!("no line {line}: {problem:?}"));
    let end = found.chars().count() as u64 + 1;
    assert!(line > 0 && (1..=end).contains(&column), "no column {column} of {end}: {problem:?}");
}
