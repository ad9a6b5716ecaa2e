//! The arguments of `rowbill report`.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::args::{Cli, Command, Output};

/// What is wrong with a command line as a whole: a form that only reports have.
pub fn check(cli: Cli) -> Result<Cli, clap::Error> {
    let is_of_reports = matches!(cli.global.output, Output::Csv | Output::Svg);
    if !is_of_reports || matches!(cli.command, Command::Report { .. }) {
        return Ok(cli);
    }
    let message = "only `report` has the output forms csv and svg";
    Err(Cli::command().error(ErrorKind::ArgumentConflict, message))
}

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Invoiced, paid, fees, refunds, disputes, net, paid out and open, for each period and currency
    Cashflow(CashflowArgs),
    /// Write the reports of rowbill.yaml now, each into its file or sheet
    Write {
        /// Only these
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct CashflowArgs {
    /// The first day [default: the first of the month of the last day]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub to: Option<Date>,
    /// How long the periods are
    #[arg(long, value_name = "PERIOD", default_value = "month")]
    pub by: Period,
    /// Only this account; may be given several times
    #[arg(long = "account", value_name = "NAME")]
    pub accounts: Vec<String>,
    /// Write it to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Look at invoices that were made from this day on, and at all that are open [default: a year before --from]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub invoices_since: Option<Date>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Period {
    Day,
    Week,
    Month,
}

fn day(text: &str) -> Result<Date, String> {
    let is_day = text.len() == "2026-11-01".len();
    text.parse().ok().filter(|_| is_day).ok_or_else(|| "a day is written as 2026-11-01".to_owned())
}
