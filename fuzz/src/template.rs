//! Templates: any text is refused at a place inside it, or gives the same value each time, or a problem, in bounded work.

use std::collections::BTreeMap;

use minijinja::value::Value;
use rowbill::mapping::Template;

/// The bytes up to the first NUL are the template, the others a cell.
pub fn check(data: &[u8]) {
    let (template, cell) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"x"[..]),
    };
    let (template, cell) = (String::from_utf8_lossy(template), String::from_utf8_lossy(cell));
    let compiled = match Template::compile(&template, &|word| word == "row.total") {
        Ok(compiled) => compiled,
        Err(fault) => {
            assert!(fault.start <= fault.end && fault.start <= template.len(), "{fault:?}");
            assert!(template.is_char_boundary(fault.start), "{fault:?}");
            return;
        }
    };
    for (word, at) in compiled.words() {
        assert_eq!(template.get(at..at + word.len()), Some(word.as_str()));
    }
    for (_, at) in compiled.references() {
        assert!(at <= template.len());
    }
    let row = [("text", Value::from(cell.as_ref())), ("n", Value::from(7)), ("none", Value::from(""))];
    let scope = Value::from(BTreeMap::from([("row", Value::from(BTreeMap::from(row)))]));
    let told = |template: &Template| template.eval(&scope).map(|value| value.to_string());
    let first = told(&compiled);
    assert_eq!(first, told(&compiled), "a template has no clock and no dice");
    if let Some(constant) = compiled.constant() {
        assert_eq!(first.as_deref(), Ok(constant));
    }
    // What a cell holds is never evaluated again.
    if template == "${{ row.text }}" {
        assert_eq!(first.as_deref(), Ok(cell.as_ref()));
    }
}
