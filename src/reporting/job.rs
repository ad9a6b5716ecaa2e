//! A report that `rowbill.yaml` schedules: of the last periods, into its file or sheet.

use jiff::Timestamp;
use rowbill_connector::Problem;

use super::file;
use super::make::{Frame, days, make};
use crate::config::{Account, ReportJob, ReportPlace, Settings};
use crate::connectors;
use crate::protocol::Time;
use crate::report::table;

/// Makes it and writes it, as of now (seconds, UTC). Where it was written, for people.
pub async fn run(settings: &Settings, job: &ReportJob, now: Time) -> Result<String, Problem> {
    let accounts: Vec<&Account> = settings
        .accounts
        .values()
        .filter(|account| job.accounts.is_empty() || job.accounts.contains(&account.name))
        .collect();
    let frame = frame(settings, job, now)?;
    let report = make(&frame, &settings.zone, &accounts).await?;
    let currencies = &connectors::catalog().currencies;
    match &job.place {
        ReportPlace::Csv { path, display } => {
            if let Some(folder) = path.parent() {
                // Whether it is there is told by the file.
                let _ = std::fs::create_dir_all(folder);
            }
            let text = table::csv(&report, currencies);
            file::is_free_for(path, &text)?;
            file::write(path, &text)?;
            Ok(display.clone())
        }
        ReportPlace::Sheet { spreadsheet, sheet } => {
            let google = settings.google.as_ref();
            connectors::replace_sheet(google, spreadsheet, sheet, &table::records(&report, currencies)).await?;
            Ok(format!("sheet {sheet}"))
        }
    }
}

/// The last so many periods, up to today.
fn frame(settings: &Settings, job: &ReportJob, now: Time) -> Result<Frame, Problem> {
    let beyond = || days("the clock of this machine is beyond the calendar");
    let to = Timestamp::from_second(now).map_err(|_| beyond())?.to_zoned(settings.zone.clone()).date();
    let from = job.by.first_of(job.last, to).ok_or_else(beyond)?;
    Ok(Frame { from, to, by: job.by, invoices_since: None })
}
