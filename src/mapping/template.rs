//! `${{ … }}`: the only template syntax. An expression alone keeps its type; mixed with text it becomes text.

use std::fmt;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, Expression, UndefinedBehavior};
use rowbill_connector::Problem;

use super::expression::{self, Fault};
use super::filters;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(50_000));
    filters::add(&mut env);
    env
});

/// A compiled text of the mapping.
pub struct Template {
    parts: Vec<Part>,
    source: String,
}

enum Part {
    Text(String),
    Expression { compiled: Expression<'static, 'static>, source: String, start: usize },
}

impl Template {
    /// Compiles a text. Faults are placed in bytes of `text`. `is_exact` knows the columns, see
    /// [`expression::prepare`].
    pub fn compile(text: &str, is_exact: &dyn Fn(&str) -> bool) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find(OPEN).map(|open| at + open) {
            bare_braces(text, at, open)?;
            let start = open + OPEN.len();
            let close = closing(text, start).ok_or_else(|| unclosed(open, text.len()))?;
            if open > at {
                parts.push(Part::Text(text[at..open].to_owned()));
            }
            parts.push(compile_one(&text[start..close], start, is_exact)?);
            at = close + CLOSE.len();
        }
        bare_braces(text, at, text.len())?;
        if at < text.len() {
            parts.push(Part::Text(text[at..].to_owned()));
        }
        Ok(Self { parts, source: text.to_owned() })
    }

    /// The text when there is no expression in it.
    pub fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The single expression, when there is nothing else: it keeps its type.
    pub fn alone(&self) -> Option<&str> {
        match &self.parts[..] {
            [Part::Expression { source, .. }] => Some(source.trim()),
            _ => None,
        }
    }

    /// The words of all expressions in a text that may have faults, with the byte at which each starts.
    pub fn words_of(text: &str) -> Vec<(&str, usize)> {
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(start) = text[at..].find(OPEN).map(|open| at + open + OPEN.len()) {
            let end = closing(text, start).unwrap_or(text.len());
            words.extend(expression::words(&text[start..end]).into_iter().map(|(word, offset)| (word, start + offset)));
            at = end;
        }
        words
    }

    /// All names of the form `row.x` or `group.x` (and other words), with the byte of the text at which each starts.
    pub fn words(&self) -> Vec<(String, usize)> {
        let mut words = Vec::new();
        for part in &self.parts {
            if let Part::Expression { source, start, .. } = part {
                words.extend(expression::words(source).into_iter().map(|(word, at)| (word.to_owned(), start + at)));
            }
        }
        words
    }

    /// Names that the expressions need from outside: `row.email`.
    pub fn references(&self) -> Vec<(String, usize)> {
        let mut names = Vec::new();
        for part in &self.parts {
            if let Part::Expression { compiled, source, start } = part {
                for name in compiled.undeclared_variables(true) {
                    if name == "exact" {
                        continue;
                    }
                    let at = expression::find_word(source, &name).map_or(0, |(at, _)| at);
                    names.push((name, start + at));
                }
            }
        }
        names.sort_by_key(|(_, at)| *at);
        names
    }

    /// The short name of the only column that it uses.
    pub fn one_column(&self) -> Option<String> {
        let names = self.references();
        let [(name, _)] = &names[..] else { return None };
        let name = name.strip_prefix("row.").or_else(|| name.strip_prefix("group."))?;
        name.split('.').next().map(str::to_owned)
    }

    /// Evaluates it in a scope such as `{ row: … }`.
    pub fn eval(&self, scope: &Value) -> Result<Value, Problem> {
        if let [Part::Expression { compiled, source, .. }] = &self.parts[..] {
            return evaluate(compiled, source, scope);
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression { compiled, source, .. } => {
                    let value = evaluate(compiled, source, scope)?;
                    if !value.is_none() {
                        text.push_str(&value.to_string());
                    }
                }
            }
        }
        Ok(Value::from(text))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

fn compile_one(source: &str, start: usize, is_exact: &dyn Fn(&str) -> bool) -> Result<Part, Fault> {
    let whole =
        |code, message: String, advice: String| Fault { code, message, advice, start, end: start + source.len() };
    if source.trim().is_empty() {
        return Err(whole(
            "mapping.template",
            "there is nothing between `${{` and `}}`".into(),
            "write a column: `${{ row.email }}`".into(),
        ));
    }
    let prepared = expression::prepare(source, is_exact).map_err(|fault| Fault {
        start: start + fault.start,
        end: start + fault.end,
        ..fault
    })?;
    let compiled = ENVIRONMENT.compile_expression_owned(prepared).map_err(|error| {
        // Exact literals have moved what stands behind them; the place is that of the text as it was written.
        let error = ENVIRONMENT.compile_expression(source).err().unwrap_or(error);
        let detail = error.detail().unwrap_or("it cannot be read").to_owned();
        let stops = detail.starts_with("unexpected end of input");
        let at = error.range().map_or(0, |range| source.floor_char_boundary(range.start));
        let (at, detail) = if stops { (source.len(), "it stops in the middle".to_owned()) } else { (at, detail) };
        Fault {
            start: start + at,
            ..whole(
                "mapping.template",
                format!("this expression is not right: {detail}"),
                "an example: `${{ row.email | lower }}`".into(),
            )
        }
    })?;
    Ok(Part::Expression { compiled, source: source.to_owned(), start })
}

/// The one line of an error; its longer form would print the row's data.
fn evaluate(compiled: &Expression<'static, 'static>, source: &str, scope: &Value) -> Result<Value, Problem> {
    compiled.eval(scope).map_err(|error| {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Problem::new("row.template", format!("`{}` cannot be worked out: {detail}", source.trim()))
            .advise("correct the mapping, or the cells that it uses")
    })
}

/// The place of the `}}` that ends an expression, past those inside quotes.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in text[start..].char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') if text[start + index..].starts_with(CLOSE) => return Some(start + index),
            _ => {}
        }
    }
    None
}

fn unclosed(start: usize, end: usize) -> Fault {
    Fault {
        code: "mapping.template",
        message: "`${{` is not closed".into(),
        advice: "end the expression with `}}`".into(),
        start,
        end,
    }
}

fn bare_braces(text: &str, from: usize, to: usize) -> Result<(), Fault> {
    match text[from..to].find("{{") {
        Some(at) => Err(Fault {
            code: "config.template_syntax",
            message: "`{{ … }}` without a dollar sign is not a template".into(),
            advice: format!(
                "write `${{{{ {} }}}}`",
                text[from + at + 2..].split('}').next().unwrap_or_default().trim()
            ),
            start: from + at,
            end: from + at + 2,
        }),
        None => Ok(()),
    }
}
