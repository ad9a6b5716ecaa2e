//! What the fuzz targets check, over their seeds and a few thousand changes of them that repeat with their seed.

use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// What makes a change that matters more likely.
const PIECES: &[&[u8]] = &[
    b"${{",
    b"}}",
    b"{{",
    b"\"",
    b"'",
    b"''",
    b"\"\"",
    b"\r\n",
    b"\r",
    b"\n",
    b"\t",
    b",",
    b";",
    b": ",
    b"- ",
    b"[",
    b"{",
    b"}",
    b"#",
    b"&a ",
    b"*a",
    b"!t ",
    b"|",
    b">",
    b"---\n",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xe2\x82",
    b"\0",
    b"\\",
    b"row.text",
    b"row.total",
    "é".as_bytes(),
    "\u{202e}".as_bytes(),
    "🦀".as_bytes(),
    b"0",
    b"9",
    b".",
    b"-",
    b"1e9",
    b"null",
    b"true",
    b"t=",
    b",v1=",
    b"\"error\":",
    b"\"id\":",
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Changes some bytes: over, in or out, or the end of another seed in place of this one's.
fn change(seeds: &[Vec<u8>], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[dice.random_range(0..seeds.len())].clone();
    for _ in 0..dice.random_range(1..5) {
        let at = dice.random_range(0..=bytes.len());
        let end = (at + dice.random_range(0..8)).min(bytes.len());
        match dice.random_range(0..5) {
            0 => bytes.splice(at..end, []).for_each(drop),
            1 => bytes.insert(at, dice.random_range(0..=u8::MAX)),
            2 => bytes.splice(at..at, PIECES[dice.random_range(0..PIECES.len())].iter().copied()).for_each(drop),
            3 => bytes.splice(at..end, PIECES[dice.random_range(0..PIECES.len())].iter().copied()).for_each(drop),
            _ => {
                let other = &seeds[dice.random_range(0..seeds.len())];
                bytes.truncate(at);
                bytes.extend(&other[dice.random_range(0..=other.len())..]);
            }
        }
    }
    bytes
}

fn hold(target: &str, changes: u32, check: fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        check(seed);
    }
    let mut dice = StdRng::seed_from_u64(6);
    for nth in 0..changes {
        let bytes = change(&seeds, &mut dice);
        let held = std::panic::catch_unwind(|| check(&bytes)).is_ok();
        assert!(held, "{target}, change {nth}: {}", bytes.escape_ascii());
    }
}

#[test]
fn any_configuration_file_gives_problems_that_are_placed() {
    hold("yaml", 600, fuzz::yaml::check);
}

#[test]
fn any_template_is_refused_or_worked_out() {
    hold("template", 3000, fuzz::template::check);
}

#[test]
fn any_file_is_read_the_same_wherever_its_blocks_end() {
    hold("csv", 300, fuzz::csv::check);
}

#[test]
fn any_text_is_refused_as_an_amount_or_is_exact() {
    hold("money", 20_000, fuzz::money::check);
}

#[test]
fn any_answer_is_judged_with_caution() {
    hold("answer", 5000, fuzz::answer::check);
}

#[test]
fn no_delivery_is_taken_that_is_not_signed() {
    hold("webhook", 20_000, fuzz::webhook::check);
}
