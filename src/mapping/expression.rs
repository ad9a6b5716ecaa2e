//! What is checked in an expression before minijinja sees it: arithmetic on text, floats, and comparisons of exact
//! values, which minijinja would get wrong in silence.

use std::fmt::Write as _;

use super::filters::{NAMES, TESTS};
use crate::suggest::did_you_mean;

/// So many words, signs and dots may be in an expression.
const MOST_STEPS: usize = 500;
/// So many brackets may be inside each other.
const DEEPEST: usize = 20;

/// A piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Number,
    Text,
    Compare,
    Arithmetic,
    Other,
}

/// What is wrong with an expression, and where in it (byte offsets).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub advice: String,
    /// First byte.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
}

/// Checks an expression and makes its comparisons exact. `is_exact` tells whether `row.total` is a decimal, an amount,
/// a date or a timestamp.
pub fn prepare(source: &str, is_exact: &dyn Fn(&str) -> bool) -> Result<String, Fault> {
    let tokens = tokens(source);
    bounded(source, &tokens)?;
    for (index, token) in tokens.iter().enumerate() {
        arithmetic(&tokens, index, token)?;
        known(&tokens, index)?;
    }
    let mentions_exact = tokens.iter().any(|token| token.kind == Kind::Word && is_exact(token.text));
    let makes_exact = tokens.iter().any(|token| matches!(token.text, "plus" | "minus" | "times"));
    if !mentions_exact && !makes_exact {
        return Ok(source.to_owned());
    }
    let mut literals = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Compare {
            literals.extend(comparison(&tokens, index, is_exact)?);
        }
    }
    Ok(wrap(source, &literals))
}

/// Where a name of the form `row.x` stands in an expression, for the place of a problem.
pub fn find_word(source: &str, word: &str) -> Option<(usize, usize)> {
    let token = tokens(source).into_iter().find(|token| token.kind == Kind::Word && token.text == word)?;
    Some((token.start, token.start + token.text.len()))
}

/// All names of the form `row.x` in an expression, with the byte at which each starts.
pub fn words(source: &str) -> Vec<(&str, usize)> {
    tokens(source).into_iter().filter(|token| token.kind == Kind::Word).map(|token| (token.text, token.start)).collect()
}

/// minijinja walks what hangs together by functions that call themselves: too much of it would end the program.
fn bounded(source: &str, tokens: &[Token<'_>]) -> Result<(), Fault> {
    let dots = |token: &Token<'_>| if token.kind == Kind::Word { token.text.matches('.').count() } else { 0 };
    let steps: usize = tokens.iter().map(|token| 1 + dots(token)).sum();
    let mut open = 0_usize;
    let is_deep = tokens.iter().any(|token| {
        match token.text {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        open > DEEPEST
    });
    if steps <= MOST_STEPS && !is_deep {
        return Ok(());
    }
    Err(Fault {
        code: "mapping.template",
        message: format!(
            "this expression has more than {MOST_STEPS} parts, or more than {DEEPEST} brackets in each other"
        ),
        advice: "write it as several expressions in one text".to_owned(),
        start: 0,
        end: source.len(),
    })
}

fn arithmetic(tokens: &[Token<'_>], index: usize, token: &Token<'_>) -> Result<(), Fault> {
    let fault = |code, message: String, advice: &str| {
        Err(Fault { code, message, advice: advice.to_owned(), start: token.start, end: token.start + token.text.len() })
    };
    match token.kind {
        Kind::Arithmetic if token.text == "-" && is_sign(tokens, index) => Ok(()),
        Kind::Arithmetic => fault(
            "mapping.arithmetic",
            format!("`{}` is not used in expressions: text and numbers are easily confused", token.text),
            "use the exact filters: `row.price | times(row.count)`, `| plus(1)`, `| minus(1)`; texts are joined with `~`",
        ),
        Kind::Number if token.text.contains(['.', 'e', 'E']) && !is_compared(tokens, index) => fault(
            "mapping.float",
            format!("{} would be a binary fraction, which is not exact", token.text),
            "write it as a text, such as `times(\"1.2\")`",
        ),
        _ => Ok(()),
    }
}

/// A filter or a test that does not exist: minijinja would tell that only when the first row is worked out.
fn known(tokens: &[Token<'_>], index: usize) -> Result<(), Fault> {
    let before = |back: usize| index.checked_sub(back).map_or("", |at| tokens[at].text);
    let token = tokens[index];
    let (what, names) = match (before(1), before(2)) {
        ("|", _) => ("filter", NAMES),
        ("is", _) if token.text != "not" => ("test", TESTS),
        ("not", "is") => ("test", TESTS),
        _ => return Ok(()),
    };
    if token.kind != Kind::Word || names.contains(&token.text) {
        return Ok(());
    }
    Err(Fault {
        code: "mapping.unknown_filter",
        message: format!("there is no {what} `{}`", token.text),
        advice: did_you_mean(token.text, names),
        start: token.start,
        end: token.start + token.text.len(),
    })
}

/// A minus before a number, where no value stands before it.
fn is_sign(tokens: &[Token<'_>], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| tokens[before]);
    let starts_value = before.is_none_or(|token| {
        matches!(token.kind, Kind::Compare)
            || matches!(token.text, "(" | "," | "[" | "and" | "or" | "not" | "if" | "else" | "in" | "~" | "is")
    });
    starts_value && tokens.get(index + 1).is_some_and(|token| token.kind == Kind::Number)
}

fn is_compared(tokens: &[Token<'_>], index: usize) -> bool {
    let is = |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|token| token.kind == Kind::Compare);
    is(index.checked_sub(1))
        || is(Some(index + 1))
        || (index >= 2 && tokens[index - 1].text == "-" && is(Some(index - 2)))
}

/// The literals beside a comparison that have to become exact: only `column op literal` and `column op column` are
/// taken, since anything else could not be told apart from a wrong answer.
fn comparison(
    tokens: &[Token<'_>],
    index: usize,
    is_exact: &dyn Fn(&str) -> bool,
) -> Result<Vec<(usize, usize)>, Fault> {
    let left = operand(tokens, index, false);
    let right = operand(tokens, index, true);
    let exact = |side: &Option<Operand<'_>>| matches!(side, Some(Operand::Word(word)) if is_exact(word));
    let literal = |side: &Option<Operand<'_>>| match side {
        Some(Operand::Number(start, end)) => Some((*start, *end)),
        _ => None,
    };
    match (&left, &right) {
        (Some(Operand::Word(a)), Some(Operand::Word(b))) if is_exact(a) == is_exact(b) => Ok(vec![]),
        (a, b) if exact(a) && literal(b).is_some() => Ok(literal(b).into_iter().collect()),
        (a, b) if literal(a).is_some() && exact(b) => Ok(literal(a).into_iter().collect()),
        (Some(Operand::Word(_)), Some(_)) | (Some(_), Some(Operand::Word(_))) if !exact(&left) && !exact(&right) => {
            Ok(vec![])
        }
        _ => {
            let token = tokens[index];
            Err(Fault {
                code: "mapping.comparison",
                message: format!("this comparison with `{}` is not exact", token.text),
                advice: "compare the column itself with a number or with another such column: `row.total > 0`"
                    .to_owned(),
                start: token.start,
                end: token.start + token.text.len(),
            })
        }
    }
}

enum Operand<'a> {
    Word(&'a str),
    Number(usize, usize),
    Text,
}

/// The single token beside an operator, provided that the operand ends there.
fn operand<'a>(tokens: &[Token<'a>], operator: usize, right: bool) -> Option<Operand<'a>> {
    let mut at = if right { operator + 1 } else { operator.checked_sub(1)? };
    let first = tokens.get(at)?;
    let mut start = first.start;
    let mut token = first;
    if right && first.text == "-" {
        at += 1;
        token = tokens.get(at)?;
    } else if !right && at > 0 && tokens[at - 1].text == "-" {
        at -= 1;
        start = tokens[at].start;
    }
    let beyond = if right { tokens.get(at + 1) } else { at.checked_sub(1).map(|before| &tokens[before]) };
    let ends = beyond
        .is_none_or(|token| matches!(token.text, "and" | "or" | "not" | "(" | ")" | "if" | "else" | "," | "[" | "]"));
    // A call or an index is no operand of one token.
    let plain = ends && !(right && beyond.is_some_and(|token| matches!(token.text, "(" | "[")));
    match token.kind {
        _ if !plain => None,
        Kind::Word => Some(Operand::Word(token.text)),
        Kind::Number => Some(Operand::Number(start, token.start + token.text.len())),
        Kind::Text => Some(Operand::Text),
        _ => None,
    }
}

fn wrap(source: &str, literals: &[(usize, usize)]) -> String {
    let mut out = String::with_capacity(source.len() + literals.len() * 10);
    let mut done = 0;
    for (start, end) in literals {
        out.push_str(&source[done..*start]);
        let _ = write!(out, "exact(\"{}\")", source[*start..*end].replace(' ', ""));
        done = *end;
    }
    out.push_str(&source[done..]);
    out
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let first = rest.chars().next().unwrap_or(' ');
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '"' | '\'' => (Kind::Text, quoted(rest, first)),
            c if c.is_ascii_digit() => (Kind::Number, number(rest)),
            c if c.is_alphabetic() || c == '_' => (Kind::Word, word(rest)),
            '<' | '>' | '=' | '!' => (Kind::Compare, 1 + usize::from(rest[1..].starts_with('='))),
            '*' | '+' | '-' | '/' | '%' => (Kind::Arithmetic, 1),
            c => (Kind::Other, c.len_utf8()),
        };
        let text = &rest[..length];
        let kind = if kind == Kind::Compare && matches!(text, "=" | "!") { Kind::Other } else { kind };
        tokens.push(Token { kind, text, start: at });
        at += length;
    }
    tokens
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

fn number(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len())
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::prepare;

    fn check(source: &str) -> Result<String, &'static str> {
        prepare(source, &|word| word == "row.total" || word == "row.paid").map_err(|fault| fault.code)
    }

    #[test]
    fn comparisons_of_exact_columns_become_exact() {
        assert_eq!(check("row.total > 0").unwrap(), "row.total > exact(\"0\")");
        assert_eq!(
            check("row.total >= -99.50 and row.name != \"\"").unwrap(),
            "row.total >= exact(\"-99.50\") and row.name != \"\""
        );
        assert_eq!(check("0 < row.total").unwrap(), "exact(\"0\") < row.total");
        assert_eq!(check("row.total == row.paid").unwrap(), "row.total == row.paid");
        assert_eq!(check("row.count > 3").unwrap(), "row.count > 3");
    }

    #[test]
    fn what_would_be_wrong_in_silence_is_refused() {
        assert_eq!(check("row.total|plus(1) > 0"), Err("mapping.comparison"));
        assert_eq!(check("row.total == \"5\""), Err("mapping.comparison"));
        assert_eq!(check("row.name * 100"), Err("mapping.arithmetic"));
        assert_eq!(check("row.name - 1"), Err("mapping.arithmetic"));
        assert_eq!(check("19.99"), Err("mapping.float"));
        assert_eq!(check("row.total | times(1.2)"), Err("mapping.float"));
    }

    #[test]
    fn texts_are_left_alone() {
        assert_eq!(check("row.name ~ \" - 1.5 * 2\"").unwrap(), "row.name ~ \" - 1.5 * 2\"");
        assert_eq!(check("row.name in [-1, 2]").unwrap(), "row.name in [-1, 2]");
    }
}
