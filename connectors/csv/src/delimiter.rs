//! Finds the delimiter in the header line.

/// What is looked for, the likeliest first.
const CANDIDATES: [u8; 4] = *b",;\t|";

/// The candidate that stands most often outside quotes in the header line; a comma when there is none.
/// `None` when the text ends before the header line does.
pub(crate) fn detect(text: &[u8], whole: bool) -> Option<u8> {
    let mut counts = [0_usize; CANDIDATES.len()];
    let mut quoted = false;
    for &byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => return Some(most(counts)),
            _ if quoted => {}
            _ => {
                if let Some(at) = CANDIDATES.iter().position(|&candidate| candidate == byte) {
                    counts[at] += 1;
                }
            }
        }
    }
    whole.then(|| most(counts))
}

fn most(counts: [usize; CANDIDATES.len()]) -> u8 {
    let mut best = 0;
    for at in 1..counts.len() {
        if counts[at] > counts[best] {
            best = at;
        }
    }
    CANDIDATES[best]
}

/// The delimiter as a person reads it.
pub(crate) fn name(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "TAB".to_owned(),
        other => format!("\"{}\"", other.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::detect;

    #[test]
    fn the_header_line_decides_and_quotes_hide() {
        assert_eq!(detect(b"a,b\n1;2;3;4\n", true), Some(b','));
        assert_eq!(detect(b"\"a,b,c\";d\n", true), Some(b';'));
        assert_eq!(detect(b"a\tb\r\n", true), Some(b'\t'));
        assert_eq!(detect(b"a|b|c,d\n", true), Some(b'|'));
        assert_eq!(detect(b"one\n", true), Some(b','));
        assert_eq!(detect(b"a;b", false), None);
        assert_eq!(detect(b"a;b", true), Some(b';'));
    }
}
