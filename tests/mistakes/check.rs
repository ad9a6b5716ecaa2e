//! Runs the cases through the real binary, and compares what it says with what the table says.

use std::path::Path;
use std::process::Output;

use rowbill_google_sheets::fake::{FakeSheets, Fault};
use rowbill_stripe_sandbox::{Entry, Options, Sandbox};
use serde_json::Value;

use super::project::{self, Mark};
use super::table::{Case, Command, Expected};

/// Pieces of the keys that the tables write into files: nobody may ever read them.
const SECRETS: &[&str] = &["ThisIsASecret", "4eC39HqLyjWDarjtT1zdp7dc"];

/// Runs all cases of a table and tells all that differ.
pub fn table(text: &str) {
    let wanted = std::env::var("MISTAKES").unwrap_or_default();
    let cases = super::table::parse(text);
    let chosen: Vec<&Case> = cases.iter().filter(|case| case.name.contains(&wanted)).collect();
    let faults: Vec<String> =
        chosen.iter().filter_map(|case| run(case).err().map(|what| format!("✘ {}\n{what}", case.name))).collect();
    assert!(faults.is_empty(), "{} of {} cases differ\n\n{}", faults.len(), chosen.len(), faults.join("\n"));
}

struct Stage<'a> {
    case: &'a Case,
    folder: &'a Path,
}

fn run(case: &Case) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), Options::default()).expect("a sandbox");
    let sheets = FakeSheets::start();
    let folder = tempfile::tempdir().expect("a folder");
    let made = project::write(case, folder.path(), &sandbox.url(), sheets.url());
    sheets.login_file(folder.path());
    sheets.set_rows("Clients", made.sheet);
    for (method, status) in &case.google {
        // Some are tried again.
        (0..10).for_each(|_| sheets.fail(Fault::status(*status).of(method)));
    }
    let stage = Stage { case, folder: folder.path() };
    match &case.command {
        Command::Validate => {
            stage.says(&["validate"], &made.marks)?;
            if case.exit != 0 {
                stage.says(&["run-now", "--all"], &made.marks)?;
                stage.says_as_text(&["validate"])?;
            }
        }
        Command::Online => stage.says(&["validate", "--online"], &made.marks)?,
        Command::Run(name) => stage.says(&["run-now", name], &made.marks)?,
    }
    let posts = posts(&sandbox);
    if let Command::Run(name) = &case.command {
        // Once more, for people: what failed fails again, and what is done stays done.
        stage.says_as_text(&["run-now", name, "-y"])?;
    }
    let made =
        sandbox.objects("customer").len() + sandbox.objects("invoiceitem").len() + sandbox.objects("invoice").len();
    match case.done {
        None if posts > 0 => Err(format!("  {posts} POSTs were sent\n")),
        Some(done) if done > 0 && made == 0 => Err("  rows are done, and nothing was made\n".to_owned()),
        _ => Ok(()),
    }
}

fn posts(sandbox: &Sandbox) -> usize {
    sandbox
        .journal()
        .iter()
        .filter(|entry| matches!(entry, Entry::Request(request) if request.method == "POST"))
        .count()
}

impl Stage<'_> {
    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rowbill"));
        command.current_dir(self.folder).args(arguments).env_remove("CREDENTIALS_DIRECTORY");
        command.env("STRIPE_KEY", "sk_test_mistakes0000000000").env("NO_COLOR", "1");
        for (name, value) in &self.case.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().expect("the binary runs")
    }

    fn says(&self, arguments: &[&str], marks: &[Mark]) -> Result<(), String> {
        let mut with_json = arguments.to_vec();
        with_json.extend(["-o", "json", "-y"]);
        let output = self.command(&with_json);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        harmless(&stdout, &stderr)?;
        let json: Value =
            serde_json::from_str(&stdout).map_err(|error| format!("  {arguments:?}: {error}\n{stdout}{stderr}"))?;
        let mut found: Vec<Value> = json["problems"].as_array().cloned().unwrap_or_default();
        found.extend(json.get("stopped_by").cloned());
        let said = || found.iter().map(|problem| format!("    {problem}")).collect::<Vec<_>>().join("\n");
        let code = output.status.code().unwrap_or(-1);
        if code != self.case.exit {
            return Err(format!("  {arguments:?} exits with {code}, not {}\n{}{stderr}", self.case.exit, said()));
        }
        if let Some(done) = self.case.done
            && json["rows"]["done"].as_u64() != Some(done)
        {
            return Err(format!("  not {done} rows done: {}\n{}", json["rows"], said()));
        }
        self.compare(&found, marks).map_err(|what| format!("  {arguments:?}\n{what}\n  it says\n{}\n", said()))
    }

    fn compare(&self, found: &[Value], marks: &[Mark]) -> Result<(), String> {
        let mut left: Vec<&Value> = found.iter().collect();
        let mut marks = marks.iter();
        let mut faults = Vec::new();
        for expected in &self.case.expected {
            let mark = if expected.place.is_none() { marks.next() } else { None };
            match left.iter().position(|problem| is(problem, expected, mark)) {
                Some(index) => drop(left.remove(index)),
                None => faults.push(format!(
                    "  missing: {} | {} | {} at {mark:?}",
                    expected.code, expected.message, expected.advice
                )),
            }
        }
        for problem in left {
            faults.push(format!("  not expected: {} {}", problem["code"], problem["message"]));
        }
        faults.extend(marks.map(|mark| format!("  nothing is expected at {mark:?}")));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }

    /// The same, for people: every code and every piece of advice is on the screen, and no key.
    fn says_as_text(&self, arguments: &[&str]) -> Result<(), String> {
        let output = self.command(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        harmless(&stdout, &stderr)?;
        let all = format!("{stdout}{stderr}");
        match self
            .case
            .expected
            .iter()
            .find(|expected| ![&expected.message, &expected.advice].iter().all(|piece| all.contains(*piece)))
        {
            Some(expected) => Err(format!("  the text does not say {} with its advice\n{all}", expected.code)),
            None => Ok(()),
        }
    }
}

/// Neither a key nor a control character may reach a terminal.
fn harmless(stdout: &str, stderr: &str) -> Result<(), String> {
    let all = format!("{stdout}{stderr}");
    if let Some(secret) = SECRETS.iter().find(|secret| all.contains(**secret)) {
        return Err(format!("  the key {secret} is printed\n{all}"));
    }
    if all.contains(|c: char| c.is_control() && c != '\n') {
        return Err(format!("  a control character is printed\n{all:?}"));
    }
    if all.contains("panicked") { Err(format!("  it panicked\n{all}")) } else { Ok(()) }
}

fn is(problem: &Value, expected: &Expected, mark: Option<&Mark>) -> bool {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let state = problem.get("state").map_or("failed", |state| state.as_str().unwrap_or_default());
    let place = match (&expected.place, mark) {
        (Some(place), _) => place == "anywhere" || written(&problem["where"]) == *place,
        (None, Some(mark)) => stands(&problem["where"], mark),
        (None, None) => false,
    };
    place
        && text("code") == expected.code
        && state == expected.state
        && !text("advice").is_empty()
        && text("message").contains(&expected.message)
        && text("advice").contains(&expected.advice)
}

/// A place as the table writes it.
fn written(place: &Value) -> String {
    let name = place["source"].as_str().or(place["file"].as_str());
    let number = place["row"].as_u64().or(place["line"].as_u64()).map(|number| format!(":{number}"));
    name.map_or("-".to_owned(), |name| format!("{name}{}", number.unwrap_or_default()))
}

fn stands(place: &Value, mark: &Mark) -> bool {
    let kind = mark.file.rsplit('.').next().unwrap_or_default();
    if kind == "yaml" {
        return place["file"] == mark.file.as_str()
            && place["line"] == mark.line
            && place["column"].as_u64() == mark.column;
    }
    let source = if kind == "sheet" { "Clients!" } else { &mark.file };
    let at_row = place["source"] == source && place["row"] == mark.line;
    match (place.get("cell"), place.get("byte"), &mark.cell) {
        (None, None, None) => at_row,
        (Some(cell), None, Some(wanted)) => at_row && cell == wanted.as_str(),
        (None, Some(byte), Some(_)) => at_row && *byte == mark.byte,
        _ => false,
    }
}
