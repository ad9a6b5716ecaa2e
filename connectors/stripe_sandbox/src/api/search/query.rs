//! Stripe's search language: `metadata["k"]:"v" AND -email:"x" AND created>5`.

use crate::refusal::Refusal;

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Named(String),
    Metadata(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Is,
    Contains,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Longest first, so that `>=` is not read as `>`.
const TESTS: [(&str, Test); 6] = [
    (">=", Test::AtLeast),
    ("<=", Test::AtMost),
    (">", Test::Above),
    ("<", Test::Below),
    (":", Test::Is),
    ("~", Test::Contains),
];

#[derive(Clone, Debug)]
struct Clause {
    negated: bool,
    field: Field,
    test: Test,
    /// `None` stands for `null`.
    value: Option<String>,
}

/// Clauses that must all hold, or of which one must hold.
#[derive(Clone, Debug)]
pub(super) struct Query {
    clauses: Vec<Clause>,
    any: bool,
}

impl Query {
    /// Reads a query over these fields and metadata.
    pub(super) fn parse(text: &str, fields: &[&str]) -> Result<Self, Refusal> {
        let mut reader = Reader { rest: text.trim() };
        let mut clauses = Vec::new();
        let mut joined = None;
        loop {
            let clause = reader.clause().ok_or_else(|| malformed(text))?;
            if let Field::Named(name) = &clause.field
                && !fields.contains(&name.as_str())
            {
                return Err(Refusal::of("query", format!("Field `{name}` is an unsupported search field.")));
            }
            clauses.push(clause);
            match reader.joint() {
                None if reader.rest.is_empty() => break,
                None => return Err(malformed(text)),
                Some(any) if joined.is_some_and(|before| before != any) => {
                    return Err(Refusal::of("query", "You can't combine AND and OR in one query."));
                }
                Some(any) => joined = Some(any),
            }
        }
        Ok(Self { clauses, any: joined.unwrap_or(false) })
    }

    /// Whether the query holds for an object with these values.
    pub(super) fn holds(&self, value: impl Fn(&Field) -> Option<String>) -> bool {
        let mut results = self.clauses.iter().map(|clause| clause.holds(value(&clause.field).as_deref()));
        if self.any { results.any(|holds| holds) } else { results.all(|holds| holds) }
    }
}

impl Clause {
    fn holds(&self, actual: Option<&str>) -> bool {
        let holds = match (&self.value, actual) {
            (None, actual) => actual.is_none(),
            (Some(_), None) => false,
            (Some(wanted), Some(actual)) => self.test.holds(actual, wanted),
        };
        holds != self.negated
    }
}

impl Test {
    fn holds(self, actual: &str, wanted: &str) -> bool {
        let numbers = || Some((actual.parse::<i64>().ok()?, wanted.parse::<i64>().ok()?));
        let compare = |test: fn(i64, i64) -> bool| numbers().is_some_and(|(actual, wanted)| test(actual, wanted));
        match self {
            Self::Is => actual.to_lowercase() == wanted.to_lowercase(),
            Self::Contains => actual.to_lowercase().contains(&wanted.to_lowercase()),
            Self::Above => compare(|actual, wanted| actual > wanted),
            Self::AtLeast => compare(|actual, wanted| actual >= wanted),
            Self::Below => compare(|actual, wanted| actual < wanted),
            Self::AtMost => compare(|actual, wanted| actual <= wanted),
        }
    }
}

fn malformed(query: &str) -> Refusal {
    Refusal::of("query", format!("We were unable to parse your search query: {query}"))
}

struct Reader<'q> {
    rest: &'q str,
}

impl Reader<'_> {
    fn clause(&mut self) -> Option<Clause> {
        let negated = self.eat("-");
        let name = self.word()?;
        let field = if self.eat("[") {
            let key = self.quoted()?;
            (name == "metadata" && self.eat("]")).then_some(Field::Metadata(key))?
        } else {
            Field::Named(name)
        };
        let test = TESTS.iter().find(|(sign, _)| self.eat(sign))?.1;
        let value = if self.rest.starts_with(['"', '\'']) { Some(self.quoted()?) } else { Some(self.word()?) };
        let value = value.filter(|value| value != "null");
        Some(Clause { negated, field, test, value })
    }

    /// `AND` (false) or `OR` (true); two clauses side by side mean AND.
    fn joint(&mut self) -> Option<bool> {
        let before = self.rest.len();
        self.rest = self.rest.trim_start();
        let spaced = self.rest.len() < before;
        for (word, any) in [("AND ", false), ("OR ", true)] {
            if spaced && self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
                self.rest = self.rest[word.len()..].trim_start();
                return Some(any);
            }
        }
        (spaced && !self.rest.is_empty()).then_some(false)
    }

    fn eat(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn word(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && !"_.".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// A text in single or double quotes; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| "\"'".contains(*c))?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((index, c)) = characters.next() {
            match c {
                '\\' => text.push(characters.next()?.1),
                _ if c == quote => {
                    self.rest = &self.rest[index + 1..];
                    return Some(text);
                }
                _ => text.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_holds(query: &str, expected: bool) {
        let query = Query::parse(query, &["email", "name", "created"]).unwrap();
        let value = |field: &Field| match field {
            Field::Metadata(key) => (key == "rowbill_op").then(|| "op\"1".to_owned()),
            Field::Named(name) => match name.as_str() {
                "email" => Some("ann@example.org".to_owned()),
                "created" => Some("100".to_owned()),
                _ => None,
            },
        };
        assert_eq!(query.holds(value), expected, "{query:?}");
    }

    #[test]
    fn queries() {
        assert_holds(r#"email:"Ann@example.org""#, true);
        assert_holds(r#"email~"example" AND metadata["rowbill_op"]:"op\"1""#, true);
        assert_holds(r#"-metadata["rowbill_op"]:null"#, true);
        assert_holds(r"metadata['other']:null", true);
        assert_holds(r#"-metadata["other"]:null"#, false);
        assert_holds("created>99 AND created<=100", true);
        assert_holds(r#"created>100 OR email:"ann@example.org""#, true);
        assert_holds(r#"name:"Ann""#, false);
    }

    #[test]
    fn nonsense_is_refused() {
        for query in
            ["", "email", "email:", r#"email:"x"#, r#"colour:"red""#, r#"email:"a" AND email:"b" OR email:"c""#]
        {
            assert!(Query::parse(query, &["email"]).is_err(), "{query}");
        }
    }
}
