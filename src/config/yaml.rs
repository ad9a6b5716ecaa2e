//! YAML as a tree in which every key and value knows where it stands.
//!
//! The events of `granit-parser` (the parser under serde-saphyr) are used directly: serde would stop at the first
//! mistake and would turn `12.50` into a float, and people want all mistakes at once and money that is exact.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span};
use rowbill_connector::Problem;

use super::file::File;
use super::syntax;

/// So many lists and maps may be inside each other.
const DEEPEST: usize = 100;

/// A stretch of a file: byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// First byte.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// A YAML value. Scalars stay text: their meaning comes from what is expected.
#[derive(Clone, Debug)]
pub enum Value {
    /// A scalar; `plain` when it was written without quotes.
    Scalar {
        /// The text.
        text: String,
        /// Written without quotes or block style.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands.
    pub at: At,
    /// Its text.
    pub text: String,
}

impl Node {
    /// The entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Nothing was written after the colon.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.is_empty() || text == "~" || text == "null")
    }
}

/// Parses one document. Mistakes in the syntax end it; duplicate keys are collected.
pub fn parse(file: &File, problems: &mut Vec<Problem>) -> Option<Node> {
    if let Some(at) = tab_in_indentation(&file.text) {
        let problem = Problem::new("config.tab", "a tab stands where YAML wants spaces");
        problems.push(file.place(at, problem).advise("indent with two spaces instead of the tab"));
        return None;
    }
    let mut builder = Builder { file, problems, parser: Parser::new_from_str(&file.text), depth: 0 };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Stop::Told) => None,
        Err(Stop::Syntax(problem)) => {
            problems.push(problem);
            None
        }
    }
}

enum Stop {
    Told,
    Syntax(Problem),
}

struct Builder<'a, I: granit_parser::BorrowedInput<'a>> {
    file: &'a File,
    problems: &'a mut Vec<Problem>,
    parser: Parser<'a, I>,
    /// How many lists and maps are open.
    depth: usize,
}

impl<'a, I: granit_parser::BorrowedInput<'a>> Builder<'a, I> {
    fn next(&mut self) -> Result<(Event<'a>, At), Stop> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, at(self.file, span))),
            Some(Err(error)) => {
                let start = self.file.byte_of_char(error.marker().index());
                match error.kind() {
                    ErrorKind::UnknownAnchor => Err(self.alias(start)),
                    kind => Err(Stop::Syntax(syntax::explain(self.file, kind, start))),
                }
            }
            None => Err(Stop::Told),
        }
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    let problem = Problem::new("config.empty", "the file is empty")
                        .advise("remove it, or begin with what `rowbill init` writes");
                    return Err(Stop::Syntax(self.file.place(At::default(), problem)));
                }
                (event, at) => {
                    let node = self.node(event, at)?;
                    return self.only_document(node);
                }
            }
        }
    }

    fn only_document(&mut self, node: Node) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(node),
                (Event::DocumentEnd, _) => {}
                (_, at) => {
                    let problem = Problem::new("config.yaml", "a second YAML document starts here")
                        .advise("one file is one document: remove the `---`, or use two files");
                    return Err(Stop::Syntax(self.file.place(at, problem)));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, at: At) -> Result<Node, Stop> {
        self.no_decoration(&event, at)?;
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                Ok(Node { at, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(..) => self.nested(at, Self::list),
            Event::MappingStart(..) => self.nested(at, Self::map),
            _ => Err(self.alias(at.start)),
        }
    }

    /// Trees are walked by functions that call themselves: a deeper one would end the program.
    fn nested(&mut self, at: At, read: impl Fn(&mut Self, At) -> Result<Node, Stop>) -> Result<Node, Stop> {
        if self.depth == DEEPEST {
            let problem =
                Problem::new("config.yaml", format!("more than {DEEPEST} lists and maps are inside each other"))
                    .advise("no setting is nested so deep; a text that starts with `{` or `[` needs quotes");
            return Err(Stop::Syntax(self.file.place(at, problem)));
        }
        self.depth += 1;
        let node = read(self, at);
        self.depth -= 1;
        node
    }

    /// Anchors and tags would be lost in silence.
    fn no_decoration(&self, event: &Event<'a>, at: At) -> Result<(), Stop> {
        let (Event::Scalar(_, _, anchor, tag)
        | Event::SequenceStart(_, anchor, tag)
        | Event::MappingStart(_, anchor, tag)) = event
        else {
            return Ok(());
        };
        let before = |sign: char| self.file.text[..at.start].rfind(sign).unwrap_or(at.start);
        if *anchor != 0 {
            return Err(self.alias(before('&')));
        }
        if tag.is_some() {
            let start = before('!');
            let problem = Problem::new("config.yaml", "tags (`!…`) are not used here")
                .advise("take it out; a text that starts with `!` needs quotes");
            return Err(Stop::Syntax(self.file.place(At { start, end: at.end }, problem)));
        }
        Ok(())
    }

    fn alias(&self, start: usize) -> Stop {
        let problem = Problem::new("config.alias", "anchors and aliases (`&`, `*`) are not used here")
            .advise("write the value out; a text that starts with `*` or `&` needs quotes");
        Stop::Syntax(self.file.place(At { start, end: start + 1 }, problem))
    }

    fn list(&mut self, mut whole: At) -> Result<Node, Stop> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    whole.end = whole.end.max(end.start);
                    return Ok(Node { at: whole, value: Value::List(elements) });
                }
                (event, at) => elements.push(self.node(event, at)?),
            }
        }
    }

    fn map(&mut self, mut whole: At) -> Result<Node, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            match self.next()? {
                (Event::MappingEnd, end) => {
                    whole.end = whole.end.max(end.start);
                    return Ok(Node { at: whole, value: Value::Map(entries) });
                }
                (Event::Scalar(text, ..), at) => {
                    let key = Key { at, text: text.into_owned() };
                    let (event, at) = self.next()?;
                    let mut node = self.node(event, at)?;
                    if node.at.start == node.at.end && node.is_null() {
                        // Nothing has no place of its own.
                        node.at = key.at;
                    }
                    if let Some((first, _)) = entries.iter().find(|(k, _)| k.text == key.text) {
                        self.twice(first.at, &key);
                    } else {
                        entries.push((key, node));
                    }
                }
                (_, at) => return Err(Stop::Syntax(syntax::key_is_no_text(self.file, at.start))),
            }
        }
    }

    fn twice(&mut self, first: At, key: &Key) {
        let line = self.file.position(first.start).0;
        let message = format!("`{}` is set twice: here and in line {line}", key.text);
        let problem = Problem::new("config.duplicate_key", message).advise("keep one of them");
        self.problems.push(self.file.place(key.at, problem));
    }
}

fn at(file: &File, span: Span) -> At {
    let start = file.byte_of_char(span.start.index());
    let end = file.byte_of_char(span.end.index()).max(start);
    At { start, end }
}

fn tab_in_indentation(text: &str) -> Option<At> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let content = line[indent..].trim_end();
        if let Some(tab) = line[..indent].find('\t')
            && !content.is_empty()
            && !content.starts_with('#')
        {
            return Some(At { start: start + tab, end: start + tab + 1 });
        }
        start += line.len();
    }
    None
}
