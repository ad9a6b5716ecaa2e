//! Mistakes in YAML's syntax, in plain words: the parser says what stopped it, and the text around says what was meant.

use granit_parser::ErrorKind;
use rowbill_connector::Problem;

use super::file::File;
use super::yaml::At;

/// The problem behind a parser's error at this byte.
pub fn explain(file: &File, kind: &ErrorKind, start: usize) -> Problem {
    if let Some(problem) = template_problem(file, start) {
        return problem;
    }
    let (at, message, advice) = words(file, kind, start);
    file.place(At { start: at, end: at + 1 }, Problem::new("config.yaml", message).advise(advice))
}

/// A map or a list stands where a key belongs: nearly always a template without its dollar sign.
pub fn key_is_no_text(file: &File, start: usize) -> Problem {
    template_problem(file, start).unwrap_or_else(|| {
        let problem = Problem::new("config.yaml", "a key must be a text, and this is a map or a list");
        file.place(
            At { start, end: start + 1 },
            problem.advise("write `key: value`; a text that starts with `{` or `[` needs quotes"),
        )
    })
}

/// `{{ … }}` without its dollar sign, or `${{ … }}` without quotes between braces, in this line.
fn template_problem(file: &File, start: usize) -> Option<Problem> {
    let line = file.line_at(start);
    let offset = file.line_start(start);
    let (at, message, advice) = if let Some(found) = bare(line) {
        let inner = line[found + 2..].split('}').next().unwrap_or_default().trim();
        (found, "`{{ … }}` without a dollar sign is not a template", format!("write `${{{{ {inner} }}}}`"))
    } else {
        let found = line.find("${{").filter(|found| is_inside_flow(&line[..*found]))?;
        let inner = line[found..].split_inclusive("}}").next().unwrap_or_default();
        (
            found,
            "between `{ … }` or `[ … ]` a template needs quotes",
            format!("write \"{inner}\", or give the value a line of its own"),
        )
    };
    let at = At { start: offset + at, end: offset + at + 2 };
    Some(file.place(at, Problem::new("config.template_syntax", message).advise(advice)))
}

fn bare(line: &str) -> Option<usize> {
    line.match_indices("{{").map(|(at, _)| at).find(|at| !line[..*at].ends_with('$'))
}

/// An open brace or bracket before, and no open quote.
fn is_inside_flow(before: &str) -> bool {
    let opens = before.matches(['{', '[']).count();
    let closes = before.matches(['}', ']']).count();
    opens > closes && before.matches('"').count().is_multiple_of(2) && before.matches('\'').count().is_multiple_of(2)
}

fn words(file: &File, kind: &ErrorKind, start: usize) -> (usize, String, String) {
    let here = |message: &str, advice: &str| (start, message.to_owned(), advice.to_owned());
    let line = file.line_at(start).trim();
    match kind {
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar
            if quote_before(file, start).is_some() =>
        {
            let words =
                here("the quote that opens here is never closed", "close it with the same quote, or take it out");
            (quote_before(file, start).unwrap_or(start), words.1, words.2)
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::DocumentIndicatorInQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent => {
            here("the quote that opens here is never closed", "close it with the same quote, or take it out")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => here(
            "text stands after the closing quote",
            "inside '…' an apostrophe is written twice: 'Ann''s'; or use \"…\"",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => here(
            "text stands after the closing quote",
            "inside \"…\" a quote is written \\\"; or use '…' around the whole text",
        ),
        ErrorKind::UnknownQuotedScalarEscape => escape(file, start),
        ErrorKind::UnclosedFlowCollection { open } => unclosed(start, *open),
        ErrorKind::UnexpectedCharacter { character } => (
            start,
            format!("a text without quotes cannot start with `{character}`"),
            "put the text in quotes".to_owned(),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => indentation(file, start),
        ErrorKind::MappingValueNotAllowed => colon(file, start),
        ErrorKind::SimpleKeyExpected if line.contains(':') => (
            file.first_of_line(start),
            "there is no space behind the colon".to_owned(),
            format!("write `{}`", line.replacen(':', ": ", 1)),
        ),
        ErrorKind::SimpleKeyExpected => (
            file.first_of_line(start),
            "this line has no colon".to_owned(),
            format!("write `key: value`, such as `{}`", line.replacen(' ', ": ", 1)),
        ),
        _ => match open_before(file, start) {
            Some((at, open)) => unclosed(at, open),
            None => here(
                "this is not valid YAML",
                "check the indentation and the colons of this line and the one before; quotes help where a text has `: ` or ` #` in it",
            ),
        },
    }
}

fn unclosed(at: usize, open: char) -> (usize, String, String) {
    let close = if open == '[' { ']' } else { '}' };
    (
        at,
        format!("the `{open}` that opens here is never closed"),
        format!("add the `{close}`; a text that starts with `{open}` needs quotes"),
    )
}

fn indentation(file: &File, start: usize) -> (usize, String, String) {
    let advice = "settings of one level line up: the same number of spaces before each, and more than before the line they belong to";
    (
        file.first_of_line(start),
        "this line is indented differently from the lines beside it".to_owned(),
        advice.to_owned(),
    )
}

/// A second colon in a line is part of a text; the first one belongs to a line that is indented too far.
fn colon(file: &File, start: usize) -> (usize, String, String) {
    let first = file.first_of_line(start);
    if file.text[first..start].contains(": ") {
        let advice = "put the text in quotes: \"Orders: November\"";
        return (start, "`: ` inside a text would begin another value".to_owned(), advice.to_owned());
    }
    indentation(file, start)
}

/// The first escape in a quoted text that YAML does not have.
fn escape(file: &File, start: usize) -> (usize, String, String) {
    let mut chars = file.text[start..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let Some((_, escaped)) = (c == '\\').then(|| chars.next()).flatten() else { continue };
        if !"0abtnvfre \"/\\N_LPxuU\t\n".contains(escaped) {
            let advice = "write the backslash twice, or use single quotes: 'C:\\orders'";
            return (start + at, format!("YAML has no escape `\\{escaped}`"), advice.to_owned());
        }
    }
    (
        start,
        "this text has an escape that YAML does not have".to_owned(),
        "use single quotes, which have no escapes".to_owned(),
    )
}

/// The quote of an earlier line that this place's quote seems to close.
fn quote_before(file: &File, end: usize) -> Option<usize> {
    let text = &file.text[..end];
    let mut rest = 0;
    while let Some(open) = text[rest..].find(['"', '\'']).map(|found| rest + found) {
        let line_before = text[..open].rsplit('\n').next().unwrap_or_default();
        let begins = line_before.trim_end_matches(' ').ends_with([':', '-', ',', '[', '{', '('])
            || line_before.trim().is_empty();
        if !begins || line_before.contains(" #") {
            rest = open + 1;
            continue;
        }
        let quote = &text[open..=open];
        let close = text[open + 1..].find(quote).map_or(text.len(), |found| open + 1 + found);
        if close + 1 >= end {
            return text[open..close.min(text.len())].contains('\n').then_some(open);
        }
        rest = close + 1;
    }
    None
}

/// The bracket that is still open at this place. Only those count that begin a value: others are text.
fn open_before(file: &File, end: usize) -> Option<(usize, char)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    for (at, c) in file.text[..end].char_indices() {
        let before = file.text[..at].trim_end_matches(' ');
        match c {
            '[' | '{' if before.ends_with([':', '-', ',', '[', '{']) => open.push((at, c)),
            ']' | '}' => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
