//! What is said when a sheet cannot be used.

use std::io;

use rowbill_connector::{Place, Problem};

use crate::SheetsConfig;

fn place(config: &SheetsConfig) -> Place {
    Place { source: Some(origin(config)), ..Place::default() }
}

/// A short name for messages: `Orders!`.
pub(crate) fn origin(config: &SheetsConfig) -> String {
    format!("{}!", config.sheet)
}

fn login_place(display: &str) -> Place {
    Place { file: Some(display.to_owned()), ..Place::default() }
}

pub(crate) fn login_unreadable(display: &str, error: &io::Error) -> Problem {
    Problem::new("source.login_unreadable", format!("The login file {display} could not be read: {error}"))
        .advise("`google.login.file` names the JSON key of a service account, relative to rowbill.yaml")
        .at(login_place(display))
}

pub(crate) fn login_not_a_key(display: &str) -> Problem {
    Problem::new("source.login_invalid", format!("{display} is not the JSON key of a service account"))
        .advise(
            "In the Google Cloud console, under IAM, Service accounts, Keys, add a key of type JSON and save it there",
        )
        .at(login_place(display))
}

pub(crate) fn login_insecure(display: &str) -> Problem {
    Problem::new("source.login_invalid", format!("The token_uri in {display} is neither https nor on this machine"))
        .advise("Take the key file as Google gave it; its token_uri is https://oauth2.googleapis.com/token")
        .at(login_place(display))
}

pub(crate) fn login_unusable(email: &str) -> Problem {
    Problem::new("source.login_invalid", format!("The private key of {email} cannot be used"))
        .advise("Take the key file as Google gave it, or make a new key")
}

pub(crate) fn api_base(config: &SheetsConfig, base: &str) -> Problem {
    Problem::new("source.api_base", format!("{base} is not on this machine"))
        .advise("`google.api_base` is for tests and takes a loopback address only")
        .at(place(config))
}

pub(crate) fn spreadsheet_id(config: &SheetsConfig) -> Problem {
    let inside = config.spreadsheet.split("/d/").nth(1).and_then(|rest| rest.split('/').next());
    let advice = match inside {
        Some(id) => format!("Write the id alone: `spreadsheet: {id}`"),
        None => "The id is what stands between /d/ and /edit in the spreadsheet's address".to_owned(),
    };
    let message = format!("\"{}\" is not the id of a spreadsheet", config.spreadsheet);
    Problem::new("source.spreadsheet_invalid", message).advise(advice).at(place(config))
}

pub(crate) fn login_refused(config: &SheetsConfig, email: &str, said: &str) -> Problem {
    Problem::new("source.login_refused", format!("Google refused the login of {email}: {said}"))
        .advise("Look in the Google Cloud console whether the service account and its key are still there and enabled")
        .at(place(config))
}

pub(crate) fn forbidden(config: &SheetsConfig, email: &str, said: &str) -> Problem {
    Problem::new("source.forbidden", format!("Google lets {email} not do this: {said}"))
        .advise(share(config, email))
        .at(place(config))
}

fn share(config: &SheetsConfig, email: &str) -> String {
    let role = if config.write { "Editor" } else { "Viewer" };
    format!("Share the spreadsheet with {email} as {role}, and enable the Google Sheets API in its project")
}

/// A problem of a request that was made for several sources, as it concerns this one.
pub(crate) fn shared(config: &SheetsConfig, email: &str, problem: Problem) -> Problem {
    let problem = problem.at(place(config));
    if problem.code == "source.forbidden" { problem.advise(share(config, email)) } else { problem }
}

pub(crate) fn not_found(config: &SheetsConfig, email: &str, said: &str) -> Problem {
    let message = format!("There is no spreadsheet {} that {email} could see: {said}", config.spreadsheet);
    Problem::new("source.not_found", message)
        .advise(format!("Compare the id with the spreadsheet's address, and share the spreadsheet with {email}"))
        .at(place(config))
}

/// A range that Google does not understand is a sheet that is not there.
pub(crate) fn sheet_missing(config: &SheetsConfig, there: &[String]) -> Problem {
    let mut names: Vec<&String> = there.iter().collect();
    let near = |name: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &config.sheet.to_lowercase());
    names.sort_by_cached_key(|name| near(name));
    let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    Problem::new("source.sheet_missing", format!("The spreadsheet has no sheet \"{}\"", config.sheet))
        .advise(format!("It has {}", list.join(", ")))
        .at(place(config))
}

pub(crate) fn rate_limited(config: &SheetsConfig, said: &str) -> Problem {
    Problem::new("source.rate_limited", format!("Google's quota is used up: {said}"))
        .advise("Run less often, or let other programs of the same project ask less")
        .at(place(config))
}

pub(crate) fn unavailable(config: &SheetsConfig, said: &str) -> Problem {
    Problem::new("source.unavailable", format!("Google Sheets gave no usable answer: {said}"))
        .advise("Nothing was sent; run again, and look at https://www.google.com/appsstatus if it stays so")
        .at(place(config))
}

pub(crate) fn refused(config: &SheetsConfig, said: &str) -> Problem {
    Problem::new("source.refused", format!("Google Sheets refused the request: {said}"))
        .advise("Compare `spreadsheet` and `sheet` with the spreadsheet")
        .at(place(config))
}

/// Whether Google did not understand what was asked for: trying again does not help, asking otherwise may.
pub(crate) fn is_refusal(problem: &Problem) -> bool {
    problem.code == "source.refused"
}

pub(crate) fn empty(config: &SheetsConfig) -> Problem {
    Problem::new("source.empty", format!("The sheet \"{}\" has no header in its first row", config.sheet))
        .advise("The first row must hold the names of the columns")
        .at(Place { row: Some(1), ..place(config) })
}

pub(crate) fn header_missing(config: &SheetsConfig, header: &str, there: &[String]) -> Problem {
    let near = |name: &&String| strsim::damerau_levenshtein(&name.to_lowercase(), &header.to_lowercase());
    let nearest = there.iter().filter(|name| !name.trim().is_empty()).min_by_key(near);
    let advice = match nearest {
        Some(name) => format!("Add the column, or correct its name in the mapping; the nearest is \"{name}\""),
        None => "Add the column".to_owned(),
    };
    Problem::new("source.header_missing", format!("The sheet \"{}\" has no column \"{header}\"", config.sheet))
        .advise(advice)
        .at(Place { row: Some(1), cell: Some(header.to_owned()), ..place(config) })
}

pub(crate) fn header_doubled(config: &SheetsConfig, header: &str) -> Problem {
    let message = format!("The sheet \"{}\" has more than one column \"{header}\"", config.sheet);
    Problem::new("source.header_doubled", message)
        .advise("Give one of them another name; nothing was written back")
        .at(Place { row: Some(1), cell: Some(header.to_owned()), ..place(config) })
}

pub(crate) fn columns_move(config: &SheetsConfig) -> Problem {
    let message = format!("The columns of the sheet \"{}\" were moved while marks were to be written", config.sheet);
    Problem::new("source.unstable", message)
        .advise("Nothing was written back; the next run writes the results")
        .at(place(config))
}

pub(crate) fn read_only(config: &SheetsConfig) -> Problem {
    Problem::new("source.read_only", "Marks were to be written into a sheet that is only read")
        .advise("Declare `write_back` in the connection")
        .at(place(config))
}

pub(crate) fn another_table(config: &SheetsConfig) -> Problem {
    let message = format!("the sheet \"{}\" holds something else than this report; nothing was written", config.sheet);
    Problem::new("report.another_table", message)
        .advise("name a sheet of its own: an empty one, or that of the last report")
}
