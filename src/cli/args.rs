//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::payments_args::{AccountsCommand, PaymentsCommand, WebhooksCommand};
use super::report_args::ReportCommand;

/// Rows in, bills out, once: from spreadsheets and files to Stripe customers, invoice items and invoices.
#[derive(Debug, Parser)]
#[command(name = "rowbill", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Start with `rowbill demo`: a fake Stripe and sample rows, nothing real is touched.\nScripts use `--output json` and the exit code (docs/commands.md)."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The configuration file
    #[arg(short, long, value_name = "PATH", default_value = "rowbill.yaml", global = true)]
    pub config: PathBuf,
    /// How results are printed; csv and svg are for reports only
    #[arg(short, long, value_name = "FORM", default_value = "text", global = true)]
    pub output: Output,
    /// Print nothing but results and problems
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice: say everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
    /// Never ask; refuse instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Yes to what would be asked
    #[arg(short, long, global = true)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
    Jsonl,
    Csv,
    Svg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented rowbill.yaml and a first mapping
    Init {
        /// Where
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Read the headers of a file: csv:FILE
        #[arg(long, value_name = "csv:FILE")]
        from: Option<String>,
    },
    /// A fake Stripe, sample rows, the whole flow; nothing real is touched
    Demo {
        /// Keep the demo's folder, and say where it is
        #[arg(long)]
        keep: bool,
    },
    /// Run the fake Stripe for tests of your own
    Sandbox {
        /// The port on 127.0.0.1; 0 picks one
        #[arg(long, default_value_t = 12111)]
        port: u16,
        /// Behave like live mode, for `sk_live_` keys
        #[arg(long)]
        live: bool,
    },
    /// Check every mapping; sends nothing
    Validate {
        /// Compare headers with the sources, and ask Stripe about the keys
        #[arg(long)]
        online: bool,
    },
    /// Check all that a run needs, and print each fix as a command
    Doctor,
    /// Run the tests: of the mappings
    Test {
        /// Only this connection
        name: Option<String>,
    },
    /// The first rows as they would be sent
    Preview {
        /// The connection
        name: String,
        /// Only the row with this key
        #[arg(long, value_name = "KEY")]
        row: Option<String>,
        /// How many rows
        #[arg(long, default_value_t = 3)]
        rows: usize,
    },
    /// What a run would do, with totals; sends nothing
    Plan {
        /// The connections; all of them with --all
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All connections
        #[arg(long)]
        all: bool,
        /// Only the row or group with this key
        #[arg(long, value_name = "KEY")]
        only: Option<String>,
        /// Exit with 4 when there is something to do
        #[arg(long)]
        exit_code: bool,
    },
    /// Send one row to a test account, with a link; refuses a live key
    SendTest {
        /// The connection
        name: String,
        /// The row with this key; the first that can be sent if left out
        #[arg(long, value_name = "KEY")]
        row: Option<String>,
        /// Delete what was made
        #[arg(long)]
        cleanup: bool,
    },
    /// Run connections now
    RunNow {
        /// The connections, in order; all of them with --all
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All connections, in the order of their `after:`
        #[arg(long)]
        all: bool,
        /// Only plan
        #[arg(long)]
        dry_run: bool,
        /// Only the row or group with this key
        #[arg(long, value_name = "KEY")]
        only: Option<String>,
        /// Send at most so many rows or groups
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Then run what runs after them
        #[arg(long)]
        with_after: bool,
    },
    /// Run every connection when it is due, until it is asked to stop
    Daemon {
        /// Serve health and metrics there; port 0 picks a free one [default: 127.0.0.1:8377]
        #[arg(long, value_name = "ADDR")]
        dashboard: Option<String>,
        /// Print a systemd unit for this project, and do nothing else
        #[arg(long)]
        unit: bool,
    },
    /// Put a connection's schedule on hold
    Pause {
        /// The connection
        name: String,
    },
    /// Take a connection's schedule up again
    Resume {
        /// The connection
        name: String,
    },
    /// Every connection: its last run, the next one, and what needs you
    Status,
    /// Past runs, or one of them
    Runs {
        /// The run
        run: Option<String>,
        /// Only those of this connection
        #[arg(long, value_name = "NAME", conflicts_with = "run")]
        of: Option<String>,
        /// At most so many, the newest first
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Rows that the ledger knows
    Rows(RowsArgs),
    /// What a key may do at its account
    Accounts {
        #[command(subcommand)]
        command: AccountsCommand,
    },
    /// Where Stripe delivers events to, and what came
    Webhooks {
        #[command(subcommand)]
        command: WebhooksCommand,
    },
    /// What became of the invoices: who paid, what came back
    Payments {
        #[command(subcommand)]
        command: PaymentsCommand,
    },
    /// What came of the invoices in money
    Report {
        #[command(subcommand)]
        command: ReportCommand,
    },
    /// Compare source, ledger and Stripe; changes nothing
    Reconcile {
        /// The connections; all of them with --all
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All connections
        #[arg(long)]
        all: bool,
    },
    /// Take back what a run has made, where Stripe still allows it; shows a plan and asks first
    Undo {
        /// The run, as `rowbill runs` shows it
        run: String,
        /// Only show the plan
        #[arg(long)]
        dry_run: bool,
    },
    /// Care for the ledger
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// The JSON Schema of the files, for editors
    Schema {
        /// Which file
        #[arg(default_value = "mapping")]
        of: SchemaOf,
    },
    /// Shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// What a problem's code means and how to mend it
    Explain {
        /// The code, such as `row.not_a_number`
        code: String,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RowsArgs {
    #[command(subcommand)]
    pub command: Option<RowsCommand>,
    /// The connection
    #[arg(required = true)]
    pub name: Option<String>,
    /// Only the row with this key
    pub key: Option<String>,
    /// Only rows that failed, wait or need a person
    #[arg(long)]
    pub failed: bool,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    pub limit: u32,
}

#[derive(Debug, Subcommand)]
pub enum RowsCommand {
    /// Try a failed row again in the next run
    Retry { name: String, key: String },
    /// Leave a row out from now on
    Skip { name: String, key: String },
    /// Take the edited content of a row that was done
    Accept { name: String, key: String },
    /// Say what became of a row whose answer was lost
    Resolve {
        name: String,
        key: String,
        /// The object exists, and this is its id
        #[arg(long, value_name = "ID", conflicts_with = "none", required_unless_present = "none")]
        stripe_id: Option<String>,
        /// There is no object: send it again in the next run
        #[arg(long)]
        none: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Make a new, empty ledger
    Create,
    /// Read everything and check every checksum
    Verify,
    /// Write a consistent copy into a new file
    Backup { file: PathBuf },
    /// Make a lost ledger again, from Stripe and the sources
    Rebuild,
    /// Give a renamed connection its rows
    Rename { old: String, new: String },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    Mapping,
    Settings,
}
