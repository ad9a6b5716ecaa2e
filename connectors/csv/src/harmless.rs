//! Keeps a cell from being run as a formula by the program that opens the results file.

use std::borrow::Cow;

/// Puts `'` before a cell that a spreadsheet would take for a formula. Plain numbers stay as they are.
pub(crate) fn harmless(cell: &str) -> Cow<'_, str> {
    let risky = matches!(cell.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\0'));
    if risky && !is_plain_number(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// `-12.50`, `+4`, `-1,234.5`: a sign, digits and marks, and nothing that could be calculated.
fn is_plain_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',')
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn formulas_are_quoted_and_numbers_are_not() {
        for formula in
            ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "-1+2", "+", "-", "--1", "-1=1", "+1 2"]
        {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for plain in ["", "a=b", "-12.50", "+380501234567", "-1,234.5", "12", "'=1", " =1", "ann@example.org"] {
            assert_eq!(harmless(plain), plain);
        }
    }
}
