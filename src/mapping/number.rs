//! Exact numbers out of cells. What could be read in two ways is refused.

use rust_decimal::Decimal;

/// How numbers are written in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// What stands before the decimals, where the mapping says so.
    pub decimal: Option<char>,
    /// What groups the digits, where the mapping says so.
    pub thousands: Option<char>,
}

/// Why a text is not a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotANumber {
    /// It has something else in it.
    Form,
    /// It could be read in two ways, `1.000` or `1,000`.
    Ambiguous,
    /// It holds a mark that the mapping does not declare.
    Undeclared(char),
    /// The digits are not grouped by three.
    Groups,
    /// More digits than any amount has.
    TooLarge,
}

impl NotANumber {
    /// Code, what is wrong with `text`, and what to do.
    pub fn explain(&self, text: &str) -> (&'static str, String, String) {
        match self {
            Self::Form => (
                "row.not_a_number",
                format!("\"{text}\" is not a number"),
                "leave only digits and marks in the cell: no currency signs, letters or brackets".into(),
            ),
            Self::Ambiguous => (
                "row.ambiguous_number",
                format!("\"{text}\" can be read as a thousand or as one"),
                "declare the column's decimal_mark (\".\" or \",\"), and its thousands_mark if it has one".into(),
            ),
            Self::Undeclared(mark) => (
                "row.undeclared_mark",
                format!("\"{text}\" holds the mark `{mark}`, which the column does not declare"),
                "declare the column's decimal_mark (\".\" or \",\"), and its thousands_mark if it has one".into(),
            ),
            Self::Groups => (
                "row.not_a_number",
                format!("\"{text}\" has a thousands mark in the wrong place"),
                "write the digits in groups of three, or correct decimal_mark and thousands_mark of the column".into(),
            ),
            Self::TooLarge => {
                ("row.number_too_large", format!("\"{text}\" has too many digits"), "correct the cell".into())
            }
        }
    }
}

/// Reads a number exactly. Without declared marks only a plain `1234.5` is taken, and `1.000` is refused.
pub fn parse(text: &str, marks: Marks) -> Result<Decimal, NotANumber> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let mark = marks.decimal.unwrap_or('.');
    let (whole, decimals) = match digits.rsplit_once(mark) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (digits, None),
    };
    let whole = match marks.thousands {
        Some(thousands) => ungroup(whole, thousands)?,
        None => whole.to_owned(),
    };
    only_digits(&whole)?;
    if let Some(decimals) = decimals {
        only_digits(decimals)?;
        if marks.decimal.is_none() && decimals.len() == 3 && looks_grouped(&whole) {
            return Err(NotANumber::Ambiguous);
        }
    }
    let plain = match decimals {
        Some(decimals) => format!("{sign}{whole}.{decimals}"),
        None => format!("{sign}{whole}"),
    };
    Decimal::from_str_exact(&plain).map_err(|_| NotANumber::TooLarge)
}

/// `1` to `999` before three decimals may be a thousand; `0.125` and `1234.567` cannot.
fn looks_grouped(whole: &str) -> bool {
    whole.len() <= 3 && !whole.starts_with('0')
}

fn only_digits(text: &str) -> Result<(), NotANumber> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let is_number_like =
        text.chars().all(|c| c.is_ascii_digit() || is_mark(c)) && text.contains(|c: char| c.is_ascii_digit());
    match text.chars().find(|c| is_mark(*c)) {
        Some(mark) if is_number_like => Err(NotANumber::Undeclared(mark)),
        _ => Err(NotANumber::Form),
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | ' ' | '\u{a0}' | '\u{202f}')
}

fn ungroup(whole: &str, thousands: char) -> Result<String, NotANumber> {
    let is_thousands = |c: char| c == thousands || (thousands == ' ' && matches!(c, '\u{a0}' | '\u{202f}'));
    let mut groups = whole.split(is_thousands);
    let first = groups.next().unwrap_or_default();
    let mut plain = first.to_owned();
    let mut grouped = false;
    for group in groups {
        if group.len() != 3 {
            return Err(NotANumber::Groups);
        }
        grouped = true;
        plain.push_str(group);
    }
    if grouped && (first.is_empty() || first.len() > 3) {
        return Err(NotANumber::Groups);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(decimal: &str, thousands: &str) -> Marks {
        Marks { decimal: decimal.chars().next(), thousands: thousands.chars().next() }
    }

    #[test]
    fn plain_numbers_need_no_marks() {
        for text in ["12", "12.5", "12.50", "-3.10", "0.125", "1234.567", "1.0000"] {
            assert_eq!(parse(text, Marks::default()).unwrap().to_string(), text, "{text}");
        }
    }

    #[test]
    fn what_could_be_two_things_is_refused() {
        for text in ["1.000", "12.345", "999.999"] {
            assert_eq!(parse(text, Marks::default()), Err(NotANumber::Ambiguous), "{text}");
        }
        for text in ["1,000", "12,50", "1 000", "1'000"] {
            assert!(matches!(parse(text, Marks::default()), Err(NotANumber::Undeclared(_))), "{text}");
        }
    }

    #[test]
    fn declared_marks_are_exact() {
        assert_eq!(parse("1.234,56", marks(",", ".")).unwrap().to_string(), "1234.56");
        assert_eq!(parse("1\u{a0}234,56", marks(",", " ")).unwrap().to_string(), "1234.56");
        assert_eq!(parse("1.000", marks(",", ".")).unwrap().to_string(), "1000");
        assert_eq!(parse("1.000", marks(".", "")).unwrap().to_string(), "1.000");
        assert_eq!(parse("1.23,5", marks(",", ".")), Err(NotANumber::Groups));
        assert_eq!(parse("1.000", marks(",", "")), Err(NotANumber::Undeclared('.')));
    }

    #[test]
    fn anything_else_is_not_a_number() {
        for text in ["", "-", "12 €", "(5)", "1e3", "0x10", "NaN", "1..2", ".", "+5", "−5", "١٢"] {
            assert!(parse(text, Marks::default()).is_err(), "{text}");
        }
    }
}
