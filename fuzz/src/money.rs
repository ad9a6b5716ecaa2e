//! Amounts: a text is refused, or it is exactly the number that is sent.

use rowbill::mapping::Money;
use rowbill::mapping::money::{from_minor, to_minor};
use rowbill::mapping::number::{Marks, parse};
use rust_decimal::Decimal;

const MARKS: [(Option<char>, Option<char>); 6] = [
    (None, None),
    (Some('.'), None),
    (Some(','), None),
    (Some('.'), Some(',')),
    (Some(','), Some('.')),
    (Some(','), Some(' ')),
];
const CODES: [&str; 6] = ["eur", "usd", "jpy", "kwd", "isk", "ugx"];

/// The first byte chooses the marks and the currency; the others are the cell.
pub fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let (decimal, thousands) = MARKS[usize::from(*choice) % MARKS.len()];
    let code = CODES[usize::from(*choice) / MARKS.len() % CODES.len()];
    let text = String::from_utf8_lossy(text);
    let Ok(number) = parse(&text, Marks { decimal, thousands }) else { return };
    assert_eq!(digits(&text, decimal), written(number), "{text:?} is {number}");
    let currencies = &rowbill_stripe_spec::catalog().currencies;
    let money = Money { amount: number, currency: code.to_owned() };
    if let Ok(minor) = to_minor(&money, currencies) {
        let back: Decimal = from_minor(minor, code, currencies).parse().unwrap();
        assert_eq!(back, number, "{text:?} {code} is sent as {minor}");
    }
}

/// The text without its sign's, its thousands' and its zeros' ways of being written: `-1.234,50` is `-1234.5`.
fn digits(text: &str, decimal: Option<char>) -> String {
    let mark = decimal.unwrap_or('.');
    let keep = |c: char| match c {
        c if c == mark => Some('.'),
        c if c.is_ascii_digit() || c == '-' => Some(c),
        _ => None,
    };
    short(&text.chars().filter_map(keep).collect::<String>())
}

fn written(number: Decimal) -> String {
    short(&number.to_string())
}

fn short(plain: &str) -> String {
    let (sign, plain) = plain.strip_prefix('-').map_or(("", plain), |rest| ("-", rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    // There is no negative nothing.
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    format!("{sign}{whole}.{fraction}")
}
