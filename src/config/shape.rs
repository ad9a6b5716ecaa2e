//! What a configuration file may hold, as data: one description from which the checks, the editors' JSON Schema and
//! the suggestions all come.

use rowbill_connector::Problem;

use super::file::File;
use super::yaml::{Key, Node, Value};
use crate::suggest::did_you_mean;

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text; numbers are taken as they are written.
    Text,
    /// One of these words, each with its meaning.
    Word(&'static [(&'static str, &'static str)]),
    /// `true` or `false`.
    Bool,
    /// A whole number of at least this much.
    Whole(i64),
    /// An exact decimal number.
    Decimal,
    /// A length of time: a whole number and s, m, h or d.
    Duration,
    /// A number of requests per second, `25/s`, or `unlimited`.
    Rate,
    /// A text that may hold `${{ … }}`.
    Template,
    /// A list.
    List(&'static Shape),
    /// One value, or a list of them.
    OneOrMany(&'static Shape),
    /// A map with fixed keys.
    Map(&'static Fields),
    /// A map whose keys are names that the author chooses.
    Named(&'static Shape),
    /// A text, or a map with fixed keys.
    TextOr(&'static Fields),
    /// One of these words, or a map with fixed keys.
    WordOr(&'static [(&'static str, &'static str)], &'static Fields),
    /// Checked elsewhere: the parameters of an action.
    Open,
}

/// The keys of a map.
#[derive(Debug)]
pub struct Fields {
    /// What the map is, for messages: `an account`.
    pub what: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
    /// Of these keys at most one may be given.
    pub one_of: &'static [&'static str],
    /// And one of them must be.
    pub one_needed: bool,
}

/// One key.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is for: shown by editors.
    pub doc: &'static str,
    /// What stands behind it.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// A key that may be left out.
pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: false }
}

/// A key that must be there.
pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: true }
}

/// Checks a value against its shape; every mistake becomes a problem at its place.
pub fn check(file: &File, node: &Node, shape: Shape, problems: &mut Vec<Problem>) {
    Checker { file, problems }.value(node, shape, "this file");
}

struct Checker<'a> {
    file: &'a File,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn value(&mut self, node: &Node, shape: Shape, name: &str) {
        match shape {
            Shape::Open => {}
            Shape::Map(fields) => self.map(node, fields, name),
            Shape::TextOr(fields) | Shape::WordOr(_, fields) if !node.entries().is_empty() => {
                self.map(node, fields, name);
            }
            Shape::WordOr(words, _) => self.scalar(node, Shape::Word(words), name),
            Shape::Named(inner) => self.named(node, *inner, name),
            Shape::List(inner) => self.list(node, *inner, name),
            Shape::OneOrMany(inner) if matches!(node.value, Value::List(_)) => self.list(node, *inner, name),
            Shape::OneOrMany(inner) => self.value(node, *inner, name),
            scalar => self.scalar(node, scalar, name),
        }
    }

    fn map(&mut self, node: &Node, fields: &'static Fields, name: &str) {
        let Value::Map(entries) = &node.value else {
            let names: Vec<&str> = fields.fields.iter().map(|field| field.name).collect();
            let advice =
                format!("{}, such as `{{ {}: … }}`, as indented `key: value` lines", fields.what, names.join(": …, "));
            if fields.what == A_SECRET {
                self.bare_secret(node, name, &advice);
            } else {
                self.wrong(node, name, &advice);
            }
            return;
        };
        for (key, value) in entries {
            match fields.fields.iter().find(|field| field.name == key.text) {
                Some(field) => self.value(value, field.shape, field.name),
                None => self.unknown(key, fields),
            }
        }
        for field in fields
            .fields
            .iter()
            .filter(|field| field.required && node.get(field.name).is_none() && !is_slip(entries, fields, field.name))
        {
            let message = format!("`{}` is missing in {}", field.name, fields.what);
            self.tell(node, "config.missing_key", message, format!("add `{}:` — {}", field.name, field.doc));
        }
        self.one_of(node, fields);
    }

    fn one_of(&mut self, node: &Node, fields: &'static Fields) {
        let given: Vec<&(Key, Node)> =
            node.entries().iter().filter(|(key, _)| fields.one_of.contains(&key.text.as_str())).collect();
        let choice = fields.one_of.join(", ");
        if let [first, second, ..] = given[..] {
            let message = format!("{} has both `{}` and `{}`", fields.what, first.0.text, second.0.text);
            let problem = Problem::new("config.one_of", message).advise(format!("keep exactly one of: {choice}"));
            self.problems.push(self.file.place(second.0.at, problem));
        } else if given.is_empty()
            && fields.one_needed
            && !fields.one_of.iter().any(|name| is_slip(node.entries(), fields, name))
        {
            let message = format!("{} says none of: {choice}", fields.what);
            self.tell(node, "config.missing_key", message, "add one of them".to_owned());
        }
    }

    fn unknown(&mut self, key: &Key, fields: &'static Fields) {
        let names: Vec<&str> = fields.fields.iter().map(|field| field.name).collect();
        let problem = Problem::new("config.unknown_key", format!("`{}` is not a setting of {}", key.text, fields.what))
            .advise(did_you_mean(&key.text, &names));
        self.problems.push(self.file.place(key.at, problem));
    }

    fn named(&mut self, node: &Node, inner: Shape, name: &str) {
        let Value::Map(entries) = &node.value else {
            return self.wrong(node, name, "a map of names, each with its settings below it");
        };
        for (key, value) in entries {
            self.value(value, inner, &key.text);
        }
    }

    fn list(&mut self, node: &Node, inner: Shape, name: &str) {
        let Value::List(elements) = &node.value else {
            return self.wrong(node, name, "a list, such as `[one, two]`");
        };
        if elements.is_empty() {
            self.wrong(node, name, "a list with at least one element");
        }
        for element in elements {
            self.value(element, inner, name);
        }
    }

    fn scalar(&mut self, node: &Node, shape: Shape, name: &str) {
        let Some(text) = node.text() else {
            return self.wrong(node, name, &expected(shape));
        };
        if node.is_null() {
            let message = format!("`{name}` has no value");
            return self.tell(node, "config.wrong_type", message, format!("write {}", expected(shape)));
        }
        match shape {
            Shape::Word(words) if !words.iter().any(|(word, _)| *word == text) => {
                let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("`{name}` cannot be `{text}`");
                self.tell(node, "config.not_allowed", message, did_you_mean(text, &names));
            }
            _ if fits(text, shape) => {}
            _ => self.wrong(node, name, &expected(shape)),
        }
    }

    fn wrong(&mut self, node: &Node, name: &str, expected: &str) {
        let message = match node.text() {
            Some(text) if !text.is_empty() => format!("`{name}` is `{}`: that is not what belongs here", short(text)),
            _ => format!("`{name}` does not have the right form"),
        };
        self.tell(node, "config.wrong_type", message, format!("write {expected}"));
    }

    /// What stands in place of a reference is the secret itself: it is not said again.
    fn bare_secret(&mut self, node: &Node, name: &str, expected: &str) {
        // Of a key that is known by its form, the form may be shown.
        if node.text().is_some_and(|text| super::secret::masked_keys(text) != text) {
            return self.wrong(node, name, expected);
        }
        let message = format!("`{name}` is not a reference to a secret: that is not what belongs here");
        self.tell(node, "config.wrong_type", message, format!("write {expected}"));
    }

    fn tell(&mut self, node: &Node, code: &str, message: String, advice: String) {
        let problem = Problem::new(code, message).advise(advice);
        self.problems.push(self.file.place(node.at, problem));
    }
}

/// The beginning of a long text; keys are masked before they could be cut.
fn short(text: &str) -> String {
    let text = super::secret::masked(text);
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

/// Whether an unknown key is nearly this name: then that is told, and not that the name is missing.
fn is_slip(entries: &[(Key, Node)], fields: &Fields, name: &str) -> bool {
    let mut unknown = entries.iter().filter(|(key, _)| !fields.fields.iter().any(|field| field.name == key.text));
    unknown.any(|(key, _)| crate::suggest::nearest(&key.text, &[name]).is_some())
}

fn fits(text: &str, shape: Shape) -> bool {
    match shape {
        Shape::Bool => matches!(text, "true" | "false"),
        Shape::Whole(least) => text.parse::<i64>().is_ok_and(|number| number >= least),
        Shape::Decimal => text.parse::<rust_decimal::Decimal>().is_ok_and(|number| !number.is_sign_negative()),
        Shape::Duration => parse_duration(text).is_some(),
        Shape::Rate => text == "unlimited" || parse_rate(text).is_some(),
        _ => true,
    }
}

fn expected(shape: Shape) -> String {
    match shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::Whole(least) => format!("a whole number of at least {least}, such as {}", least.max(30)),
        Shape::Decimal => "a number such as 20000 or 99.50".to_owned(),
        Shape::Duration => "a length of time such as 30s, 15m, 2h or 1d".to_owned(),
        Shape::Rate => "requests per second such as `25/s`, or `unlimited`".to_owned(),
        Shape::Template => "a text or a template such as ${{ row.email }}".to_owned(),
        Shape::Word(words) => format!("one of: {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")),
        Shape::TextOr(fields) => format!("a name, or {}", fields.what),
        _ => "a text".to_owned(),
    }
}

/// What a reference to a secret is called.
pub const A_SECRET: &str = "a reference to a secret";

/// Seconds of `15m`, `30s`, `2h`, `1d`; nothing for zero.
pub fn parse_duration(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0)
}

/// Requests per second of `25/s`.
pub fn parse_rate(text: &str) -> Option<u32> {
    text.strip_suffix("/s")?.trim().parse().ok().filter(|rate| *rate > 0)
}
