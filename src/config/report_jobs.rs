//! Reports that the daemon writes by itself: `reports:` of `rowbill.yaml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rowbill_connector::Problem;

use super::file::File;
use super::mapping_file::{elements, texts};
use super::schedule_file;
use super::settings::Account;
use super::yaml::Node;
use crate::report::By;
use crate::schedule::{Schedule, Trigger};
use crate::suggest::did_you_mean;

/// A cash-flow report that is written when it is time.
#[derive(Clone, Debug)]
pub struct ReportJob {
    /// Its name.
    pub name: String,
    /// How long its periods are.
    pub by: By,
    /// So many periods, up to and with the one of today.
    pub last: u16,
    /// The accounts; all of them if none is named.
    pub accounts: Vec<String>,
    /// When.
    pub schedule: Schedule,
    /// Where to.
    pub place: ReportPlace,
}

/// Where a report is written to.
#[derive(Clone, Debug)]
pub enum ReportPlace {
    /// A CSV file, whole or not at all.
    Csv {
        /// The file.
        path: PathBuf,
        /// As it is written in `rowbill.yaml`.
        display: String,
    },
    /// A sheet, whose content it becomes.
    Sheet {
        /// The id of the spreadsheet.
        spreadsheet: String,
        /// The name of the sheet.
        sheet: String,
    },
}

/// Reads them all; what is wrong is told.
pub fn read(
    file: &File,
    node: Option<&Node>,
    root: &Path,
    accounts: &BTreeMap<String, Account>,
    problems: &mut Vec<Problem>,
) -> Vec<ReportJob> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|(key, job)| one(file, &key.text, job, root, accounts, problems)).collect()
}

fn one(
    file: &File,
    name: &str,
    node: &Node,
    root: &Path,
    accounts: &BTreeMap<String, Account>,
    problems: &mut Vec<Problem>,
) -> Option<ReportJob> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let known: Vec<&str> = accounts.keys().map(String::as_str).collect();
    let named = node.get("accounts").map(elements).unwrap_or_default();
    for at in named.into_iter().filter(|at| !at.text().is_some_and(|name| known.contains(&name))) {
        let wrong = at.text().unwrap_or_default();
        let problem = Problem::new("config.unknown_account", format!("there is no account `{wrong}`"));
        problems.push(file.place(at.at, problem.advise(did_you_mean(wrong, &known))));
    }
    let schedule = schedule_file::read(file, node.get("schedule")?, problems)?;
    if matches!(schedule.trigger, Trigger::After { .. }) {
        let problem = Problem::new("config.schedule", "a report does not run after connections");
        problems.push(file.place(node.get("schedule")?.at, problem.advise("give it every:, at: or cron:")));
        return None;
    }
    Some(ReportJob {
        name: name.to_owned(),
        by: match text("by") {
            Some("day") => By::Day,
            Some("week") => By::Week,
            _ => By::Month,
        },
        last: text("last").and_then(|text| text.parse().ok()).unwrap_or(1),
        accounts: texts(node.get("accounts")),
        schedule,
        place: place(node, root)?,
    })
}

fn place(node: &Node, root: &Path) -> Option<ReportPlace> {
    if let Some(csv) = node.get("csv") {
        let display = csv.get("path")?.text()?.to_owned();
        return Some(ReportPlace::Csv { path: root.join(&display), display });
    }
    let sheet = node.get("google_sheets")?;
    let text = |key: &str| sheet.get(key).and_then(Node::text).map(str::to_owned);
    Some(ReportPlace::Sheet { spreadsheet: text("spreadsheet")?, sheet: text("sheet")? })
}
