//! The cases as they stand in `tables/*.txt`; `README.md` says how they are written.

/// One case.
pub struct Case {
    pub name: String,
    pub changes: Vec<Change>,
    /// Environment variables; none takes one away.
    pub env: Vec<(String, Option<String>)>,
    /// Faulty answers of the fake Google: method and status.
    pub google: Vec<(String, u16)>,
    pub command: Command,
    pub exit: i32,
    /// How many rows must be done; none where nothing may be sent.
    pub done: Option<u64>,
    pub expected: Vec<Expected>,
}

/// What is done to one file of the base project.
#[derive(Default)]
pub struct Change {
    pub path: String,
    /// `gone`, `folder`, `utf-16le`, or nothing.
    pub how: String,
    /// Lines with their sign.
    pub lines: Vec<(char, String)>,
}

pub enum Command {
    Validate,
    Online,
    Run(String),
}

/// One problem that must be told.
pub struct Expected {
    pub state: String,
    pub code: String,
    /// A place that is written out; none takes the next mark.
    pub place: Option<String>,
    pub message: String,
    pub advice: String,
}

/// Reads a table.
pub fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("case: ") {
            cases.push(Case::new(name));
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("`{line}` stands before the first case"));
        match line.strip_prefix("  ") {
            Some(inner) => case.inner(inner),
            None => case.outer(line),
        }
    }
    cases
}

impl Case {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            changes: Vec::new(),
            env: Vec::new(),
            google: Vec::new(),
            command: Command::Validate,
            exit: -1,
            done: None,
            expected: Vec::new(),
        }
    }

    fn outer(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["env", pair] => {
                let (name, value) =
                    pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value.to_owned())));
                self.env.push((name.to_owned(), value));
            }
            ["google", method, status] => self.google.push((method.to_owned(), number(status))),
            ["validate", exit] => (self.command, self.exit) = (Command::Validate, number(exit)),
            ["online", exit] => (self.command, self.exit) = (Command::Online, number(exit)),
            ["run", name, exit] => (self.command, self.exit) = (Command::Run(name.to_owned()), number(exit)),
            ["run", name, exit, "done", done] => {
                (self.command, self.exit) = (Command::Run(name.to_owned()), number(exit));
                self.done = Some(number(done));
            }
            [path] => self.changes.push(Change { path: path.to_owned(), ..Change::default() }),
            [path, how] => {
                self.changes.push(Change { path: path.to_owned(), how: how.to_owned(), ..Change::default() });
            }
            _ => panic!("{}: what is `{line}`?", self.name),
        }
    }

    fn inner(&mut self, line: &str) {
        let sign = line.chars().next().filter(|sign| "-+|".contains(*sign));
        match (sign, self.changes.last_mut()) {
            (Some(sign), Some(change)) if self.exit < 0 => change.lines.push((sign, line[1..].to_owned())),
            _ => match line.split_once(" times ") {
                Some((times, line)) => (0..number(times)).for_each(|_| self.expected.push(expected(line))),
                None => self.expected.push(expected(line)),
            },
        }
    }
}

fn expected(line: &str) -> Expected {
    let parts: Vec<&str> = line.splitn(3, " | ").map(str::trim).collect();
    let [head, message, advice] = parts[..] else { panic!("`{line}` is not: code | message | advice") };
    let (head, place) = match head.split_once('@') {
        Some((head, place)) => (head.trim(), Some(place.trim().to_owned())),
        None => (head, None),
    };
    let (state, code) = head.split_once(' ').unwrap_or(("failed", head));
    Expected {
        state: state.to_owned(),
        code: code.to_owned(),
        place,
        message: message.to_owned(),
        advice: advice.to_owned(),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"))
}
