//! A report that `rowbill.yaml` schedules: of the last periods, into its file or sheet.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use rowbill_connector::Problem;

use super::file;
use super::make::{Frame, days, make};
use crate::config::{Account, ReportJob, ReportPlace, Settings, Step};
use crate::connectors;
use crate::protocol::Time;
use crate::report::{By, table};

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
    let back = i64::from(job.last.max(1)) - 1;
    let (by, from) = match job.by {
        Step::Day => (By::Day, to.checked_sub(back.days())),
        Step::Week => (By::Week, monday(to).checked_sub(back.weeks())),
        Step::Month => (By::Month, to.first_of_month().checked_sub(back.months())),
    };
    Ok(Frame { from: from.map_err(|_| beyond())?, to, by, invoices_since: None })
}

fn monday(day: Date) -> Date {
    let back = i64::from(Weekday::Monday.until(day.weekday()));
    day.checked_sub(back.days()).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        for (day, wanted) in [("2026-11-27", "2026-11-23"), ("2026-11-23", "2026-11-23"), ("2026-11-29", "2026-11-23")]
        {
            assert_eq!(monday(day.parse().unwrap()).to_string(), wanted);
        }
    }
}
