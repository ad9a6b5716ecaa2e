//! A notice as text: one line stays one line, and long ones are cut.

use rowbill_connector::Notice;

/// The longest title, in characters.
const TITLE: usize = 200;

/// The title in one line: what a message begins with, and a mail's subject.
pub(crate) fn title(notice: &Notice) -> String {
    shorten(one_line(&notice.title).trim_start(), TITLE)
}

/// The text without breaks and other control characters; a line break in a name starts neither a line nor a header.
pub(crate) fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let parts: Vec<&str> = text.split(is_break).filter(|part| !part.is_empty()).collect();
    parts.join(" ").trim_end().to_owned()
}

/// At most so many characters; what is cut shows as `…`.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_go_and_the_rest_stays() {
        assert_eq!(one_line("  a\r\nBcc: x\u{2028}\tb \n"), "  a Bcc: x b");
        assert_eq!(one_line("Größe 10 €"), "Größe 10 €");
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }
}
