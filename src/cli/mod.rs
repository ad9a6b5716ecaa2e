//! The command line: one file per command.

mod accounts;
mod args;
mod bar;
mod claims;
mod context;
mod daemon;
mod demo;
mod doctor;
pub mod exit;
mod explain;
mod init;
mod ledger;
mod pause;
mod payments;
mod payments_args;
mod plan;
mod preview;
mod rebuild;
mod reconcile;
mod refund;
mod report;
mod report_args;
mod report_out;
mod rows;
mod run_now;
mod runs;
mod sandbox;
mod schema;
mod screen;
mod send_test;
mod status;
mod tame;
mod test;
mod undo;
mod validate;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use clap::{CommandFactory, Parser};

use crate::run::Stop;
use crate::web::RunNow;
use args::{Cli, Command};
use context::{Context, Problems};
use screen::Screen;

pub use schema::{mapping_schema, settings_schema};

/// Runs the command line of this process and gives its exit code.
pub fn main() -> u8 {
    let cli = match Cli::try_parse().and_then(report_args::check) {
        Ok(cli) => cli,
        Err(error) => {
            screen::mistyped(&error);
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    logs(&cli);
    let screen = Screen::new(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.say(format!("no runtime: {error}"));
            return exit::OTHER;
        }
    };
    let context = Context { global: cli.global, screen, stop: Arc::new(Stop::default()) };
    let code = runtime.block_on(async {
        tokio::spawn(interrupts(Arc::clone(&context.stop)));
        dispatch(&context, cli.command).await
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    match code {
        Ok(exit::INTERRUPTED) => ENDED_BY.load(Ordering::SeqCst),
        Ok(code) => code,
        Err(problems) => {
            let code = exit::first(problems.iter().map(exit::of_problem));
            context.screen.refused(code, &problems, &context.root());
            code
        }
    }
}

async fn dispatch(context: &Context, command: Command) -> Result<u8, Problems> {
    match command {
        Command::Init { dir, from } => init::init(context, &dir, from.as_deref()).await,
        Command::Demo { keep } => demo::demo(context, keep).await,
        Command::Sandbox { port, live } => sandbox::sandbox(context, port, live).await,
        Command::Validate { online } => validate::validate(context, online).await,
        Command::Doctor => doctor::doctor(context).await,
        Command::Test { name } => test::test(context, name.as_deref()),
        Command::Preview { name, row, rows } => preview::preview(context, &name, row.as_deref(), rows).await,
        Command::Plan { names, all, only, exit_code } => plan::plan(context, names, all, only, exit_code).await,
        Command::SendTest { name, row, cleanup } => send_test::send_test(context, &name, row.as_deref(), cleanup).await,
        Command::RunNow { names, all, dry_run, only, .. } if dry_run => {
            plan::plan(context, names, all, only, false).await
        }
        Command::RunNow { names, all, only, limit, with_after, .. } => {
            let only = run_now::key(only.as_deref())?;
            run_now::run_now(context, RunNow { names, all, only, limit, with_after }).await
        }
        Command::Daemon { dashboard, unit } => daemon::daemon(context, dashboard.as_deref(), unit).await,
        Command::Pause { name } => pause::pause(context, &name, true).await,
        Command::Resume { name } => pause::pause(context, &name, false).await,
        Command::Status => status::status(context).await,
        Command::Runs { run, of, limit } => runs::runs(context, run.as_deref(), of, limit).await,
        Command::Rows(args) => rows::rows(context, args).await,
        Command::Accounts { command } => accounts::accounts(context, command).await,
        Command::Webhooks { command } => webhooks::webhooks(context, command).await,
        Command::Payments { command } => payments::payments(context, command).await,
        Command::Report { command } => report::report(context, command).await,
        Command::Reconcile { names, all } => reconcile::reconcile(context, &names, all).await,
        Command::Undo { run, dry_run } => undo::undo(context, &run, dry_run).await,
        Command::Ledger { command } => ledger::ledger(context, command).await,
        Command::Schema { of } => Ok(schema::schema(context, of)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "rowbill", &mut std::io::stdout());
            Ok(exit::OK)
        }
        Command::Explain { code } => Ok(explain::explain(context, &code)),
    }
}

/// The exit code of the signal that ended the command.
static ENDED_BY: AtomicU8 = AtomicU8::new(exit::INTERRUPTED);

/// Once: finish what is under way and report. Twice: stop now, which is safe too.
async fn interrupts(stop: Arc<Stop>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for is_second in [false, true] {
        let code =
            tokio::select! { _ = interrupt.recv() => exit::INTERRUPTED, _ = terminate.recv() => exit::TERMINATED };
        ENDED_BY.store(code, Ordering::SeqCst);
        if is_second {
            std::process::exit(code.into());
        }
        stop.ask();
    }
}

/// The daemon's log is its story; other commands only tell what is wrong.
fn logs(cli: &Cli) {
    let is_daemon = matches!(cli.command, Command::Daemon { .. });
    let level = match cli.global.verbose + u8::from(is_daemon && !cli.global.quiet) {
        0 => "warn",
        1 => "warn,rowbill=info,rowbill_stripe=info,rowbill_google_sheets=info",
        _ => "warn,rowbill=debug,rowbill_stripe=debug,rowbill_google_sheets=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("ROWBILL_LOG").unwrap_or_else(|_| level.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if is_daemon && cli.global.output != args::Output::Text {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
        log.with_ansi(colours).with_target(false).init();
    }
}
