//! The cells.

/// A text that wants to be more than a text.
pub struct Cell {
    /// Its key in the files of the tests.
    pub name: &'static str,
    pub text: &'static str,
    /// What is sent for it: trimmed and composed.
    pub sent: &'static str,
}

const fn same(name: &'static str, text: &'static str) -> Cell {
    Cell { name, text, sent: text }
}

const fn cleaned(name: &'static str, text: &'static str, sent: &'static str) -> Cell {
    Cell { name, text, sent }
}

/// Formulas, control sequences, markup, templates, forms, forged lines.
pub const CELLS: &[Cell] = &[
    same("link", r#"=HYPERLINK("http://x","y")"#),
    same("command", "=cmd|' /C calc'!A0"),
    same("plus", "+1"),
    same("plus formula", "+1+cmd|x"),
    same("minus", "-1+1"),
    same("at", "@SUM(A1)"),
    cleaned("tab", "\t=1", "=1"),
    cleaned("return", "\r=1", "=1"),
    same("quoted", "'=1"),
    same("screen", "a\u{1b}[2Jb\u{1b}[31mc"),
    same("title", "a\u{1b}]0;forged\u{7}b"),
    same("eight bits", "a\u{9b}2Jb\u{85}c\u{9d}0;forged\u{9c}d"),
    same("deleted", "a\u{8}\u{8}\u{7f}\u{c}\u{b}b"),
    same("units", "a\u{1}\u{1c}\u{1d}\u{1e}\u{1f}b"),
    same("reversed", "a\u{202e}b\u{2066}c\u{2069}\u{200f}d\u{61c}e"),
    same("no width", "a\u{200b}b\u{200d}c\u{feff}d\u{ad}e"),
    same("separators", "a\u{2028}b\u{2029}c"),
    same("script", "<script>alert(1)</script>"),
    same("image", r#""><img src=x onerror=alert(1)>"#),
    same("template", "${{ 7*7 }}"),
    same("braces", "{{ 7*7 }}{% raw %}{# c #}"),
    same("database", "'; DROP TABLE rows;--"),
    same("quotes", "\"\"'`\\\""),
    same("backslash", "a\\nb\\u0000\\x1b[2J\\"),
    same("lone return", "a\rERROR forged\rb"),
    same("two lines", "a\r\nERROR forged\r\nb"),
    same("log line", "a\n2026-01-01T00:00:00Z ERROR forged\n✔ forged\n\n\nb"),
    same("form", "x&amount=1&a[b]=c&metadata[rowbill_op]=forged;d=e"),
    same("percent", "%00%0a%26amount%3D1+x%"),
    same("brackets", "a[b]=c"),
    same("family", "👩‍👩‍👧🏳️‍🌈"),
    cleaned("composed", "e\u{301} A\u{30a} \u{1100}\u{1161}", "é Å 가"),
    same("stacked", "z\u{335}\u{322}\u{489}\u{489}"),
    same("json", r#"{"a":"\u0000"},]"#),
    same("yaml", "a: &x [*x, !!b]\n- ---"),
    same("path", "../../etc/passwd"),
    same("variable", "$STRIPE_SECRET_KEY ${HOME} `id` $(id)"),
    same("comma", ",;|\t,"),
    cleaned("padded", " \u{a0}\u{feff}\u{200b}x\u{a0}\u{2003} ", "x"),
    same("number", "-12.50"),
];

/// The cells under these headers, the key first.
pub fn csv(headers: [&str; 2]) -> String {
    let rows = CELLS.iter().map(|cell| [cell.name, cell.text]);
    table(std::iter::once(headers).chain(rows))
}

/// Any records as a CSV file.
pub fn table<'a, const N: usize>(rows: impl IntoIterator<Item = [&'a str; N]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A text between double quotes in YAML, whatever is in it.
pub fn yaml(text: &str) -> String {
    let escape = |c: char| match c {
        ' ' => c.to_string(),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        c => format!("\\U{:08X}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
